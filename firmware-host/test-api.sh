#!/usr/bin/env bash
# Has schemathesis ask the real daemon whatever its OpenAPI document allows, and much that it does not: nothing may be answered with a fault
# of the server's, with a status or a body that the document does not have.
#
#   firmware-host/test-api.sh [more arguments of schemathesis]
#
# The seed is fixed, so that two runs ask the same.
set -euo pipefail
cd "$(dirname "$0")/.."

python=$(firmware-host/test-python.sh schemathesis==4.32.5)
[ "$python" ] || { echo "skipped: there is no schemathesis"; exit 0; }
[ "${PIPIT:-}" ] || cargo build --quiet --locked --bin pipit
pipit=${PIPIT:-$(realpath "${CARGO_TARGET_DIR:-target}")/debug/pipit}
models=${PIPIT_MODELS_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/pipit/models}

home=$(mktemp -d)
trap '[ -z "${daemon:-}" ] || kill "$daemon" 2> /dev/null || true; wait; rm -rf "$home"' EXIT

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url=http://127.0.0.1:$port
cat > "$home/pipit.toml" <<TOML
[audio]
backend = "null"
[state]
dir = "$home/state"
[models]
dir = "$models"
[web]
listen = "127.0.0.1:$port"
[stt]
model = "pipit-nano-en"
[tts]
engine = "espeak"
TOML

echo 'seventeen wet herons' | "$pipit" --config "$home/pipit.toml" people password owner
"$pipit" --config "$home/pipit.toml" run 2> "$home/log" &
daemon=$!
# As long as it takes to start; what never does fails here.
curl --silent --fail --retry 60 --retry-delay 1 --retry-connrefused --output /dev/null "$url/v1/openapi.json"
asked() {
    curl --silent --fail --cookie-jar "$home/cookies" --cookie "$home/cookies" -H "Origin: $url" -H 'Content-Type: application/json' "$@"
}
asked -d '{"name": "owner", "password": "seventeen wet herons"}' --output /dev/null "$url/api/session"
token=$(asked -d '{"name": "test", "scopes": ["read", "talk"]}' "$url/api/tokens" | sed -n 's/.*"token":"\([^"]*\)".*/\1/p')

cat > "$home/schemathesis.toml" <<TOML
seed = 1
[output.sanitization]
enabled = true
TOML
checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance
# What it writes down of a run is for that run alone.
schemathesis=$(dirname "$python")/schemathesis
cd "$home"
"$schemathesis" --config-file "$home/schemathesis.toml" run "$url/v1/openapi.json" \
    --header "Authorization: Bearer $token" --checks "$checks" --phases examples,coverage,fuzzing --max-examples "${EXAMPLES:-20}" \
    --seed 1 --continue-on-failure --request-timeout 60 --generation-database none --no-color "$@" || {
    echo "the daemon's log:"
    tail -n 20 "$home/log"
    exit 1
}
[ -z "${KEEP_DOCUMENT:-}" ] || curl --silent "$url/v1/openapi.json" --output "$KEEP_DOCUMENT"
kill -0 "$daemon" || { echo "the daemon has ended:"; tail -n 20 "$home/log"; exit 1; }
