SUMMARY = "An update of Pipit: a signed RAUC bundle for one board"
DESCRIPTION = "Both partitions of a system. It is refused where it is not signed, is for another board, or is older than what runs."
HOMEPAGE = "http://pipit.local"
SECTION = "base"
LICENSE = "Apache-2.0 | MIT"
# nooelint: oelint.var.licenseremotefile - the licences are those of the repository that this layer is part of
LIC_FILES_CHKSUM = "\
    file://${PIPIT_SOURCE}/LICENSE-APACHE;md5=3b83ef96387f14655fc854ddc3c6bd57 \
    file://${PIPIT_SOURCE}/LICENSE-MIT;md5=b3d4e4ccd5959004a055108bfec2db86 \
"
CVE_PRODUCT = "pipit"

SRC_URI = "file://install-check"

inherit bundle

RAUC_BUNDLE_COMPATIBLE = "pipit-${MACHINE}"
RAUC_BUNDLE_VERSION = "${PV}"
RAUC_BUNDLE_FORMAT = "verity"
RAUC_BUNDLE_HOOKS[file] = "install-check"
RAUC_BUNDLE_HOOKS[hooks] = "install-check"

RAUC_BUNDLE_SLOTS = "rootfs boot"
RAUC_SLOT_rootfs = "pipit-image"
RAUC_SLOT_rootfs[fstype] = "ext4"
RAUC_SLOT_boot = "pipit-boot-image"
RAUC_SLOT_boot[type] = "file"
RAUC_SLOT_boot[file] = "pipit-boot-${MACHINE}.vfat"
RAUC_SLOT_boot[rename] = "boot.vfat"
