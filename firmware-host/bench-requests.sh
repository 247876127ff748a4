#!/usr/bin/env bash
# What the panel's read endpoints take under 500 requests a second, whether memory grows meanwhile, and what that does to speech.
#
#   firmware-host/bench-requests.sh [SECONDS OF LOAD] [TURNS]
#
# It runs the release build (or the program that PIPIT names) with the recogniser in the box and espeak-ng, and asks by wrk, which is a
# package of Debian's: ten connections, each of which waits 20 ms between an answer and the next request. Speech comes from a recording, in
# turns with and without that load.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
turns=${2:-10}
models=${PIPIT_MODELS_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/pipit/models}
command -v wrk > /dev/null || { echo "there is no wrk; apt-get install wrk" >&2; exit 1; }
[ "${PIPIT:-}" ] || cargo build --quiet --release --locked --bin pipit
binary=${PIPIT:-${CARGO_TARGET_DIR:-target}/release/pipit}
home=$(mktemp -d)
daemon='' load=''
trap '[ -z "$load" ] || kill "$load" 2> /dev/null || true; [ -z "$daemon" ] || kill "$daemon" 2> /dev/null || true; wait; rm -rf "$home"' EXIT

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url=http://127.0.0.1:$port
options=(--config /dev/null --set state.dir="$home/state" --set models.dir="$models" --set web.listen="127.0.0.1:$port"
    --set stt.model=pipit-nano-en --set tts.engine=espeak)

median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2) ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# Starts the daemon with these options, and waits until it answers.
start() {
    "$binary" "${options[@]}" "$@" run 2> "$home/log" &
    daemon=$!
    curl --silent --fail --retry 60 --retry-delay 1 --retry-connrefused --output /dev/null "$url/v1/openapi.json"
}

stop() {
    kill -TERM "$daemon"
    wait "$daemon" || true
    daemon=''
}

asked() {
    curl --silent --fail --cookie-jar "$home/cookies" --cookie "$home/cookies" -H "Origin: $url" -H 'Content-Type: application/json' "$@"
}

resident() { awk '/^VmRSS/ { print $2 }' "/proc/$daemon/status"; }

cat > "$home/read.lua" <<'LUA'
local paths = {"/api/state", "/v1/timers", "/v1/conversations", "/v1/memory", "/v1/entities", "/v1/announcements", "/turns", "/metrics"}
local at = 0
function delay() return 20 end
function request()
  at = at + 1
  return wrk.format("GET", paths[at % #paths + 1])
end
LUA
ask() { # seconds
    wrk --threads 1 --connections 10 --duration "${1}s" --latency --script "$home/read.lua" -H "Authorization: Bearer $token" "$url"
}

echo 'seventeen wet herons' | "$binary" "${options[@]}" --set audio.backend=null people password owner
start --set audio.backend=null
asked -d '{"name": "owner", "password": "seventeen wet herons"}' --output /dev/null "$url/api/session"
token=$(asked -d '{"name": "bench", "scopes": ["read"]}' "$url/api/tokens" | sed -n 's/.*"token":"\([^"]*\)".*/\1/p')
ask 10 > /dev/null
before=$(resident)
ask "$seconds" > "$home/wrk"
after=$(resident)
grep -E '99%|Requests/sec|Non-2xx|Socket errors' "$home/wrk"
echo "memory: $before kB before, $after kB after $seconds s"
stop

# From the end of speech to the first sample of the answer, in milliseconds.
turn() {
    start --set audio.backend=wav --set audio.input=firmware-host/demo/3-how-much-is-twelve-times-seven.wav --set audio.output="$home/said"
    if [ "$1" = loaded ]; then
        ask 60 > /dev/null &
        load=$!
    fi
    local told=''
    until [ "$told" ]; do
        sleep 0.5
        told=$(curl --silent "$url/turns?limit=1" | sed -n 's/.*"first_audio":\([0-9.]*\).*/\1/p')
    done
    [ -z "$load" ] || { kill "$load" 2> /dev/null || true; wait "$load" 2> /dev/null || true; load=''; }
    stop
    echo "$told" >> "$home/$1"
}

# So that the next turn that is told is the next one.
forget() {
    python3 - "$home/state/pipit.db" <<'PY'
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as database:
    database.execute("DELETE FROM turn")
PY
}

for _ in $(seq "$turns"); do
    for load_is in quiet loaded; do
        forget
        turn "$load_is"
    done
done
echo "end of speech to first audio: $(median < "$home/quiet") ms without, $(median < "$home/loaded") ms with load (medians of $turns turns each)"
