#!/usr/bin/env bash
# Updates from one start of a board to the next: the layer's own programs, in the order in which systemd starts and stops them. The
# board's firmware, systemd and RAUC are stood in for by as much of them as is asked here, and Pipit by what it writes.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
files=$here/../meta-pipit
programs=$files/recipes-pipit/pipit-update/files
backend=$files/recipes-core/rauc/files/boot-backend
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

export PIPIT_SELECT=$work/select PIPIT_DATA=$work/data PIPIT_UPDATE=$work/data/update PIPIT_BOOTLOADER=$work/chosen
export PIPIT_REBOOT_PARAMETER=$work/reboot-param PIPIT_BACKEND=$backend PIPIT_OS_RELEASE=$work/os-release PIPIT_PATIENCE=1
export PIPIT_MODELS=$work/models WORK=$work PATH=$work/bin:$PATH

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

# A board with a new card, on which version 1 runs.
new_board() {
    rm -rf "${work:?}"/*
    mkdir "$work/bin" "$PIPIT_SELECT" "$PIPIT_BOOTLOADER" "$PIPIT_DATA" "$PIPIT_MODELS"
    cp "$files/recipes-bsp/bootfiles/files/autoboot.txt" "$PIPIT_SELECT"
    echo silero >"$PIPIT_MODELS/silero-vad-v6.onnx"
    cat >"$work/bin/systemctl" <<'END'
#!/bin/sh
case "$*" in
    "is-active pipit.service") cat "$WORK/pipit" ;;
    "start pipit-self-test.service") exit "$(cat "$WORK/self-test")" ;;
    "list-jobs --no-legend") cat "$WORK/jobs" ;;
    "reboot") touch "$WORK/rebooted" ;;
    *) exit 64 ;;
esac
END
    cat >"$work/bin/rauc" <<'END'
#!/bin/sh
[ "$*" = "status mark-good" ] && exec "$PIPIT_BACKEND" set-state "$("$PIPIT_BACKEND" get-current)" good
exit 64
END
    chmod +x "$work"/bin/*
    well
    versions[2]=1
    versions[3]=0
    starts
    lives
    echo fetched >"$PIPIT_DATA/pipit/models/whisper.bin"
}

versions=()

well() {
    echo active >"$work/pipit"
    echo 0 >"$work/self-test"
}

# What `rauc install` does to the other system.
installs() {
    local other=B partition=3
    if [[ $("$backend" get-current) == B ]]; then other=A partition=2; fi
    "$backend" set-state "$other" bad
    versions[partition]=$1
    "$backend" set-primary "$other"
}

# The firmware: which partition starts, until the services of which Pipit needs have run.
starts() {
    local section=all
    [[ $(cat "$PIPIT_REBOOT_PARAMETER" 2>/dev/null) != "0 tryboot" ]] || section=tryboot
    rm -f "$PIPIT_REBOOT_PARAMETER" "$work/rebooted"
    partition=$(sed -n "/^\[$section\]/,/^\[[^$section]/s/^boot_partition=//p" "$PIPIT_SELECT/autoboot.txt")
    printf '\0\0\0%b' "\\x0$partition" >"$PIPIT_BOOTLOADER/partition"
    echo "VERSION_ID=\"${versions[partition]}\"" >"$PIPIT_OS_RELEASE"
    "$programs/pipit-data"
}

# Pipit writes its database, which an older one can't read.
lives() {
    local written
    written=$(cat "$PIPIT_DATA/pipit/pipit.db" 2>/dev/null || echo 0)
    [[ ${versions[partition]} -ge $written ]] || fail "version ${versions[partition]} finds a database of version $written"
    echo "${versions[partition]}" >"$PIPIT_DATA/pipit/pipit.db"
    echo "a key" >"$PIPIT_DATA/pipit/.key"
    "$programs/pipit-mark-good" >/dev/null 2>&1 || true
}

stops_for() {
    echo "17 $1.target start waiting" >"$work/jobs"
    "$programs/pipit-start-try" || true
}

restarts() {
    stops_for reboot
    starts
    lives
}

runs() {
    [[ ${versions[partition]} == "$1" ]] || fail "version ${versions[partition]} runs, not $1"
}

settled_is() {
    [[ $("$backend" get-settled) == "$1" ]] || fail "$1 is not settled on"
}

says() {
    grep -q "$1" "$PIPIT_UPDATE/failure" || fail "it does not say \`$1\` but \`$(cat "$PIPIT_UPDATE/failure" 2>/dev/null)\`"
}

says_nothing() {
    [[ ! -e $PIPIT_UPDATE/failure ]] || fail "it says $(cat "$PIPIT_UPDATE/failure")"
}

kept_is_of() {
    [[ $(cat "$PIPIT_DATA/pipit/pipit.db") == "$1" ]] || fail "the database is not that of version $1"
    [[ -e $PIPIT_DATA/pipit/.key ]] || fail "the key is gone"
    [[ -e $PIPIT_DATA/pipit/models/whisper.bin ]] || fail "a fetched model is gone"
    [[ ! -e $PIPIT_DATA/pipit.tried ]] || fail "the try's data are still there"
}

# An update stays, and so does the next one, in the other system.
new_board
installs 2
runs 1
restarts
runs 2
settled_is B
says_nothing
kept_is_of 2
[[ ! -e $PIPIT_UPDATE/before-try ]] || fail "the copy for the way back fills the card"
[[ ! -e $work/rebooted ]] || fail "a good update starts again"
installs 3
restarts
runs 3
settled_is A
restarts
runs 3

# One whose self-test fails is taken back, with what Pipit had kept before, and says why until the next try.
new_board
installs 2
stops_for reboot
starts
echo 1 >"$work/self-test"
lives
runs 2
[[ -e $work/rebooted ]] || fail "a bad update stays"
well
restarts
runs 1
settled_is A
kept_is_of 1
says 'The update to version 2 was taken back: its power-on self-test failed'
restarts
runs 1
says 'self-test failed'
installs 3
restarts
runs 3
says_nothing

# One in which Pipit is never ready.
new_board
installs 2
stops_for reboot
starts
echo activating >"$work/pipit"
lives
[[ -e $work/rebooted ]] || fail "a bad update stays"
well
restarts
runs 1
says 'was not ready within 1 s'

# One that crashes before it can judge itself, having written its database: the watchdog, or the plug.
new_board
installs 2
stops_for reboot
starts
echo 2 >"$PIPIT_DATA/pipit/pipit.db"
starts
runs 1
lives
kept_is_of 1
says 'did not come up at all'

# Switched off is not restarted: the update waits. So it does where the power goes.
new_board
installs 2
stops_for poweroff
starts
lives
runs 1
says_nothing
starts
lives
runs 1
restarts
runs 2

# The power goes at each step of the way back.
for steps in 0 1 2 3; do
    new_board
    installs 2
    stops_for reboot
    starts
    echo 2 >"$PIPIT_DATA/pipit/pipit.db"
    for command in mv rm; do
        cat >"$work/bin/$command" <<END
#!/bin/sh
left=\$(cat "$work/steps")
[ "\$left" -gt 0 ] || exit 137
echo \$((left - 1)) >"$work/steps"
exec /bin/$command "\$@"
END
        chmod +x "$work/bin/$command"
    done
    echo "$steps" >"$work/steps"
    printf '\0\0\0\2' >"$PIPIT_BOOTLOADER/partition"
    if "$programs/pipit-data" >/dev/null 2>&1; then fail "the way back has fewer than $steps steps"; fi
    /bin/rm "$work/bin/mv" "$work/bin/rm"
    starts
    lives
    runs 1
    kept_is_of 1
done

# The system that is settled on never starts again because of itself, nor does a board that can't be asked.
new_board
echo failed >"$work/pipit"
lives
[[ ! -e $work/rebooted ]] || fail "the only good system starts again and again"
rm "$PIPIT_BOOTLOADER/partition"
lives
[[ ! -e $work/rebooted ]] || fail "an unknown board starts again and again"

# Where the reason can't be written, the board goes back all the same.
new_board
installs 2
stops_for reboot
starts
echo 1 >"$work/self-test"
mkdir "$PIPIT_UPDATE/failure.new"
lives
[[ -e $work/rebooted ]] || fail "a bad update stays because its reason could not be written"

# What was kept can't be copied: nothing is tried.
new_board
installs 2
printf '#!/bin/sh\nexit 1\n' >"$work/bin/cp"
chmod +x "$work/bin/cp"
restarts
runs 1
says 'could not be copied'
rm "$work/bin/cp"
restarts
runs 2
echo "update: passed"
