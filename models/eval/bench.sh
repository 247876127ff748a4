#!/bin/bash
# What the listening models cost on this machine, beside the Python packages they come from.
#
#   models/eval/bench.sh [FOLDER OF RECORDINGS] [--json] [--whisper FILE]...
#
# The packages go into target/peers the first time. Without a folder, the recordings beside the checkout are taken.
set -euo pipefail
cd "$(dirname "$0")/../.."

folder=../shared/corpora
if [ $# -gt 0 ] && [ "${1#--}" = "$1" ]; then
    folder=$1
    shift
fi
if [ ! -d "$folder" ]; then
    echo "skipped: there is no folder of recordings at $folder"
    exit 0
fi

peers=${CARGO_TARGET_DIR:-target}/peers
if [ ! -e "$peers/complete" ]; then
    echo "installing the Python packages to compare with into $peers" >&2
    python3 -m venv "$peers"
    "$peers/bin/pip" install --quiet 'numpy' 'onnxruntime==1.31.1' 'pipecat-ai==1.14.0'
    # It asks for torch, which is large; pipecat's wrapper runs its model without.
    "$peers/bin/pip" install --quiet --no-deps 'silero-vad==6.2.3'
    touch "$peers/complete"
fi

cargo run --quiet --release --locked -p pipit-eval -- bench "$folder" --python "$peers/bin/python" "$@"
