#!/usr/bin/env bash
# Whether the packages for this machine's processor can be installed on a clean Debian 12 with nothing but apt, whether the daemon
# answers when it is started there as the unit starts it, and what an upgrade, a removal and a purge leave. Root, as clean-debian.sh.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

exchange=$(mktemp -d)
trap 'rm -rf "$exchange"' EXIT
chmod 755 "$exchange"
cp "$root"/firmware-host/demo/1-what-time-is-it.wav "$exchange/clip.wav"
cat >"$exchange/try.sh" <<'END'
set -eu
fail() {
    echo "$*" >&2
    exit 1
}

[ ! -e /var/lib/pipit/replies ] || fail "it has run already"
echo "as root, Pipit finds: $(pipit doctor 2>&1 | grep -E 'ONNX Runtime|self-test' | tr -s ' ' | paste -sd';')"
mkdir -p /run/pipit
chown pipit:pipit /run/pipit
# As pipit.service does, but that a recording is the microphone.
as_service="setpriv --reuid=pipit --regid=pipit --init-groups --no-new-privs --bounding-set=-all
    env STATE_DIRECTORY=/var/lib/pipit RUNTIME_DIRECTORY=/run/pipit CONFIGURATION_DIRECTORY=/etc/pipit HOME=/var/lib/pipit"
$as_service /usr/bin/pipit --set audio.backend=wav --set audio.input=/exchange/clip.wav run >/exchange/log 2>&1 &
daemon=$!
tail -f --pid=$daemon /exchange/log | grep -m 1 'intent="HassGetCurrentTime"' >/exchange/turn ||
    { cat /exchange/log >&2; fail "it did not answer"; }
kill -TERM $daemon
wait $daemon || fail "it did not end well"
grep -E 'listening|recogniser:|voice:|turn model:|self-test' /exchange/log
cat /exchange/turn
ls /var/lib/pipit/replies/*.wav >/dev/null || fail "there is no reply"

# An owner's changes stay, and so does what Pipit knows.
echo '# kept' >>/etc/pipit/pipit.toml
runuser() { setpriv --reuid=pipit --regid=pipit --init-groups env STATE_DIRECTORY=/var/lib/pipit HOME=/var/lib/pipit "$@"; }
runuser pipit memory add "I park on level two" >/dev/null
apt-get install -qq --yes --reinstall --no-install-recommends /packages/pipit_*.deb >/dev/null 2>&1
grep -qx '# kept' /etc/pipit/pipit.toml || fail "an upgrade changed the configuration"
runuser pipit memory list | grep -q 'level two' || fail "an upgrade lost what was remembered"
apt-get remove -qq --yes pipit >/exchange/removed 2>&1
[ -d /var/lib/pipit ] && [ -f /etc/pipit/pipit.toml ] || fail "a removal took more than the program"
grep 'stay in /var/lib/pipit' /exchange/removed || fail "a removal does not say what stays"
apt-get purge -qq --yes pipit pipit-models >/exchange/purged 2>&1
grep 'deleting /var/lib/pipit' /exchange/purged || fail "a purge does not say what it deletes"
[ ! -e /var/lib/pipit ] && [ ! -e /etc/pipit ] && [ ! -e /usr/lib/pipit ] || fail "a purge left something"
echo "installed, started, spoken to, upgraded, removed and purged"
END
PIPIT_EXCHANGE=$exchange "$root/packaging/clean-debian.sh" "$(dpkg --print-architecture)" sh /exchange/try.sh
