#!/usr/bin/env bash
# Whisper's two engines on this machine, whisper.cpp and ONNX Runtime, and CTranslate2's encoder beside them: what they cost at
# one thread, and whether they hear the same. The recogniser in the box is real; the others are stand-ins of the true sizes with random
# weights, which say ten tokens.
#
#   models/eval/bench-stt.sh [MODEL...]        of tiny, base and turbo; all three without
#
# The first time it makes an environment with CTranslate2 in target/ctranslate2 (0.3 GB) and the stand-ins in target/standins (1.9 GB).
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-target}
standins=$target/standins
peer=$target/ctranslate2
corpora=../shared/corpora
eval=$target/release/pipit-eval
declare -A names=([tiny]=tiny.en [base]=base.en [turbo]=large-v3-turbo)

main() {
    local model name
    cargo build --quiet --release --locked --bin pipit-eval
    install_peer
    mkdir -p "$standins"
    for model in "${@:-tiny base turbo}"; do
        # Unquoted, so that the default is three words.
        for name in $model; do
            cost "$name"
        done
    done
    echo "== pipit-nano-en"
    "$eval" stt-cost nano
    "$eval" stt-cost nano --precision fp32+block8
    agree
}

install_peer() {
    [ ! -e "$peer/complete" ] || return 0
    echo "installing CTranslate2 into $peer" >&2
    python3 -m venv "$peer"
    "$peer/bin/pip" install --quiet ctranslate2==4.8.5 numpy
    touch "$peer/complete"
}

cost() {
    local file=$standins/rust-${names[$1]}.bin precision
    [ -e "$file" ] || "$eval" stand-in "${names[$1]}" "$file"
    echo "== $1"
    "$eval" stt-cost "$file"
    for precision in fp32 int8+block8 int8 int8+block4 block8 block4; do
        # 3 GB in 32 bits is for nobody's board.
        [ "$1 $precision" != "turbo fp32" ] || continue
        "$eval" stt-cost "$file" --precision "$precision"
    done
    echo "CTranslate2 int8: encoder $("$peer/bin/python" models/eval/peers/ctranslate2_whisper.py "$1" 150) ms (150 positions, CPU)"
}

# Commands said by espeak-ng in seven voices, and people, whom the recogniser in the box does not understand: there what it guesses counts.
agree() {
    local folder
    if [ ! -d "$corpora" ]; then
        echo "skipped: there is no folder of recordings at $corpora"
        return 0
    fi
    "$eval" in-f16 nano "$standins/nano-f16.bin"
    "$eval" stt-clips "$corpora/ha_intents/tests_en.jsonl" "$standins/commands" --clips 300
    echo "== the same text as whisper.cpp, pipit-nano-en in 16 bits"
    "$eval" stt-agreement "$standins/commands" --model "$standins/nano-f16.bin"
    echo "== listening ahead"
    "$eval" stt-follow "$standins/commands"
    if [ -e "$standins/rust-base.en.bin" ]; then
        echo "base, 10 s: $("$eval" stt-follow "$standins/commands" --prompted --model "$standins/rust-base.en.bin" \
            --precision int8+block8 --clips 20)"
    fi
    for folder in speech_to_intent wuw_telephone; do
        echo "$folder: $("$eval" stt-agreement "$corpora/$folder" --model "$standins/nano-f16.bin" --precision fp32)"
    done
}

main "$@"
