#!/usr/bin/env bash
# Which system stays after a start: pipit-mark-good with the real boot-backend. systemd and RAUC are stood in for by two programs
# that do of it what is asked here.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
files=$here/../meta-pipit
backend=$files/recipes-core/rauc/files/boot-backend
mark_good=$files/recipes-pipit/pipit-update/files/pipit-mark-good
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

export PIPIT_SELECT=$work/select PIPIT_UPDATE=$work/update PIPIT_BOOTLOADER=$work/chosen PIPIT_REBOOT_PARAMETER=$work/reboot-param
export PIPIT_BACKEND=$backend PIPIT_OS_RELEASE=$work/os-release PIPIT_PATIENCE=1 WORK=$work PATH=$work/bin:$PATH

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

new_board() {
    rm -rf "${work:?}"/*
    mkdir "$work/bin" "$PIPIT_SELECT" "$PIPIT_BOOTLOADER"
    cp "$files/recipes-bsp/bootfiles/files/autoboot.txt" "$PIPIT_SELECT"
    echo 'VERSION_ID="0.2.0"' >"$PIPIT_OS_RELEASE"
    cat >"$work/bin/systemctl" <<'END'
#!/bin/sh
case "$1 ${2:-}" in
    "is-active pipit.service") cat "$WORK/pipit" ;;
    "start pipit-self-test.service") exit "$(cat "$WORK/self-test")" ;;
    "reboot ") touch "$WORK/rebooted" ;;
    *) exit 64 ;;
esac
END
    cat >"$work/bin/rauc" <<'END'
#!/bin/sh
[ "$*" = "status mark-good" ] && exec "$PIPIT_BACKEND" set-state "$("$PIPIT_BACKEND" get-current)" good
exit 64
END
    chmod +x "$work"/bin/*
    starts_from 2
    echo active >"$work/pipit"
    echo 0 >"$work/self-test"
}

starts_from() {
    printf '\0\0\0%b' "\\x0$1" >"$PIPIT_BOOTLOADER/partition"
    rm -f "$work/rebooted"
}

try_b() {
    "$backend" set-state B bad
    "$backend" set-primary B
    "$backend" start-try
    starts_from 3
}

settled_is() {
    [[ $("$backend" get-settled) == "$1" ]] || fail "$1 is not settled on"
}

# A good update stays.
new_board
try_b
"$mark_good" >/dev/null
settled_is B
[[ ! -e $work/rebooted && ! -e $work/update/failure ]] || fail "a good update was taken back"

# One whose self-test fails goes, and says why, until the next one is tried.
new_board
try_b
echo 1 >"$work/self-test"
"$mark_good" >/dev/null
[[ -e $work/rebooted ]] || fail "a bad update stays"
settled_is A
grep -q '0.2.0 was taken back: its power-on self-test failed' "$work/update/failure" || fail "the reason is missing"
starts_from 2
echo 0 >"$work/self-test"
"$mark_good" >/dev/null
grep -q 'self-test failed' "$work/update/failure" || fail "the reason is gone before anybody read it"
[[ ! -e $work/rebooted ]] || fail "the good system starts again and again"
try_b
[[ ! -e $work/update/failure ]] || fail "an old reason is told of a new update"

# One in which Pipit is never ready.
new_board
try_b
echo activating >"$work/pipit"
"$mark_good" >/dev/null
grep -q 'was not ready within 1 s' "$work/update/failure" || fail "the reason is missing"
[[ -e $work/rebooted ]] || fail "a bad update stays"

# One that does not come up at all.
new_board
try_b
starts_from 2
"$mark_good" >/dev/null
grep -q 'did not come up at all' "$work/update/failure" || fail "the reason is missing"
settled_is A

# The system that is settled on never starts again because of itself.
new_board
echo failed >"$work/pipit"
if "$mark_good" >/dev/null 2>&1; then fail "what does not work was called good"; fi
[[ ! -e $work/rebooted ]] || fail "the only good system starts again and again"

# A board that can't be asked what it has started.
new_board
rm "$PIPIT_BOOTLOADER/partition"
echo failed >"$work/pipit"
if "$mark_good" >/dev/null 2>&1; then fail "what does not work was called good"; fi
[[ ! -e $work/rebooted ]] || fail "an unknown board starts again and again"

# Where the reason can't be written, the board goes back all the same.
new_board
try_b
echo 1 >"$work/self-test"
mkdir "$work/update/failure.new"
"$mark_good" >/dev/null 2>&1
[[ -e $work/rebooted ]] || fail "a bad update stays because its reason could not be written"
echo "mark-good: passed"
