SUMMARY = "The partition that says which of two systems the board starts"
DESCRIPTION = "A FAT file system with autoboot.txt alone. The firmware of Raspberry Pi 4 and 5 reads it first, and tries the other system once when it is asked to (tryboot)."
HOMEPAGE = "https://www.raspberrypi.com/documentation/computers/config_txt.html"
SECTION = "bsp"
LICENSE = "Apache-2.0 | MIT"
# nooelint: oelint.var.licenseremotefile - the licences are those of the repository that this layer is part of
LIC_FILES_CHKSUM = "\
    file://${PIPIT_SOURCE}/LICENSE-APACHE;md5=3b83ef96387f14655fc854ddc3c6bd57 \
    file://${PIPIT_SOURCE}/LICENSE-MIT;md5=b3d4e4ccd5959004a055108bfec2db86 \
"
CVE_PRODUCT = "pipit"

DEPENDS = "dosfstools-native mtools-native"

SRC_URI = "file://autoboot.txt"

S = "${WORKDIR}"
B = "${WORKDIR}/build"

inherit deploy nopackages

INHIBIT_DEFAULT_DEPS = "1"
COMPATIBLE_MACHINE = "^rpi$"
PACKAGE_ARCH = "${MACHINE_ARCH}"

do_configure[noexec] = "1"
do_install[noexec] = "1"

# As large as the partition of pipit-raspberrypi.wks.in.
SELECT_IMAGE_MIB = "16"

do_compile() {
    rm -f ${B}/select.vfat
    mkdosfs -n SELECT -C ${B}/select.vfat $(expr ${SELECT_IMAGE_MIB} \* 1024)
    mcopy -i ${B}/select.vfat ${WORKDIR}/autoboot.txt ::/
}

do_deploy() {
    install -m 0644 ${B}/select.vfat ${DEPLOYDIR}/pipit-select.vfat
}
addtask deploy after do_compile before do_build
