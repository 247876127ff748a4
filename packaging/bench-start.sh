#!/usr/bin/env bash
# How long the packaged daemon takes from exec until it listens, and until its models are loaded too, which is when it is ready: the
# median of ten starts with espeak-ng, without sound devices, and with each recogniser that is named: those of the catalogue by their
# names, other ggml files by their paths, or the one in the box where there is none. Prints the packages' sizes as well.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
starts=10
packages=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")/package
architecture=$(dpkg --print-architecture)
state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT

for deb in "$packages"/pipit_*_"$architecture".deb "$packages"/pipit-models_*_"$architecture".deb; do
    [[ -f $deb ]] || { echo "there is no package for $architecture in $packages: make package" >&2; exit 1; }
    dpkg-deb --extract "$deb" "$state/installed"
    echo "$(basename "$deb"): $(stat -c %s "$deb" | awk '{ printf "%.1f MB", $1 / 1e6 }')"
done
options=(--config /dev/null --set state.dir="$state" --set models.system_dir="$state/installed/usr/lib/pipit/models"
    --set audio.backend=null --set web.listen= --set tts.engine=espeak)

median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

measure() { # MODEL
    local start begun log daemon loaded line took
    rm -f "$state"/{listening,ready}
    for ((start = 0; start < starts; start++)); do
        begun=$(date +%s%N)
        exec {log}< <(exec "$state/installed/usr/bin/pipit" "${options[@]}" --set stt.model="$1" run 2>&1)
        daemon=$!
        loaded=0
        while ((loaded < 3)) && read -r line <&"$log"; do
            took=$((($(date +%s%N) - begun) / 1000000))
            case $line in
                *listening*after*) echo "$took" >>"$state/listening" ;;
                *recogniser:* | *voice:* | *"turn model:"*) ((loaded += 1)) ;;
            esac
        done
        ((loaded == 3)) || { echo "the daemon ended before it was ready: $line" >&2; exit 1; }
        echo "$took" >>"$state/ready"
        kill -TERM "$daemon"
        cat <&"$log" >/dev/null
        exec {log}<&-
    done
    echo "${1##*/}: start to listening $(median <"$state/listening") ms, to ready $(median <"$state/ready") ms (median of $starts processes)"
}

[[ $# -gt 0 ]] || set -- pipit-nano-en
for model in "$@"; do
    measure "$model"
done
