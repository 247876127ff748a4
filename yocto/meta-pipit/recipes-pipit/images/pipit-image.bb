SUMMARY = "Pipit on a card for Raspberry Pi 4 and 5"
DESCRIPTION = "Two systems that can't be written, of which one runs, and a partition with what is the owner's. There is no SSH and no password: whoever signs in does so at the panel."
HOMEPAGE = "http://pipit.local"
SECTION = "base"
CVE_PRODUCT = "pipit"
LICENSE = "Apache-2.0 | MIT"

inherit core-image

IMAGE_FEATURES = "read-only-rootfs"
IMAGE_LINGUAS = ""
IMAGE_FSTYPES = "ext4 wic.xz wic.bmap"
IMAGE_OVERHEAD_FACTOR = "1.1"

IMAGE_INSTALL = "\
    alsa-utils-amixer \
    coreutils \
    iwd \
    packagegroup-core-boot \
    pipit \
    pipit-update \
    rauc \
    ${CORE_IMAGE_EXTRA_INSTALL} \
"
# It would call every system good that starts, which is for pipit-mark-good to say.
BAD_RECOMMENDATIONS += "rauc-mark-good"

WKS_FILE = "pipit-raspberrypi.wks.in"
# What the firmware reads comes as images, of which an update writes the same.
do_image_wic[depends] += "pipit-autoboot:do_deploy pipit-boot-image:do_deploy"
