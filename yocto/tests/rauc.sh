#!/usr/bin/env bash
# Real bundles, a real RAUC and the layer's system.conf, with files in place of partitions: what is installed, what is refused, and
# what is settled on. Needs root (RAUC mounts the bundle), rauc and dbus-daemon; skips where one is missing.
#
# The format here is `plain`, because dm-verity needs a kernel that has it; what is signed and refused is the same.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
files=$here/../meta-pipit
backend=$files/recipes-core/rauc/files/boot-backend
for program in rauc dbus-daemon mksquashfs openssl mkfs.ext4 mkdosfs; do
    command -v "$program" >/dev/null || {
        echo "rauc: skipped, there is no $program"
        exit 0
    }
done
[[ $EUID -eq 0 ]] || {
    echo "rauc: skipped, it needs root"
    exit 0
}

work=$(mktemp -d)
daemons=()
stop() {
    [[ ${#daemons[@]} -eq 0 ]] || kill "${daemons[@]}" 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT

export PIPIT_SELECT=$work/select PIPIT_UPDATE=$work/update PIPIT_BOOTLOADER=$work/chosen PIPIT_REBOOT_PARAMETER=$work/reboot-param
export PIPIT_OS_RELEASE=$work/os-release

fail() {
    echo "FAILED: $*" >&2
    tail -n 30 "$work/service.log" >&2 || true
    exit 1
}

mkdir "$PIPIT_SELECT" "$PIPIT_BOOTLOADER" "$work/data" "$work/mount"
cp "$files/recipes-bsp/bootfiles/files/autoboot.txt" "$PIPIT_SELECT"
echo 'VERSION_ID="0.1.0"' >"$PIPIT_OS_RELEASE"
printf '\0\0\0\2' >"$PIPIT_BOOTLOADER/partition"
"$here/../signing.sh" "$work/signing" 2>/dev/null
"$here/../signing.sh" "$work/stranger" 2>/dev/null
for slot in root-a root-b boot-a boot-b; do truncate -s 40M "$work/pipit-$slot"; done
sed -e "s|@MACHINE@|raspberrypi5|; s|@KEYRING@|$work/signing/keyring.pem|; s|/dev/disk/by-partlabel|$work|" \
    -e "s|/usr/lib/pipit/boot-backend|$backend|; s|/data/rauc|$work/data|; s|/run/rauc|$work/mount|" \
    -e 's|bundle-formats=verity|bundle-formats=plain|' "$files/recipes-core/rauc/files/system.conf" >"$work/system.conf"

# bundle NAME COMPATIBLE VERSION SIGNER
bundle() {
    local content=$work/content
    rm -rf "$content"
    mkdir "$content"
    truncate -s 16M "$content/rootfs.ext4"
    mkfs.ext4 -q -L "$3" "$content/rootfs.ext4"
    mkdosfs -n BOOT -C "$content/boot.vfat" 34000 >/dev/null
    cp "$files/recipes-pipit/images/files/install-check" "$content"
    cat >"$content/manifest.raucm" <<END
[update]
compatible=$2
version=$3

[hooks]
filename=install-check
hooks=install-check

[image.rootfs]
filename=rootfs.ext4

[image.boot]
filename=boot.vfat
END
    rauc --cert="$work/$4/update.cert.pem" --key="$work/$4/update.key.pem" bundle "$content" "$work/$1.raucb" >/dev/null 2>&1 ||
        fail "the bundle $1 could not be made"
}

cat >"$work/bus.conf" <<END
<busconfig>
  <type>system</type>
  <listen>unix:path=$work/bus</listen>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
END
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$work/bus
coproc BUS { exec dbus-daemon --config-file="$work/bus.conf" --nofork --print-address 2>/dev/null; }
daemons+=("$BUS_PID")
read -r _ <&"${BUS[0]}"

start_rauc() {
    rauc --conf="$work/system.conf" service --override-boot-slot="$1" >"$work/service.log" 2>&1 &
    service=$!
    daemons+=("$service")
    until dbus-send --system --print-reply --dest=org.freedesktop.DBus / org.freedesktop.DBus.NameHasOwner \
        string:de.pengutronix.rauc 2>/dev/null | grep -q 'boolean true'; do
        kill -0 "$service" 2>/dev/null || fail "RAUC does not start"
    done
}

refuses() {
    local said
    if said=$(rauc install "$work/$1.raucb" 2>&1); then fail "$1 was installed"; fi
    grep -qi "$2" <<<"$said" || grep -qi "$2" "$work/service.log" || fail "$1 was refused for another reason: $said"
    [[ $("$backend" get-primary) == A ]] || fail "$1 would be started"
}

bundle good pipit-raspberrypi5 0.2.0 signing
bundle older pipit-raspberrypi5 0.0.9 signing
bundle other-board pipit-raspberrypi4-64 0.2.0 signing
bundle strangers pipit-raspberrypi5 0.2.0 stranger
head -c "$(($(stat -c %s "$work/good.raucb") / 2))" "$work/good.raucb" >"$work/truncated.raucb"
# One byte in the middle of what is signed.
cp "$work/good.raucb" "$work/changed.raucb"
printf 'x' | dd of="$work/changed.raucb" bs=1 seek=4096 conv=notrunc status=none

start_rauc A
refuses strangers 'signature\|verify'
refuses truncated 'signature\|bundle'
refuses changed 'signature\|verif\|digest'
refuses other-board 'this update is for\|compatible'
refuses older 'older than'

rauc install "$work/good.raucb" >"$work/install.log" 2>&1 || fail "the update was refused: $(cat "$work/install.log")"
[[ $("$backend" get-primary) == B ]] || fail "the update would not be started"
[[ $("$backend" get-settled) == A ]] || fail "the update is settled on before it was tried"
[[ $(blkid -o value -s LABEL "$work/pipit-root-b") == 0.2.0 ]] || fail "the update is not where it should be"
[[ $(head -c 1024 "$work/pipit-root-a" | tr -d '\0' | wc -c) -eq 0 ]] || fail "the system that runs was written over"
[[ $(blkid -o value -s LABEL "$work/pipit-boot-b") == BOOT ]] || fail "what the firmware reads is not where it should be"
kill "$service" && wait "$service" 2>/dev/null || true

# The board tries it, and it proves itself.
"$backend" start-try
printf '\0\0\0\3' >"$PIPIT_BOOTLOADER/partition"
start_rauc B
rauc status mark-good >/dev/null 2>&1 || fail "it can't be marked as good"
[[ $("$backend" get-settled) == B ]] || fail "a good update is not settled on"
echo "rauc: passed ($(rauc --version))"
