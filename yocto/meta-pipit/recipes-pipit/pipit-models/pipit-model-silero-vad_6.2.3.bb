SUMMARY = "Silero VAD, by which Pipit knows speech from noise"
DESCRIPTION = "The network out of the Python package silero-vad, under the name that Pipit looks for."
HOMEPAGE = "https://github.com/snakers4/silero-vad"
BUGTRACKER = "https://github.com/snakers4/silero-vad/issues"
SECTION = "multimedia"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://silero_vad-${PV}.dist-info/licenses/LICENSE;md5=475d6abdf4b0304512f6d01b55906b6c"
CVE_PRODUCT = "silero-vad"

WHEEL = "silero_vad-${PV}-py3-none-any.whl"
WHEEL_SHA256 = "7b7f5436cfcb02fae583a05b512ea96467fd449fe54cb49a5e4f06c51a1e43b8"

inherit pipit_wheel allarch

do_install() {
    install -d ${D}${datadir}/pipit/models
    install -m 0644 ${S}/silero_vad/data/silero_vad_openvino_16k.onnx ${D}${datadir}/pipit/models/silero-vad-v6.onnx
    install -m 0644 ${S}/silero_vad-${PV}.dist-info/licenses/LICENSE ${D}${datadir}/pipit/models/silero-vad-v6.LICENSE
}

FILES:${PN} += "${datadir}/pipit/models"
