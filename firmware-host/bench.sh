#!/usr/bin/env bash
# What the daemon costs on this machine: from start to listening, while nobody speaks, and in a turn beside its models.
#
#   firmware-host/bench.sh [SECONDS OF SILENCE]
#
# It runs the release build with the recogniser in the box and espeak-ng, without sound devices.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
models=${PIPIT_MODELS_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/pipit/models}
state=$(mktemp -d)
trap 'rm -rf "$state"' EXIT
cargo build --quiet --release --locked --bin pipit
binary=${CARGO_TARGET_DIR:-target}/release/pipit
options=(--set state.dir="$state" --set models.dir="$models" --set audio.backend=null --set web.listen=
    --set stt.model=pipit-nano-en --set tts.engine=espeak)

median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# Starts the daemon, waits for the line, and prints milliseconds from the start of the process to that line.
start() { # line
    local begun line
    begun=$(date +%s%N)
    exec {log}< <(exec "$binary" "${options[@]}" run 2>&1)
    daemon=$!
    while read -r line <&"$log"; do
        if [[ $line == *"$1"* ]]; then
            echo $((($(date +%s%N) - begun) / 1000000)) >>"$state/starts"
            return
        fi
    done
    echo "the daemon ended before it said \"$1\"" >&2
    exit 1
}

stop() {
    kill -TERM "$daemon"
    cat <&"$log" >/dev/null
    exec {log}<&-
}

for _ in 1 2 3 4 5 6 7; do
    start 'listening'
    stop
done
echo "cold start to listening: $(median <"$state/starts") ms (median of 7 processes)"

start 'voice:'
ticks() { awk '{ print $14 + $15 }' "/proc/$daemon/stat"; }
sleep 5
before=$(ticks)
sleep "$seconds"
after=$(ticks)
awk -v t=$((after - before)) -v hz="$(getconf CLK_TCK)" -v s="$seconds" \
    'BEGIN { printf "listening to silence: %.2f %% of one core over %d s\n", 100 * t / hz / s, s }'
awk '/VmRSS/ { printf "resident memory while listening: %.0f MB\n", $2 / 1000 }' "/proc/$daemon/status"
stop

for _ in 1 2 3 4 5; do
    "$binary" "${options[@]}" hear --json --realtime=false --replies "$state/replies" firmware-host/demo/*.wav 2>/dev/null
done | python3 -c '
import json, statistics, sys
own, audible = [], []
for turn in map(json.loads, sys.stdin):
    t, m = turn["timings_ms"], turn["model_ms"]
    if turn["ended_by"] == "smart_turn":
        audible.append(t["first_audio"] - t["pause"])
        own.append(audible[-1] - m["endpointing"] - m["transcription"] - m["first_clause"])
print(f"pipeline beside its models: {statistics.median(own):.1f} ms a turn, at most {max(own):.1f} ms ({len(own)} turns)")
print(f"pause noticed to first audio: {statistics.median(audible):.0f} ms")
'
