FILESEXTRAPATHS:prepend:pipit := "${THISDIR}/files:"

# Where the partitions of the card that are not the system's are seen.
do_install:append:pipit() {
    install -d -m 0755 ${D}/data ${D}/boot/select
}

FILES:${PN}:append:pipit = " /data /boot/select"
