# What the scripts beside it share: folders of Debian, made by mmdebstrap. It expects `cross`, the folder that they come to lie in.

fail() {
    printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2
    exit 1
}

# The mirror that this system gets Debian's packages from, so that whoever has one of their own uses it.
mirror() {
    local addresses
    addresses=$(
        cat /etc/apt/sources.list.d/*.sources 2>/dev/null | sed -n 's/^URIs: *//p' | tr ' ' '\n'
        cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null | grep '^deb ' | grep -oE '[a-z]+://[^ ]+'
    ) || true
    # Not those of security fixes, of Raspberry Pi OS or of somebody else's packages.
    addresses=$(grep -E '/debian/*$' <<<"$addresses" | head -n 1) || true
    [[ -n $addresses ]] || fail "this system's apt sources name no mirror of Debian: name one in PIPIT_DEBIAN_MIRROR"
    printf '%s\n' "$addresses"
}

bootstrap() { # VARIANT ARCHITECTURES PACKAGES SUITE FOLDER
    local folder=$5
    command -v mmdebstrap >/dev/null || fail "mmdebstrap is missing: apt-get install mmdebstrap"
    printf 'making %s\n' "$folder" >&2
    mkdir -p "$cross"
    rm -rf "$folder.part"
    # A mirror may be a little behind.
    mmdebstrap --quiet --mode=root --format=directory --variant="$1" --architectures="$2" --include="$3" \
        --aptopt='Acquire::Check-Valid-Until "false"' --aptopt='APT::Install-Recommends "false"' \
        "$4" "$folder.part" "${PIPIT_DEBIAN_MIRROR:-$(mirror)}" >&2
    mv "$folder.part" "$folder"
}

# The kernel has to know who runs programs of another processor.
can_run() { # ARCHITECTURE
    local qemu
    case $1 in
        "$(dpkg --print-architecture)") return 0 ;;
        arm64) qemu=qemu-aarch64 ;;
        armhf) qemu=qemu-arm ;;
        *) fail "programs for $1 can't be run here" ;;
    esac
    [[ -f /usr/lib/binfmt.d/$qemu.conf ]] || fail "qemu-user-static is missing: apt-get install qemu-user-static"
    [[ -e /proc/sys/fs/binfmt_misc/register ]] || mount -t binfmt_misc none /proc/sys/fs/binfmt_misc ||
        fail "this kernel runs no programs of other processors (binfmt_misc)"
    # Where no systemd did so at boot.
    [[ -e /proc/sys/fs/binfmt_misc/$qemu ]] || cat "/usr/lib/binfmt.d/$qemu.conf" >/proc/sys/fs/binfmt_misc/register
}
