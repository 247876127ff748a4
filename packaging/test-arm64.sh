#!/usr/bin/env bash
# Whether the arm64 package hears what the amd64 package hears: twenty recordings through `pipit hear` with the libraries of Debian 12
# for each processor, the one for arm64 by qemu. Transcripts, intents and replies have to be the same. Needs root for chroot,
# mmdebstrap, qemu-user-static, and the packages of both, which `make package` makes.
#
# The recordings are those of firmware-host/demo, and sentences of espeak-ng's, which the recogniser in the box knows best.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cross=${PIPIT_CROSS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/pipit/cross}
packages=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")/package
# shellcheck source=packaging/debian.sh
. "$root/packaging/debian.sh"

sentences=(
    "set a timer for five minutes" "set a timer for twenty seconds" "cancel the timer" "what day is it"
    "what is the date" "how much is five plus seven" "what is ten times ten" "turn the volume up"
    "set the volume to fifty percent" "set an alarm for seven in the morning" "what alarms do i have" "stop"
    "how many minutes are in two hours" "add five minutes to the timer"
)

main() {
    local architecture recordings sentence
    [[ $EUID -eq 0 ]] || fail "this needs root, for chroot: run it as root, or with sudo"
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    command -v espeak-ng >/dev/null || fail "espeak-ng is missing: apt-get install espeak-ng"
    recordings=("$root"/firmware-host/demo/*.wav)
    for sentence in "${sentences[@]}"; do
        recordings+=("$work/${sentence// /-}.wav")
        espeak-ng -v en-us -w "${recordings[-1]}" "$sentence"
    done
    for architecture in amd64 arm64; do
        can_run "$architecture"
        hear "$architecture" "${recordings[@]}"
    done
    compare "${#recordings[@]}"
}

# Unpacked and not configured, which is all that a program needs, and quick.
# Without /sys: it would tell of this machine's processor, and ONNX Runtime for arm64 ends where its answers do not fit.
hear() { # ARCHITECTURE RECORDING...
    local architecture=$1 system=$work/$1 deb clip=0 recording
    shift
    [[ -d $cross/hear-$architecture ]] ||
        bootstrap extract "$architecture" ca-certificates,espeak-ng,libasound2,libstdc++6 bookworm "$cross/hear-$architecture"
    cp -a "$cross/hear-$architecture" "$system"
    for deb in "$packages"/pipit_*_"$architecture".deb "$packages"/pipit-models_*_"$architecture".deb; do
        [[ -f $deb ]] || fail "there is no package for $architecture in $packages: packaging/package.sh $architecture makes it"
        dpkg-deb --extract "$deb" "$system"
    done
    mkdir -p "$system"/{clips,dev,proc,tmp}
    for recording in "$@"; do
        cp "$recording" "$system/clips/$(printf '%02d' "$clip").${recording##*.}"
        ((clip += 1))
    done
    # What is mounted in a namespace of its own is gone when it ends, however it ends.
    (cd "$system" && unshare --mount bash -euc '
        system=$1
        shift
        mount --make-rprivate /
        mount --rbind /dev "$system/dev"
        mount -t proc proc "$system/proc"
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C.UTF-8 chroot "$system" "$@"
    ' hear "$system" /usr/bin/pipit --set state.dir=/tmp/state --set stt.model=pipit-nano-en --set tts.engine=espeak \
        hear --json --realtime=false --replies /tmp/replies $(cd "$system" && printf '/%s ' clips/*) \
        >"$work/$architecture.jsonl" 2>"$work/$architecture.log") || { cat "$work/$architecture.log" >&2; exit 1; }
}

compare() {
    python3 - "$work" "$1" <<'END'
import json, pathlib, re, sys

work, clips = pathlib.Path(sys.argv[1]), int(sys.argv[2])

def turns(architecture):
    lines = (work / f"{architecture}.jsonl").read_text().splitlines()
    # What time it is differs from one call to the next, and so does how much of it is left.
    clock = lambda text: re.sub(r"\b\d{1,2}:\d\d [AP]M\b|\d+ \w+( and \d+ \w+)* left\b", "(time)", text)
    return [(t["transcript"], t["intent"], clock(t["reply"])) for t in map(json.loads, lines)]

amd64, arm64 = turns("amd64"), turns("arm64")
same = sum(a == b for a, b in zip(amd64, arm64))
for a, b in zip(amd64, arm64):
    if a != b:
        print(f"amd64: {a}\narm64: {b}\n")
print(f"{clips} recordings, {len(amd64)} turns on amd64 and {len(arm64)} on arm64, {same} of them the same")
sys.exit(0 if amd64 and amd64 == arm64 else 1)
END
}

main "$@"
