SUMMARY = "Smart Turn, by which Pipit knows whether somebody has finished"
DESCRIPTION = "The network out of the Python package pipecat-ai, under the name that Pipit looks for."
HOMEPAGE = "https://github.com/pipecat-ai/smart-turn"
BUGTRACKER = "https://github.com/pipecat-ai/smart-turn/issues"
SECTION = "multimedia"
LICENSE = "BSD-2-Clause"
LIC_FILES_CHKSUM = "file://pipecat_ai-${PV}.dist-info/licenses/LICENSE;md5=8bfbe72a03f5abf2f8ebc8fb85aae04a"
CVE_PRODUCT = "smart-turn"

WHEEL = "pipecat_ai-${PV}-py3-none-any.whl"
WHEEL_SHA256 = "0352f504b44e78bdf524e45af4bc759601c835b9b7dc195efe5e03384b974a44"

inherit pipit_wheel allarch

do_install() {
    install -d ${D}${datadir}/pipit/models
    install -m 0644 ${S}/pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx \
        ${D}${datadir}/pipit/models/smart-turn-v3.2.onnx
    install -m 0644 ${S}/pipecat_ai-${PV}.dist-info/licenses/LICENSE ${D}${datadir}/pipit/models/smart-turn-v3.2.LICENSE
}

FILES:${PN} += "${datadir}/pipit/models"
