#!/usr/bin/env bash
# Whether the packages for other processors do what the one for this machine's does. It runs them by qemu, with the libraries of
# Debian 12 for each, and needs root for chroot, mmdebstrap, qemu-user-static, and the packages, which `make package` makes.
#
# - Twenty recordings through `pipit hear`: transcripts, intents and replies have to be those of the amd64 package; on armhf, where
#   there is no ONNX Runtime, those of the amd64 package without its models.
# - The faces of the display, drawn by the program for arm64, have to be the pictures in docs/display, pixel by pixel.
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
    local recordings sentence
    [[ $EUID -eq 0 ]] || fail "this needs root, for chroot: run it as root, or with sudo"
    command -v espeak-ng >/dev/null || fail "espeak-ng is missing: apt-get install espeak-ng"
    # In memory: to a program of 32 bits under qemu, a folder of a large file system looks empty.
    work=$(mktemp -d)
    trap 'umount "$work" 2>/dev/null; rm -rf "$work"' EXIT
    mount -t tmpfs -o size=3g pipit "$work"
    recordings=("$root"/firmware-host/demo/*.wav)
    for sentence in "${sentences[@]}"; do
        recordings+=("$work/${sentence// /-}.wav")
        espeak-ng -v en-us -w "${recordings[-1]}" "$sentence"
    done
    hear amd64 'pipit pipit-models' whole "${recordings[@]}"
    hear arm64 'pipit pipit-models' whole "${recordings[@]}"
    compare "${#recordings[@]}" whole amd64 arm64
    hear amd64 pipit light "${recordings[@]}"
    hear armhf pipit light "${recordings[@]}"
    compare "${#recordings[@]}" light amd64 armhf
    draw arm64
}

# Unpacked and not configured, which is all that a program needs, and quick.
system_of() { # ARCHITECTURE FOLDER
    can_run "$1"
    [[ -d $cross/hear-$1 ]] ||
        bootstrap extract "$1" ca-certificates,espeak-ng,libasound2,libstdc++6 bookworm "$cross/hear-$1"
    cp -a "$cross/hear-$1" "$2"
    mkdir -p "$2"/{dev,proc,tmp}
}

# Without /sys: it would tell of this machine's processor, and ONNX Runtime for arm64 ends where its answers do not fit.
run_in() { # FOLDER COMMAND...
    # What is mounted in a namespace of its own is gone when it ends, however it ends.
    unshare --mount bash -euc '
        system=$1 root=$2
        shift 2
        mount --make-rprivate /
        mount --rbind /dev "$system/dev"
        mount -t proc proc "$system/proc"
        mkdir -p "$system$root"
        mount --bind "$root" "$system$root"
        exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C.UTF-8 chroot "$system" "$@"
    ' run_in "$1" "$root" "${@:2}"
}

hear() { # ARCHITECTURE PACKAGES NAME RECORDING...
    local architecture=$1 wanted=$2 name=$1-$3 system=$work/$1-$3 package deb clip=0 recording
    shift 3
    system_of "$architecture" "$system"
    for package in $wanted; do
        deb=$(find "$packages" -name "${package}_*_$architecture.deb" 2>/dev/null | sort -V | tail -n 1)
        [[ -n $deb ]] || fail "there is no $package for $architecture in $packages: packaging/package.sh $architecture makes it"
        dpkg-deb --extract "$deb" "$system"
    done
    mkdir "$system/clips"
    for recording in "$@"; do
        cp "$recording" "$system/clips/$(printf '%02d' "$clip").${recording##*.}"
        ((clip += 1))
    done
    # shellcheck disable=SC2046
    run_in "$system" /usr/bin/pipit --set state.dir=/tmp/state --set stt.model=pipit-nano-en --set tts.engine=espeak \
        hear --json --realtime=false --replies /tmp/replies $(cd "$system" && printf '/%s ' clips/*) \
        >"$work/$name.jsonl" 2>"$work/$name.log" || { cat "$work/$name.log" >&2; exit 1; }
    rm -rf "$system"
}

compare() { # RECORDINGS NAME ARCHITECTURE ARCHITECTURE
    python3 - "$work" "$@" <<'END'
import json, pathlib, re, sys

work, clips, name, here, there = pathlib.Path(sys.argv[1]), *sys.argv[2:]

def turns(architecture):
    lines = (work / f"{architecture}-{name}.jsonl").read_text().splitlines()
    # What time it is differs from one call to the next, and so does how much of it is left.
    clock = lambda text: re.sub(r"\b\d{1,2}:\d\d [AP]M\b|\d+ \w+( and \d+ \w+)* left\b", "(time)", text)
    return [(t["transcript"], t["intent"], clock(t["reply"])) for t in map(json.loads, lines)]

one, other = turns(here), turns(there)
same = sum(a == b for a, b in zip(one, other))
for a, b in zip(one, other):
    if a != b:
        print(f"{here}: {a}\n{there}: {b}\n")
print(f"{name}: {clips} recordings, {len(one)} turns on {here} and {len(other)} on {there}, {same} of them the same")
sys.exit(0 if one and one == other else 1)
END
}

draw() { # ARCHITECTURE
    local system=$work/$1-faces tests
    tests=$("$root/packaging/cross.sh" "$1" cargo test --no-run --profile packaged --locked -p pipit --no-default-features --lib \
        --message-format json | sed -n 's#.*"executable":"/target/\([^"]*/pipit-[^"]*\)".*#\1#p' | tail -n 1)
    [[ -n $tests ]] || fail "the tests for $1 could not be built: cargo says why above"
    system_of "$1" "$system"
    cp "$(dirname "$packages")/cross/$tests" "$system/tmp/tests"
    run_in "$system" /tmp/tests --exact display::draw::tests::faces_look_as_they_did | grep 'test result: ok. 1 passed' ||
        fail "the faces of the program for $1 are not those in docs/display"
}

main "$@"
