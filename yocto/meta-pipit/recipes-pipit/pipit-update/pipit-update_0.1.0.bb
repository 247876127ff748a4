SUMMARY = "Updates that prove themselves or are taken back"
DESCRIPTION = "Units and small shell programs between RAUC, the board's firmware and Pipit, and the data partition that both systems share."
HOMEPAGE = "http://pipit.local"
SECTION = "base"
LICENSE = "Apache-2.0 | MIT"
# nooelint: oelint.var.licenseremotefile - the licences are those of the repository that this layer is part of
LIC_FILES_CHKSUM = "\
    file://${PIPIT_SOURCE}/LICENSE-APACHE;md5=3b83ef96387f14655fc854ddc3c6bd57 \
    file://${PIPIT_SOURCE}/LICENSE-MIT;md5=b3d4e4ccd5959004a055108bfec2db86 \
"
CVE_PRODUCT = "pipit"

SRC_URI = "\
    file://60-pipit-data.conf \
    file://60-pipit-watchdog.conf \
    file://60-pipit.network \
    file://pipit-data \
    file://pipit-data.service \
    file://pipit-mark-good \
    file://pipit-mark-good.service \
    file://pipit-self-test.service \
    file://pipit-start-try \
    file://pipit-try-update.service \
"

S = "${WORKDIR}"

inherit allarch systemd

SYSTEMD_SERVICE:${PN} = "pipit-mark-good.service pipit-try-update.service"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -d ${D}${nonarch_libdir}/pipit ${D}${systemd_system_unitdir} ${D}${localstatedir}/lib/iwd
    install -d ${D}${nonarch_libdir}/repart.d ${D}${nonarch_libdir}/systemd/system.conf.d ${D}${systemd_unitdir}/network
    install -m 0755 ${WORKDIR}/pipit-data ${WORKDIR}/pipit-mark-good ${WORKDIR}/pipit-start-try ${D}${nonarch_libdir}/pipit
    install -m 0644 ${WORKDIR}/pipit-*.service ${D}${systemd_system_unitdir}
    install -m 0644 ${WORKDIR}/60-pipit-data.conf ${D}${nonarch_libdir}/repart.d
    install -m 0644 ${WORKDIR}/60-pipit-watchdog.conf ${D}${nonarch_libdir}/systemd/system.conf.d
    install -m 0644 ${WORKDIR}/60-pipit.network ${D}${systemd_unitdir}/network
}

FILES:${PN} += "\
    ${localstatedir}/lib/iwd \
    ${nonarch_libdir}/pipit \
    ${nonarch_libdir}/repart.d \
    ${nonarch_libdir}/systemd \
    ${systemd_system_unitdir} \
    ${systemd_unitdir}/network \
"

RDEPENDS:${PN} += "pipit rauc systemd"
