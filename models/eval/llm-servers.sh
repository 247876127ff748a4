#!/usr/bin/env bash
# Asks real servers that speak OpenAI's language everything that Pipit asks of one, and prints what came of it.
#
#   models/eval/llm-servers.sh [SERVER...]
#
# SERVER is llama-cpp-python, or litellm, which passes on to it; without one, both. The first time it makes an environment of
# Python packages for each in target/llm-servers (1.5 GB; llama-cpp-python is compiled, which takes some minutes) and a language
# model of random weights. Fails where anything does not come as it should.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-target}
home=$target/llm-servers
key=sk-right
context=512
started=()
trap 'stop' EXIT

main() {
    cargo build --quiet --release --locked --bin pipit-eval
    mkdir -p "$home"
    local servers=("$@") server outcome=0
    [ $# -gt 0 ] || servers=(llama-cpp-python litellm)
    install llama-cpp-python 'llama-cpp-python[server]==0.3.36' 'gguf==0.19.0'
    local model=$home/tiny-llama.gguf
    [ -e "$model" ] || "$home/llama-cpp-python/bin/python" models/eval/standins/llama.py "$model"
    llama=$(free_port)
    start llama-cpp-python "$llama" -m llama_cpp.server --model "$model" --model_alias tiny --n_ctx "$context" \
        --host 127.0.0.1 --port "$llama" --api_key "$key" --interrupt_requests false
    for server in "${servers[@]}"; do
        echo "== $server"
        case $server in
            llama-cpp-python) ask "$llama" tiny --context "$context" || outcome=1 ;;
            litellm) proxy || outcome=1 ;;
            *) echo "\`$server\` is none of: llama-cpp-python, litellm" >&2 && exit 2 ;;
        esac
    done
    return "$outcome"
}

# A proxy: what it is asked it asks another server, or a provider that it plays itself.
proxy() {
    local port outcome=0
    # Without prisma, which it asks whether an error was a database's, it fails where a request has no key.
    install litellm 'litellm[proxy]==1.108.7' 'prisma==0.15.0'
    port=$(free_port)
    sed -e "s/PORT/$llama/" -e "s/KEY/$key/" models/eval/peers/litellm.yaml >"$home/litellm.yaml"
    LITELLM_LOCAL_MODEL_COST_MAP=True start litellm "$port" "$home/litellm/bin/litellm" --config "$home/litellm.yaml" --host 127.0.0.1 --port "$port"
    ask "$port" tiny --context "$context" || outcome=1
    echo "== litellm, a model that it plays"
    ask "$port" played || outcome=1
    return "$outcome"
}

ask() {
    "$target/release/pipit-eval" llm-server "http://127.0.0.1:$1/v1" --model "$2" --key "$key" "${@:3}"
}

# Makes an environment of this name with these packages.
install() {
    local environment=$home/$1
    [ ! -e "$environment/complete" ] || return 0
    echo "installing ${*:2} into $environment" >&2
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet "${@:2}"
    touch "$environment/complete"
}

# Starts a server from the environment of this name, and waits until it lists its models at this port.
start() {
    local name=$1 port=$2 tries=0
    "$home/$name/bin/python" "${@:3}" >"$home/$name.log" 2>&1 &
    started+=($!)
    until curl --silent --fail --output /dev/null --header "authorization: Bearer $key" "http://127.0.0.1:$port/v1/models"; do
        if ! kill -0 $! 2>/dev/null || [ $((tries += 1)) -gt 240 ]; then
            echo "$name does not start; $home/$name.log says why" >&2
            exit 1
        fi
        sleep 0.5
    done
}

stop() {
    local process
    for process in "${started[@]}"; do
        kill "$process" 2>/dev/null || true
    done
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

main "$@"
