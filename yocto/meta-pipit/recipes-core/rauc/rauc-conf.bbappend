FILESEXTRAPATHS:prepend:pipit := "${THISDIR}/files:"

SRC_URI:append:pipit = " file://boot-backend"

PACKAGE_ARCH:pipit = "${MACHINE_ARCH}"

do_install:append:pipit() {
    sed -i -e 's|@MACHINE@|${MACHINE}|' -e 's|@KEYRING@|${@os.path.basename(d.getVar('RAUC_KEYRING_FILE'))}|' \
        ${D}${sysconfdir}/rauc/system.conf
    install -d ${D}${nonarch_libdir}/pipit
    install -m 0755 ${WORKDIR}/boot-backend ${D}${nonarch_libdir}/pipit
}

FILES:${PN}:append:pipit = " ${nonarch_libdir}/pipit/boot-backend"
