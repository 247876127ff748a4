#!/usr/bin/env bash
# What Pipit still has after the power was cut, a few hundred times, while it was used.
#
#   firmware-host/bench-power-cut.sh [TIMES] [OPTIONS OF bench-power-cut/cuts.py]
#
# It runs the release build (or the program that PIPIT names) on an ext4 file system of its own, on a disk that forgets what was not
# flushed: a loop device on a file of bench-power-cut/forgetful_disk.py. That takes root, FUSE and a loop device, and some 5 s a cut.
# With `--preload libeatmydata.so` (of Debian's package libeatmydata1) nothing is flushed, and it has to find losses.
set -euo pipefail
# Whoever else makes a namespace for mounts meanwhile would keep these.
[ "${PIPIT_MOUNTS_APART:-}" ] || PIPIT_MOUNTS_APART=1 exec unshare --mount --propagation private "$(realpath "$0")" "$@"
cd "$(dirname "$0")/.."

[ "$(id -u)" = 0 ] || { echo "disks are made and mounted here: run it as root" >&2; exit 1; }
for needed in mkfs.ext4 losetup; do
    command -v "$needed" > /dev/null || { echo "there is no $needed; apt-get install e2fsprogs mount" >&2; exit 1; }
done
for needed in /dev/fuse /dev/loop-control; do
    [ -e "$needed" ] || { echo "there is no $needed: this kernel, or this container, has no such disks" >&2; exit 1; }
done
models=${PIPIT_MODELS_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/pipit/models}
[ "${PIPIT:-}" ] || cargo build --quiet --release --locked --bin pipit
binary=$(realpath "${PIPIT:-${CARGO_TARGET_DIR:-target}/release/pipit}")
folder=$(mktemp -d)
times=${1:-300}
[ $# = 0 ] || shift

if python3 firmware-host/bench-power-cut/cuts.py "$binary" "$models/onnxruntime/libonnxruntime.so" "$models" "$folder" "$times" "$@"; then
    rm -rf "$folder"
else
    echo "what was left of the failures is in $folder" >&2
    exit 1
fi
