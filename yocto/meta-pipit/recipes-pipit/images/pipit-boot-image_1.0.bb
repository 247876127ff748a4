SUMMARY = "What the board's firmware reads of a system, as an image that an update writes"
DESCRIPTION = "Kernel, device trees, firmware, config.txt and both command lines, in one FAT file system."
HOMEPAGE = "http://pipit.local"
SECTION = "bsp"
LICENSE = "Apache-2.0 | MIT"
# nooelint: oelint.var.licenseremotefile - the licences are those of the repository that this layer is part of
LIC_FILES_CHKSUM = "\
    file://${PIPIT_SOURCE}/LICENSE-APACHE;md5=3b83ef96387f14655fc854ddc3c6bd57 \
    file://${PIPIT_SOURCE}/LICENSE-MIT;md5=b3d4e4ccd5959004a055108bfec2db86 \
"
CVE_PRODUCT = "pipit"

DEPENDS = "dosfstools-native mtools-native"

SRC_URI = ""

S = "${WORKDIR}/boot"
B = "${WORKDIR}/boot"

inherit deploy nopackages

INHIBIT_DEFAULT_DEPS = "1"
COMPATIBLE_MACHINE = "^rpi$"
PACKAGE_ARCH = "${MACHINE_ARCH}"

do_configure[noexec] = "1"
do_install[noexec] = "1"

# As large as the partitions of pipit-raspberrypi.wks.in.
BOOT_IMAGE_MIB = "128"

do_compile[cleandirs] = "${B}/files"
do_compile[depends] += "rpi-bootfiles:do_deploy rpi-cmdline:do_deploy rpi-config:do_deploy virtual/kernel:do_deploy"
do_compile() {
    cd ${DEPLOY_DIR_IMAGE}
    # Each is SOURCE or SOURCE;TARGET, as wic reads it, and a source may stand for several files.
    for entry in ${@' '.join("'%s'" % entry for entry in (d.getVar('IMAGE_BOOT_FILES') or '').split())}; do
        source=${entry%%;*}
        target=""
        [ "$source" = "$entry" ] || target=${entry#*;}
        for file in $source; do
            [ -e "$file" ] || bbfatal "$file, which IMAGE_BOOT_FILES names, is not there"
            install -D -m 0644 "$file" "${B}/files/${target:-$(basename "$file")}"
        done
    done
    rm -f ${B}/boot.vfat
    mkdosfs -F 32 -n BOOT -C ${B}/boot.vfat $(expr ${BOOT_IMAGE_MIB} \* 1024)
    mcopy -i ${B}/boot.vfat -s ${B}/files/* ::/
}

do_deploy() {
    install -m 0644 ${B}/boot.vfat ${DEPLOYDIR}/pipit-boot-${MACHINE}.vfat
}
addtask deploy after do_compile before do_build
