#!/usr/bin/env bash
# Asks Home Assistant itself, headless, whether it finds Pipit over MQTT, lists every entity, and can command them; and whether its
# Assist can use Pipit as a satellite.
#
#   firmware-host/tests/home_assistant/run.sh
#
# As root: it gives Home Assistant a network of its own, because its integrations look for the Internet. The first time it makes
# an environment for it in target/home-assistant (1 GB): with the Python that is here if that is 3.14 or newer, else in a Debian
# beside this one. What is logged lies in target/home-assistant/last and last-satellite. Fails where anything is not as it should be.
set -euo pipefail
cd "$(dirname "$0")/../../.."

version=2026.11.0
place=$(realpath -m "${CARGO_TARGET_DIR:-target}")/home-assistant
# What MQTT and the parts that come with it need; Home Assistant would install them itself at its start.
packages=(paho-mqtt Pillow aiohasupervisor hass-nabucasa hassil ha-ffmpeg home-assistant-frontend home-assistant-intents mutagen numpy PyTurboJPEG
    wyoming pymicro-vad pyspeex-noise gazetteer-matcher infrared-protocols rf-protocols)

main() {
    [ "$(id -u)" = 0 ] || fail "run it as root, since it makes a network of its own"
    for program in mosquitto mosquitto_sub unshare ip; do
        command -v "$program" > /dev/null || fail "there is no $program; apt-get install mosquitto mosquitto-clients iproute2"
    done
    cargo build --quiet --locked --bin pipit
    mkdir -p "$place"
    local root=/ enter=()
    if ! python=$(newest_python); then
        root=$place/debian python=python3 enter=(chroot "$place/debian")
        [ -e "$root/.ready" ] || make_debian "$root"
    fi
    local inside=${place#"$root"}
    [ "$root" = / ] && inside=$place || inside=/home-assistant
    [ -x "${root%/}$inside/bin/hass" ] || install "$inside"
    drive drive.py "$place/last"
    drive satellite.py "$place/last-satellite"
}

drive() {
    rm -rf "$2"
    unshare --net bash -c 'ip link set lo up && ip route add 224.0.0.0/4 dev lo && exec "$@"' in-a-network-of-its-own \
        python3 "firmware-host/tests/home_assistant/$1" --folder "$2" --hass-root "$root" \
        --hass "${enter[*]} $inside/bin/hass" --pipit "$(dirname "$place")/debug/pipit"
}

# A Python that this version of Home Assistant runs with.
newest_python() {
    local python
    for python in python3.15 python3.14; do
        if "$python" -c 'import venv, ensurepip' 2> /dev/null; then
            echo "$python"
            return
        fi
    done
    return 1
}

make_debian() {
    command -v debootstrap > /dev/null || fail "there is no Python 3.14 here, and no debootstrap to get one with; apt-get install debootstrap"
    echo "making a Debian with a newer Python in $1"
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates,ffmpeg,g++,python3-dev sid "$1" > "$place/debootstrap.log" 2>&1 \
        || fail "Debian can't be installed; see $place/debootstrap.log"
    # pip asks where the system's asks.
    local file
    for file in /etc/resolv.conf /etc/pip.conf /etc/ssl/certs/ca-certificates.crt; do
        [ ! -e "$file" ] || cp --dereference "$file" "$1$file"
    done
    touch "$1/.ready"
}

install() {
    echo "installing Home Assistant $version"
    "${enter[@]}" "$python" -m venv "$1"
    "${enter[@]}" "$1/bin/pip" install --quiet --prefer-binary "homeassistant==$version"
    local constraints
    constraints=$("${enter[@]}" sh -c "echo $1/lib/python3*/site-packages/homeassistant/package_constraints.txt")
    "${enter[@]}" "$1/bin/pip" install --quiet --prefer-binary --constraint "$constraints" "${packages[@]}"
}

fail() {
    echo "$1" >&2
    exit 2
}

main "$@"
