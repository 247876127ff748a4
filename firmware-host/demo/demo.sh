#!/usr/bin/env bash
# Feeds the recordings beside it into the pipeline of the real daemon, at the pace of speech, and keeps the spoken replies.
# Timers and history go to a folder of their own, so that trying Pipit leaves no trace in what it remembers.
set -euo pipefail
cd "$(dirname "$0")/../.."

out=${1:-demo-out}
rm -rf "$out/state"
mkdir -p "$out/state"
models=${PIPIT_MODELS_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/pipit/models}

cargo run --quiet --release --locked --bin pipit -- \
    --set state.dir="$PWD/$out/state" --set models.dir="$models" --set stt.model=pipit-nano-en --set tts.engine=auto \
    hear --strict --replies "$out" firmware-host/demo/*.wav
echo "Every request was understood. The spoken replies are in $out/."
