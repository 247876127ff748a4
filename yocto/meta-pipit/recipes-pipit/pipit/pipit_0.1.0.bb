SUMMARY = "A private voice assistant, in one program"
DESCRIPTION = "The daemon, its command line and its units, out of the Debian package for arm64 that `make package` built: the same bytes that were tested and that Raspberry Pi OS runs. It is not compiled here because Pipit needs Rust 1.95 and Node.js, and scarthgap has Rust 1.75; yocto/README.md tells more."
HOMEPAGE = "http://pipit.local"
SECTION = "multimedia"
LICENSE = "Apache-2.0 | MIT"
# nooelint: oelint.var.licenseremotefile - the licences are those of the repository that this layer is part of
LIC_FILES_CHKSUM = "\
    file://${PIPIT_SOURCE}/LICENSE-APACHE;md5=3b83ef96387f14655fc854ddc3c6bd57 \
    file://${PIPIT_SOURCE}/LICENSE-MIT;md5=b3d4e4ccd5959004a055108bfec2db86 \
"
CVE_PRODUCT = "pipit"

DEPENDS = "alsa-lib"

SRC_URI = "\
    file://${PIPIT_PREBUILT}/pipit_${PV}_arm64.deb;subdir=deb \
    file://image.conf \
"

S = "${WORKDIR}/deb"

inherit systemd useradd

COMPATIBLE_HOST = "aarch64.*-linux"

SYSTEMD_SERVICE:${PN} = "pipit.service pipit.socket pipit-https.socket"

# The number stays the same in every release, because it is written on the partition that outlives them.
USERADD_PACKAGES = "${PN}"
GROUPADD_PARAM:${PN} = "--system --gid 801 pipit; --system gpio; --system i2c; --system spi"
USERADD_PARAM:${PN} = "\
    --system --uid 801 --gid pipit --groups audio,video,gpio,i2c,spi --no-create-home \
    --home-dir ${localstatedir}/lib/pipit --shell ${base_sbindir}/nologin pipit \
"

do_configure[noexec] = "1"
do_compile[noexec] = "1"

do_install() {
    install -d ${D}${bindir} ${D}${systemd_system_unitdir}/pipit.service.d ${D}${localstatedir}/lib/pipit ${D}${sysconfdir}/pipit
    install -m 0755 ${S}/usr/bin/pipit ${D}${bindir}
    for unit in pipit.service pipit-retry.timer pipit.socket pipit-https.socket; do
        found=$(find ${S} -path "*/systemd/system/$unit" | head -n 1)
        [ -n "$found" ] || bbfatal "the Debian package has no $unit"
        install -m 0644 "$found" ${D}${systemd_system_unitdir}
    done
    install -m 0644 ${WORKDIR}/image.conf ${D}${systemd_system_unitdir}/pipit.service.d/10-image.conf
}

FILES:${PN} += "${systemd_system_unitdir} ${localstatedir}/lib/pipit ${sysconfdir}/pipit"

RDEPENDS:${PN} += "\
    ca-certificates \
    espeak-ng \
    onnxruntime-bin \
    pipit-model-silero-vad \
    pipit-model-smart-turn \
    tzdata \
"

# nooelint: oelint.vars.insaneskip - Cargo has stripped and linked it already.
INSANE_SKIP:${PN} += "already-stripped ldflags"
