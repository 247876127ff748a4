#!/usr/bin/env bash
# Puts into yocto/prebuilt what the layer does not build: the Debian package of the daemon for arm64, and the Python packages
# that ONNX Runtime and the networks are taken out of, pinned by their hashes in models/wheels.txt.
#
#   make package && yocto/prepare.sh [pipit_VERSION_arm64.deb]
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prebuilt=$root/yocto/prebuilt

say() { printf 'prepare: %s\n' "$*" >&2; }

fail() {
    say "$@"
    exit 1
}

main() {
    local version package
    version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1)
    [[ -f $root/yocto/meta-pipit/recipes-pipit/pipit/pipit_$version.bb ]] ||
        fail "there is no recipe for version $version: rename pipit_*.bb and pipit-bundle_*.bb, and set DISTRO_VERSION in conf/distro/pipit.conf"
    mkdir -p "$prebuilt"
    say "fetching ONNX Runtime for aarch64, Silero VAD and Smart Turn into $prebuilt"
    python3 -m pip download --quiet --disable-pip-version-check --no-input --no-cache-dir \
        --no-deps --only-binary=:all: --require-hashes \
        --python-version 3.11 --implementation cp --abi cp311 --abi none --platform manylinux_2_28_aarch64 \
        --platform manylinux_2_27_aarch64 \
        --dest "$prebuilt" --requirement "$root/models/wheels.txt" ||
        fail "the packages of models/wheels.txt could not be downloaded. Is there a network? pip says why above"
    package=${1:-$(find "$root/target" -name "pipit_${version}*_arm64.deb" -printf '%T@ %p\n' 2>/dev/null | sort -n | tail -n 1 | cut -d ' ' -f 2-)}
    [[ -n $package && -f $package ]] || fail "there is no Debian package for arm64 yet: run \`make package\`, or name one"
    cp "$package" "$prebuilt/pipit_${version}_arm64.deb"
    say "ready for \`kas build yocto/kas-pipit.yml\`"
}

main "$@"
