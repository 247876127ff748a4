#!/usr/bin/env bash
# How Pipit takes turns on this machine: when it thinks that you have finished, how soon it answers, and what it does when
# you speak over it. Each line says what was measured, and what is to be reached.
#
#   firmware-host/bench-turns.sh [FOLDER OF RECORDINGS]
#
# It runs the release build with the recogniser in the box and espeak-ng, in real time where time is measured, so leave the
# machine alone meanwhile: it takes about half an hour. Without a folder, the recordings beside the checkout are taken. The
# first time it makes an environment of Python packages in target/peers to compare with (6 GB), as models/eval/bench.sh does.
# TRIALS in the environment is the number of interruptions of each kind.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=${1:-../shared/corpora}
target=${CARGO_TARGET_DIR:-target}
peers=$target/peers
models=${PIPIT_MODELS_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/pipit/models}
state=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$state"' EXIT
pipit=("$target/release/pipit" --set models.dir="$models" --set web.listen= --set stt.model=pipit-nano-en
    --set tts.engine=espeak)
recorded=("${pipit[@]}" --set state.dir="$state" --set audio.backend=null)

main() {
    cargo build --quiet --release --locked --bin pipit --bin pipit-eval
    if [ -f "$folder/turn_events/turn_events.tsv" ]; then
        endpointing
        simulated_rooms
    else
        echo "skipped: turns against recordings of people, because $folder holds no turn_events/turn_events.tsv"
    fi
    speak
    commands
    drafts
    if command -v pulseaudio >/dev/null; then
        python3 firmware-host/bench-turns/interrupt.py "${pipit[@]}"
    else
        echo 'skipped: speaking over replies needs PulseAudio (`make test` installs it)'
    fi
    [ ! -x firmware-host/bench-endpoints.sh ] || firmware-host/bench-endpoints.sh
}

row() { # what, figure, what is to be reached
    echo "$1: $2 (to reach: $3)"
}

# Turns that end inside of a speaker's pause, and how long the real ends take, by Pipit and others on the same clips.
endpointing() {
    local clips=$folder/turn_events eval=$target/release/pipit-eval rule
    echo "turns against recordings of people: turns decided inside of a pause (cutoff_rate), replies begun in one"
    echo "(spoken_over_rate), and from the end of speech to the decision"
    "$eval" endpoint "$clips" --grid
    install_peers
    for rule in smart-turn silence; do
        if "$peers/bin/python" models/eval/peers/pipecat_turns.py "$clips" "$rule" >"$state/$rule.tsv" 2>"$state/$rule.log"; then
            row "Pipecat 1.14, ${rule/silence/0.7 s of silence}" "$("$eval" endpoint "$clips" --decisions "$state/$rule.tsv")" \
                'no less than Pipit'
        else
            echo "skipped: Pipecat 1.14, $rule: $(tail -n 1 "$state/$rule.log")"
        fi
    done
    echo 'to reach: cutoff_rate below every point of the grid, spoken_over_rate 0.10 at a median of 400 ms'
}

install_peers() {
    [ ! -e "$peers/complete" ] || return 0
    echo "installing the Python packages to compare with into $peers" >&2
    python3 -m venv "$peers"
    "$peers/bin/pip" install --quiet --requirement models/eval/peers/requirements.txt
    "$peers/bin/pip" install --quiet --no-deps kokoro-onnx openwakeword==0.5.1
    touch "$peers/complete"
}

simulated_rooms() {
    row 'ten minutes of replies, and people over them, in simulated rooms' \
        "$("$target/release/pipit-eval" barge-in "$folder" 2>/dev/null)" 'self_triggers 0, heard 0.95'
}

# Whole commands, which an intent answers, and requests that only a language model can: sentences that the recogniser in the
# box knows, by voices that it understands.
speak() {
    local voice sentence
    mkdir "$state/commands" "$state/requests"
    cp firmware-host/demo/*.wav "$state/commands"
    for voice in en-us en-us+f3 en-us+m3 en-gb en-gb+f2; do
        for sentence in 'what time is it' 'set a timer for ten minutes' 'what is the date today' 'turn the volume up' \
            'cancel all timers' 'how much is twelve times seven'; do
            espeak-ng -v "$voice" -w "$state/commands/$voice-${sentence// /-}.wav" "$sentence"
        done
        for sentence in 'what is the capital of france' 'tell me a story' 'is it going to rain tomorrow' \
            'what is the weather like today'; do
            espeak-ng -v "$voice" -w "$state/requests/$voice-${sentence// /-}.wav" "$sentence"
        done
    done
}

commands() {
    "${recorded[@]}" hear --json --replies "$state/replies" "$state"/commands/*.wav 2>"$state/log" |
        python3 firmware-host/bench-turns/figures.py commands
}

# The same requests with drafts and without, to a language model that needs 300 ms for its first token.
drafts() {
    local port
    exec {llm}< <(exec python3 firmware-host/bench-turns/stand_in_llm.py 300 \
        'The answer to that is on the kitchen table.')
    server=$!
    read -r port <&"$llm"
    for drafts in true false; do
        "${recorded[@]}" --set chat.provider=openai --set chat.model=stand-in \
            --set chat.base_url="http://127.0.0.1:$port/v1" --set turn.drafts="$drafts" \
            hear --json --replies "$state/replies" "$state"/requests/*.wav >"$state/drafts-$drafts.json" 2>"$state/log"
    done
    python3 firmware-host/bench-turns/figures.py drafts "$state"/drafts-{true,false}.json
}

main
