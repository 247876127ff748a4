#!/usr/bin/env bash
# Whether the arm64 package hears what the amd64 package hears: twenty recordings through `pipit hear` in a clean Debian 12 of each
# processor, the one for arm64 by qemu. Transcripts, intents and replies have to be the same. Root, as clean-debian.sh.
#
# The recordings are those of firmware-host/demo, then the first of the corpus speech_to_intent by name, with the recogniser and the
# voice in the box.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
corpus=$root/../shared/corpora/speech_to_intent/audio
clips=20

if [[ ! -d $corpus ]]; then
    echo "skipped: the recordings of speech_to_intent are not here"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mapfile -t recordings < <(
    printf '%s\n' "$root"/firmware-host/demo/*.wav
    printf '%s\n' "$corpus"/*.flac
)
cat >"$work/hear.sh" <<'END'
set -eu
pipit --set state.dir=/tmp/state --set stt.model=pipit-nano-en --set tts.engine=espeak hear --json --realtime=false \
    --replies /tmp/replies /exchange/clips/* >/exchange/heard.jsonl 2>/exchange/log || { cat /exchange/log >&2; exit 1; }
END
for architecture in amd64 arm64; do
    exchange=$work/$architecture
    mkdir -p "$exchange/clips"
    for ((clip = 0; clip < clips; clip++)); do
        cp "${recordings[clip]}" "$exchange/clips/$(printf '%02d' "$clip").${recordings[clip]##*.}"
    done
    cp "$work/hear.sh" "$exchange/"
    PIPIT_EXCHANGE=$exchange "$root/packaging/clean-debian.sh" "$architecture" sh /exchange/hear.sh
done
python3 - "$work" "$clips" <<'END'
import json, pathlib, re, sys

work, clips = pathlib.Path(sys.argv[1]), int(sys.argv[2])

def turns(architecture):
    lines = (work / architecture / "heard.jsonl").read_text().splitlines()
    # What time it is differs from one call to the next.
    clock = lambda text: re.sub(r"\b\d{1,2}:\d\d [AP]M\b", "(time)", text)
    return [(t["transcript"], t["intent"], clock(t["reply"]), t["ended_by"]) for t in map(json.loads, lines)]

amd64, arm64 = turns("amd64"), turns("arm64")
same = sum(a == b for a, b in zip(amd64, arm64))
for a, b in zip(amd64, arm64):
    if a != b:
        print(f"amd64: {a}\narm64: {b}\n")
print(f"{clips} recordings, {len(amd64)} turns on amd64 and {len(arm64)} on arm64, {same} of them the same")
sys.exit(0 if amd64 == arm64 else 1)
END
