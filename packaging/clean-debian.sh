#!/usr/bin/env bash
# A clean Debian 12 with nothing but apt, and Pipit's packages installed in it.
#
#   packaging/clean-debian.sh amd64|arm64 [COMMAND...]
#
# installs the packages of target/package, runs COMMAND in it, and throws it away. Without one, it says what was installed. The
# folder /exchange in it is ${PIPIT_EXCHANGE:-a new one}. It needs root, mmdebstrap, and for a processor that is not this machine's
# qemu-user-static. The Debian itself is made once (some minutes), in ${PIPIT_CROSS_DIR:-~/.cache/pipit/cross}.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cross=${PIPIT_CROSS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/pipit/cross}
packages=$(realpath -m "${CARGO_TARGET_DIR:-$root/target}")/package
# shellcheck source=packaging/debian.sh
. "$root/packaging/debian.sh"

main() {
    local architecture=${1:-}
    case $architecture in
        amd64 | arm64) shift ;;
        *) fail "say for which processor: amd64 or arm64" ;;
    esac
    [[ $EUID -eq 0 ]] || fail "this needs root, for chroot: run it as root, or with sudo"
    can_run "$architecture"
    [[ -d $cross/debian12-$architecture ]] || bootstrap minbase "$architecture" ca-certificates bookworm "$cross/debian12-$architecture"
    local debs=("$packages"/pipit_*_"$architecture".deb "$packages"/pipit-models_*_"$architecture".deb)
    [[ -f ${debs[0]} ]] || fail "there is no package for $architecture in $packages: packaging/package.sh $architecture makes it"
    clean=$(mktemp -d)
    exchange=${PIPIT_EXCHANGE:-$(mktemp -d)}
    # What is mounted in a namespace of its own is gone when it ends, however it ends.
    trap 'rm -rf "$clean"' EXIT
    cp -a "$cross/debian12-$architecture/." "$clean"
    mkdir -p "$clean/exchange" "$clean/packages"
    cp "${debs[@]}" "$clean/packages/"
    cp -L /etc/resolv.conf "$clean/etc/resolv.conf"
    unshare --mount --pid --fork --mount-proc="$clean/proc" bash -euc '
        clean=$1 exchange=$2
        shift 2
        mount --make-rprivate /
        mount --rbind /dev "$clean/dev"
        mount --bind "$exchange" "$clean/exchange"
        inside=(chroot "$clean" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive)
        "${inside[@]}" apt-get update -qq
        "${inside[@]}" sh -c "apt-get install -qq --yes --no-install-recommends /packages/*.deb >/exchange/apt.log 2>&1" ||
            { cat "$exchange/apt.log" >&2; exit 1; }
        if [[ $# -gt 0 ]]; then
            "${inside[@]}" "$@"
        else
            "${inside[@]}" dpkg-query -W "pipit*"
        fi
    ' clean "$clean" "$exchange" "$@"
}

main "$@"
