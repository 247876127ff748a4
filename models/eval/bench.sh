#!/usr/bin/env bash
# What the models cost on this machine: those that listen beside the Python packages they come from, and the large ones
# by stand-ins of their true architecture with random weights.
#
#   models/eval/bench.sh [FOLDER OF RECORDINGS]
#
# The first time it makes an environment of Python packages in target/peers (6 GB, torch among them) and the stand-ins in
# target/standins (1.4 GB). Without a folder, the recordings beside the checkout are taken.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=${1:-../shared/corpora}
target=${CARGO_TARGET_DIR:-target}
peers=$target/peers
standins=$target/standins
whispers=(tiny.en base.en large-v3-turbo-q8_0)
models=${PIPIT_MODELS_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/pipit/models}

main() {
    if [ ! -d "$folder" ]; then
        echo "skipped: there is no folder of recordings at $folder"
        exit 0
    fi
    cargo build --quiet --release --locked --bin pipit --bin pipit-eval
    install_peers
    make_standins
    local options=() name
    for name in "${whispers[@]}"; do
        options+=(--whisper "$standins/standin-$name.bin")
    done
    "$target/release/pipit-eval" bench "$folder" --python "$peers/bin/python" "${options[@]}"
    time_kokoro
}

install_peers() {
    [ ! -e "$peers/complete" ] || return 0
    echo "installing the Python packages to compare with into $peers" >&2
    python3 -m venv "$peers"
    "$peers/bin/pip" install --quiet --requirement models/eval/peers/requirements.txt
    "$peers/bin/pip" install --quiet --no-deps kokoro-onnx openwakeword==0.5.1
    touch "$peers/complete"
}

make_standins() {
    local name
    for name in "${whispers[@]}"; do
        [ -e "$standins/standin-$name.bin" ] ||
            "$peers/bin/python" models/eval/standins/whisper.py --out "$standins" "$name" >&2
    done
    [ -e "$standins/kokoro/voices-v1.0.bin" ] ||
        "$peers/bin/python" models/eval/standins/kokoro_82m.py "$standins/kokoro" >&2
}

# CPU seconds per second of sound. Loading costs the same for a short text and a long one, so it drops out.
time_kokoro() {
    local short long
    short=$(speak "The kitchen is warm.")
    long=$(speak "The washing machine has finished, and the kitchen is at twenty one degrees. \
It will rain in the afternoon, so take an umbrella with you when you leave the house.")
    awk -v a="$short" -v b="$long" 'BEGIN {
        split(a, s); split(b, l)
        printf "Kokoro-82M (fp32), CPU seconds per second of sound: %.3f (texts of %.1f and %.1f s)\n",
            (l[1] - s[1]) / (l[2] - s[2]), s[2], l[2]
    }'
}

# Says a text and prints the median CPU seconds of three runs, and the seconds of sound.
speak() {
    local wav=$standins/said.wav TIMEFORMAT='%U %S' run
    for run in 1 2 3; do
        { time "$target/release/pipit" --set models.dir="$standins/kokoro" --set tts.engine=kokoro \
            --set models.runtime="$models/onnxruntime/libonnxruntime.so" \
            say --output "$wav" "$1" >/dev/null 2>&1; } 2>&1
    done | awk '{ print $1 + $2 }' | sort -n | sed -n 2p | tr '\n' ' '
    # 24 kHz, 16 bits, a header of 44 bytes.
    stat -c %s "$wav" | awk '{ print ($1 - 44) / 48000 }'
}

main
