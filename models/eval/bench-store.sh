#!/usr/bin/env bash
# What the store costs when it is full, what is left in it when its writer is killed, what the chat engine over it takes, and what
# speech services over HTTP take.
#
#   models/eval/bench-store.sh [MESSAGES] [KILLS]
#
# It fills a store of its own on the disk of the target folder, a million messages in a minute or two, and deletes it again.
set -euo pipefail
cd "$(dirname "$0")/../.."

target=${CARGO_TARGET_DIR:-target}
cargo build --quiet --release --locked --bin pipit-eval
folder=$(mktemp -d "$target/bench-store.XXXXXX")
trap 'rm -rf "$folder"' EXIT
"$target/release/pipit-eval" store "$folder/full" --messages "${1:-1000000}"
"$target/release/pipit-eval" kill-store "$folder/killed" --times "${2:-500}"
"$target/release/pipit-eval" engine
"$target/release/pipit-eval" speech-service
