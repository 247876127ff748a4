SUMMARY = "autoboot.txt: which of two systems the board's firmware starts"
DESCRIPTION = "The first partition of the card holds nothing else. The firmware of Raspberry Pi 4 and 5 reads it, and tries the other system once when it is asked to (tryboot)."
HOMEPAGE = "https://www.raspberrypi.com/documentation/computers/config_txt.html"
SECTION = "bsp"
LICENSE = "Apache-2.0 | MIT"
# nooelint: oelint.var.licenseremotefile - the licences are those of the repository that this layer is part of
LIC_FILES_CHKSUM = "\
    file://${PIPIT_SOURCE}/LICENSE-APACHE;md5=3b83ef96387f14655fc854ddc3c6bd57 \
    file://${PIPIT_SOURCE}/LICENSE-MIT;md5=b3d4e4ccd5959004a055108bfec2db86 \
"
CVE_PRODUCT = "pipit"

SRC_URI = "file://autoboot.txt"

S = "${WORKDIR}"

inherit deploy nopackages

INHIBIT_DEFAULT_DEPS = "1"
COMPATIBLE_MACHINE = "^rpi$"
PACKAGE_ARCH = "${MACHINE_ARCH}"

do_configure[noexec] = "1"
do_compile[noexec] = "1"
do_install[noexec] = "1"

do_deploy() {
    install -m 0644 ${WORKDIR}/autoboot.txt ${DEPLOYDIR}
}
addtask deploy after do_compile before do_build
