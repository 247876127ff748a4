FILESEXTRAPATHS:prepend:pipit := "${THISDIR}/files:"

SRC_URI:append:pipit = " file://pipit.cfg"
