# One boot image serves both systems: config.txt takes cmdline-a.txt or cmdline-b.txt by the partition that it was read from.
# A kernel that panics starts the board again, and then the system that was good before.
CMDLINE_ROOTFS:pipit = "root=PARTLABEL=pipit-root-a rootfstype=ext4 rootwait ro panic=10 rauc.slot=A"

do_compile:append:pipit() {
    cp ${WORKDIR}/cmdline.txt ${WORKDIR}/cmdline-a.txt
    sed -e 's/pipit-root-a/pipit-root-b/' -e 's/rauc.slot=A/rauc.slot=B/' ${WORKDIR}/cmdline.txt > ${WORKDIR}/cmdline-b.txt
}

do_deploy:append:pipit() {
    install -m 0644 ${WORKDIR}/cmdline-a.txt ${WORKDIR}/cmdline-b.txt ${DEPLOYDIR}/${BOOTFILES_DIR_NAME}
}
