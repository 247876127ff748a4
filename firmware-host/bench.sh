#!/usr/bin/env bash
# What the daemon costs on this machine: from start to listening, while nobody speaks, and in a turn beside its models.
#
#   firmware-host/bench.sh [SECONDS OF SILENCE]
#
# It runs the release build with the recogniser in the box and espeak-ng, without sound devices, and while nobody speaks
# also with the devices of a PulseAudio server of its own, which is how a desktop gives them.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
models=${PIPIT_MODELS_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/pipit/models}
state=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$state"' EXIT
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

# Prints what listening costs while nobody speaks: the CPU time of all threads, as Linux counts it in nanoseconds.
listen() { # where
    local before after
    start 'voice:'
    sleep 10
    before=$(cpu_time)
    sleep "$seconds"
    after=$(cpu_time)
    awk -v t=$((after - before)) -v s="$seconds" -v where="$1" \
        'BEGIN { printf "listening %s: %.2f %% of one core over %d s\n", where, t / s / 1e7, s }'
    awk '/VmRSS/ { printf "resident memory: %.0f MB\n", $2 / 1000 }' "/proc/$daemon/status"
    stop
}

cpu_time() { cat "/proc/$daemon"/task/*/schedstat | awk '{ sum += $1 } END { printf "%.0f", sum }'; }

# A sound server whose speaker goes nowhere and whose microphone hears what is played into `room`.
start_sound() {
    export HOME=$state XDG_RUNTIME_DIR=$state PULSE_SERVER=unix:$state/native ALSA_CONFIG_PATH=$state/asound.conf
    echo "pcm.!default { type pulse server \"$PULSE_SERVER\" hint { show on description \"Default\" } }" >"$ALSA_CONFIG_PATH"
    pulseaudio -n --daemonize=no --exit-idle-time=-1 --use-pid-file=no \
        "--load=module-native-protocol-unix auth-anonymous=1 socket=$state/native" \
        "--load=module-null-sink sink_name=speaker rate=48000 channels=2 norewinds=1" \
        "--load=module-null-sink sink_name=room rate=16000 channels=1 norewinds=1" \
        "--load=module-remap-source master=room.monitor source_name=microphone" >/dev/null 2>&1 &
    server=$!
    until pactl set-default-sink speaker 2>/dev/null && pactl set-default-source microphone; do sleep 0.1; done
}

# A room that is not quite silent: white noise, 55 dB below full scale.
make_noise() {
    python3 -c '
import random, struct, sys
for _ in range(16000 * int(sys.argv[1])):
    sys.stdout.buffer.write(struct.pack("<h", int(random.gauss(0, 58))))
' $((seconds + 30)) >"$state/noise"
    pacat --playback --raw --device=room --rate=16000 --channels=1 --format=s16le "$state/noise" &
    until pactl list short sink-inputs | grep -q .; do sleep 0.1; done
}

listen 'to silence, without sound devices'

if command -v pulseaudio >/dev/null; then
    start_sound
    options+=(--set audio.backend=cpal)
    listen 'to silence, through PulseAudio'
    options+=(--set audio.barge_in=on)
    listen 'to silence with echo cancellation, through PulseAudio'
    options+=(--set audio.barge_in=auto)
    make_noise
    listen 'to a room with noise, through PulseAudio'
    options+=(--set audio.backend=null)
else
    echo 'skipped: listening through sound devices needs PulseAudio (`make test` installs it)'
fi

for _ in 1 2 3 4 5; do
    "$binary" "${options[@]}" hear --json --realtime=false --replies "$state/replies" firmware-host/demo/*.wav 2>/dev/null
done | python3 -c '
import json, statistics, sys
own, audible = [], []
for turn in map(json.loads, sys.stdin):
    t, m = turn["timings_ms"], turn["model_ms"]
    if turn["ended_by"] in ("smart_turn", "intent"):
        audible.append(t["first_audio"] - t["pause"])
        # What lies between the models while the answer is prepared, and from when it may be heard until it is.
        spans = {span["stage"]: span for span in reversed(turn["waterfall"]["drafts"][-1]["spans"])}
        made = spans["synthesis"]["ended_ms"]
        between = made - spans["transcription"]["began_ms"] - m["transcription"] - m["first_clause"]
        own.append(between + t["first_audio"] - max(made, t["turn_decided"]))
print(f"pipeline beside its models: {statistics.median(own):.1f} ms a turn, at most {max(own):.1f} ms ({len(own)} turns)")
print(f"pause noticed to first audio: {statistics.median(audible):.0f} ms")
'
