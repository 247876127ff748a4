SUMMARY = "ONNX Runtime, the library that runs Pipit's networks"
DESCRIPTION = "The shared library out of the Python package for aarch64, which is the one that Pipit is measured with."
HOMEPAGE = "https://onnxruntime.ai"
BUGTRACKER = "https://github.com/microsoft/onnxruntime/issues"
SECTION = "libs"
LICENSE = "MIT"
LIC_FILES_CHKSUM = "file://onnxruntime/LICENSE;md5=0f7e3b1308cb5c00b372a6e78835732d"
CVE_PRODUCT = "onnxruntime"

WHEEL = "onnxruntime-${PV}-cp311-cp311-manylinux_2_28_aarch64.whl"
WHEEL_SHA256 = "da05378364c44d4407e463982d2bf8d5e4cfea873283757e48beeb41df97b7f3"

inherit pipit_wheel

COMPATIBLE_HOST = "aarch64.*-linux"

do_install() {
    install -d ${D}${nonarch_libdir}/pipit ${D}${docdir}/${BPN}
    install -m 0644 ${S}/onnxruntime/capi/libonnxruntime.so.${PV} ${D}${nonarch_libdir}/pipit/libonnxruntime.so
    install -m 0644 ${S}/onnxruntime/LICENSE ${S}/onnxruntime/ThirdPartyNotices.txt ${D}${docdir}/${BPN}
}

# It is loaded by its path and by nobody else, so it is no library of the system's.
FILES:${PN} += "${nonarch_libdir}/pipit/libonnxruntime.so"
PRIVATE_LIBS:${PN} = "libonnxruntime.so.1"
# nooelint: oelint.vars.insaneskip - What others have built is not stripped or linked anew.
INSANE_SKIP:${PN} += "already-stripped ldflags"
