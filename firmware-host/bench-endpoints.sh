#!/usr/bin/env bash
# Several conversations at once on one machine: how much later is the first audio, and is anybody kept waiting longer than
# the others?
#
#   firmware-host/bench-endpoints.sh [ENDPOINTS ...]        (1 2 4 8)
#
# Each endpoint says the same requests of the demo, each beginning with another one, in real time, to the recogniser in the
# box and espeak-ng. PIPIT_BINARY names a build to measure in place of the release build.
set -euo pipefail
cd "$(dirname "$0")/.."

[[ $# -gt 0 ]] || set -- 1 2 4 8
models=${PIPIT_MODELS_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/pipit/models}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[[ -n ${PIPIT_BINARY:-} ]] || cargo build --quiet --release --locked --bin pipit
binary=${PIPIT_BINARY:-${CARGO_TARGET_DIR:-target}/release/pipit}

# Writes one recording for each endpoint. The list of timers is left out: how long it is depends on the others.
make_conversations() { # endpoints
    python3 - "$1" "$work" firmware-host/demo/[12346]-*.wav <<'END'
import sys, wave

endpoints, folder, files = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
requests = []
for file in files:
    with wave.open(file) as recording:
        parameters = recording.getparams()
        requests.append(recording.readframes(recording.getnframes()))
silence = bytes(2 * 5 * parameters.framerate)
for endpoint in range(endpoints):
    with wave.open(f"{folder}/{endpoint + 1}.wav", "w") as conversation:
        conversation.setparams(parameters)
        for at in range(len(requests)):
            conversation.writeframes(requests[(at + endpoint) % len(requests)] + silence)
END
}

printf '%9s  %20s  %20s  %15s  %s\n' endpoints 'median of all, ms' 'slowest turn, ms' 'slowest/fastest' 'median of each endpoint, ms'
for endpoints in "$@"; do
    make_conversations "$endpoints"
    mapfile -t conversations < <(seq -f "$work/%g.wav" "$endpoints")
    rm -rf "$work/state"
    "$binary" --set state.dir="$work/state" --set models.dir="$models" --set audio.backend=null --set web.listen= \
        --set stt.model=pipit-nano-en --set tts.engine=espeak \
        hear --json --at-once --replies "$work/replies" "${conversations[@]}" >"$work/turns"
    python3 - "$endpoints" "$work/turns" <<'END'
import collections, json, statistics, sys

endpoints, waits, unheard = int(sys.argv[1]), collections.defaultdict(list), 0
for turn in map(json.loads, open(sys.argv[2])):
    audible = turn["timings_ms"]["first_audio"]
    if audible is None:
        unheard += 1
    else:
        waits[turn["endpoint"]].append(audible)
assert len(waits) == endpoints, f"somebody was not answered at all: {dict(waits)}"
medians = [statistics.median(waits[endpoint]) for endpoint in sorted(waits)]
everything = [wait for each in waits.values() for wait in each]
each = " ".join(f"{median:.0f}" for median in medians)
print(f"{endpoints:9}  {statistics.median(everything):20.0f}  {max(everything):20.0f}  {max(medians) / min(medians):15.2f}  {each}"
      + (f"  ({unheard} turns without a reply)" if unheard else ""))
END
done
