#!/usr/bin/env bash
# The folders of an empty data partition, and a Wi-Fi network that somebody has put on the card.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
program=$here/../meta-pipit/recipes-pipit/pipit-update/files/pipit-data
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PIPIT_DATA=$work/data PIPIT_SELECT=$work/select PIPIT_MODELS=$work/models PIPIT_BACKEND=true

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

mkdir "$PIPIT_SELECT" "$PIPIT_DATA" "$PIPIT_MODELS"
echo network >"$PIPIT_MODELS/silero-vad-v6.onnx"
printf '[Security]\nPassphrase=correct horse\n' >"$PIPIT_SELECT/Home at last.psk"
echo TZ=Europe/Vienna >"$PIPIT_SELECT/pipit.env"
"$program"
while read -r folder; do
    [[ -d $PIPIT_DATA/$folder ]] || fail "fstab shows $folder, which nobody makes"
done < <(sed -n 's|^/data/\([^ ]*\) .*|\1|p' "$here/../meta-pipit/recipes-core/base-files/files/fstab")
grep -q 'correct horse' "$PIPIT_DATA/iwd/Home at last.psk" || fail "the network is not there"
[[ $(stat -c %a "$PIPIT_DATA/iwd/Home at last.psk") == 600 ]] || fail "anybody can read the network's password"
[[ $(cat "$PIPIT_DATA/etc-pipit/environment") == TZ=Europe/Vienna ]] || fail "the time zone is not there"
[[ $(ls "$PIPIT_SELECT") == pipit.env ]] || fail "the password stays on the card's first partition"
grep -q network "$PIPIT_DATA/pipit/models/silero-vad-v6.onnx" || fail "the daemon would not find its models"
"$program" || fail "a second start fails"
echo "data: passed"
