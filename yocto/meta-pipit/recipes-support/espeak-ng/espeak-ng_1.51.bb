SUMMARY = "A compact speech synthesiser: the voice that Pipit always has"
DESCRIPTION = "eSpeak NG speaks more than a hundred languages. Pipit has it write sound to a pipe, so it needs no sound library."
HOMEPAGE = "https://github.com/espeak-ng/espeak-ng"
BUGTRACKER = "https://github.com/espeak-ng/espeak-ng/issues"
SECTION = "multimedia"
LICENSE = "GPL-3.0-or-later"
LIC_FILES_CHKSUM = "file://COPYING;md5=d32239bcb673463ab874e80d47fae504"
CVE_PRODUCT = "espeak-ng"

DEPENDS:append:class-target = " espeak-ng-native"

# Debian's archive, whose signed description names this hash.
SRC_URI = "${DEBIAN_MIRROR}/main/e/espeak-ng/espeak-ng_${PV}+dfsg.orig.tar.gz"
SRC_URI[sha256sum] = "72242d7c06a4d80f5056335977c5be1ff79ff27bb502d4d054be1803ff787fa9"

S = "${WORKDIR}/espeak-ng-${PV}"

inherit autotools-brokensep pkgconfig

EXTRA_OECONF = "--with-pcaudiolib=no --with-sonic=no --with-mbrola=no --with-speechplayer=no --with-async=no"

# Sound data are compiled by the program itself, which can't run on the machine that builds. They are alike wherever the least
# significant byte comes first, so the native program's are taken.
do_compile:class-target() {
    oe_runmake src/libespeak-ng.la src/espeak-ng
}

do_install:class-target() {
    oe_runmake DESTDIR=${D} install-libLTLIBRARIES install-binPROGRAMS
    install -d ${D}${datadir}
    cp -r --no-preserve=ownership ${STAGING_DATADIR_NATIVE}/espeak-ng-data ${D}${datadir}
}

FILES:${PN} += "${datadir}/espeak-ng-data"

BBCLASSEXTEND = "native"
