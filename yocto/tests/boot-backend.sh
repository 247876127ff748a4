#!/usr/bin/env bash
# What an update does to autoboot.txt, step by step, by the program that RAUC asks on the board. The board's firmware is this script:
# it says from which partition it has started.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
files=$here/../meta-pipit
backend=$files/recipes-core/rauc/files/boot-backend
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

export PIPIT_SELECT=$work/select PIPIT_UPDATE=$work/update PIPIT_BOOTLOADER=$work/chosen PIPIT_REBOOT_PARAMETER=$work/reboot-param

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

expect() {
    local wanted=$1
    shift
    local got
    got=$("$@") || fail "$* ended with $?"
    [[ $got == "$wanted" ]] || fail "$* said \`$got\`, not \`$wanted\`"
}

refuses() {
    if "$@" >/dev/null 2>&1; then fail "$* was not refused"; fi
}

new_board() {
    rm -rf "${work:?}"/*
    mkdir "$PIPIT_SELECT" "$PIPIT_BOOTLOADER"
    cp "$files/recipes-bsp/bootfiles/files/autoboot.txt" "$PIPIT_SELECT"
    starts_from 2
}

starts_from() {
    printf '\0\0\0%b' "\\x0$1" >"$PIPIT_BOOTLOADER/partition"
    rm -f "$PIPIT_REBOOT_PARAMETER"
}

install_b() {
    "$backend" set-state B bad
    "$backend" set-primary B
}

# A new card.
new_board
expect A "$backend" get-current
expect A "$backend" get-primary
expect good "$backend" get-state A
expect "" "$backend" failed-try
"$backend" start-try
[[ ! -e $PIPIT_REBOOT_PARAMETER ]] || fail "a restart without an update is a try"

# An update that proves itself.
install_b
expect B "$backend" get-primary
expect A "$backend" get-settled
"$backend" start-try
expect "0 tryboot" cat "$PIPIT_REBOOT_PARAMETER"
starts_from 3
expect B "$backend" get-current
expect "" "$backend" failed-try
"$backend" set-state B good
expect B "$backend" get-settled
expect $'[all]\ntryboot_a_b=1\nboot_partition=3\n[tryboot]\nboot_partition=2' cat "$PIPIT_SELECT/autoboot.txt"
expect B "$backend" get-primary
starts_from 3
expect "" "$backend" failed-try

# The way back to A with the next one.
"$backend" set-state A bad
"$backend" set-primary A
"$backend" start-try
starts_from 2
"$backend" set-state A good
expect A "$backend" get-settled
cmp "$PIPIT_SELECT/autoboot.txt" "$files/recipes-bsp/bootfiles/files/autoboot.txt"

# An update that never comes up: the firmware starts A again by itself.
new_board
install_b
"$backend" start-try
starts_from 2
expect B "$backend" failed-try
expect A "$backend" get-primary
"$backend" give-up-try
expect bad "$backend" get-state B
expect A "$backend" get-primary
expect "" "$backend" failed-try

# A system that is being tried starts again before it has proved itself: that is no second try.
new_board
install_b
"$backend" start-try
starts_from 3
"$backend" start-try
[[ ! -e $PIPIT_REBOOT_PARAMETER ]] || fail "it is tried again and again"

# The power goes before the restart: the update still waits.
new_board
install_b
starts_from 2
expect "" "$backend" failed-try
expect B "$backend" get-primary

# The same is installed again before it was tried, and an installation that breaks off leaves nothing to be tried.
new_board
install_b
"$backend" set-state B bad
expect A "$backend" get-primary

# What does not run is not settled on, whoever calls it good.
new_board
"$backend" set-state B good
expect A "$backend" get-settled

# A damaged autoboot.txt is not made worse.
new_board
install_b
starts_from 3
echo >>"$PIPIT_SELECT/autoboot.txt"
refuses "$backend" set-state B good
expect A "$backend" get-settled

refuses "$backend" set-primary C
refuses "$backend" set-state A fine
refuses "$backend" dance
echo "boot-backend: passed"
