#!/usr/bin/env bash
# Makes Debian packages for Debian 12, Raspberry Pi OS and what is newer: pipit_*.deb, and pipit-models_*.deb where there is ONNX
# Runtime.
#
#   packaging/package.sh [amd64] [arm64] [armhf]
#
# With none named, all of them. What this machine is gets built here; what it is not, by packaging/cross.sh, which needs root. They
# come to lie in target/package.
set -euo pipefail

cargo_deb_version=3.8.0
cargo_cyclonedx_version=0.5.9
# Debian 12's.
newest_glibc=2.36
newest_glibcxx=3.4.30

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
build_dir=$(realpath -m "${CARGO_TARGET_DIR:-target}")
packages=$build_dir/package

say() { printf 'package: %s\n' "$*" >&2; }

fail() {
    say "$@"
    exit 1
}

main() {
    local architecture
    [[ $# -gt 0 ]] || set -- amd64 arm64 armhf
    check_tools
    mkdir -p "$packages"
    for architecture in "$@"; do
        package "$architecture"
    done
}

check_tools() {
    cargo deb --version 2>/dev/null | grep -qF "$cargo_deb_version" || install_tool cargo-deb "$cargo_deb_version"
    cargo cyclonedx --version 2>/dev/null | grep -qF "$cargo_cyclonedx_version" || install_tool cargo-cyclonedx "$cargo_cyclonedx_version"
    command -v readelf >/dev/null || fail "readelf is missing: apt-get install binutils"
    [[ -f web-admin/ui/dist/index.html.br ]] || fail "the panel is not built: \`make package\` does it"
}

install_tool() {
    say "building $1 $2 (some minutes, once)"
    cargo install --quiet --locked "$1" --version "$2"
}

package() {
    local architecture=$1 target into=() deb
    case $architecture in
        amd64) target=x86_64-unknown-linux-gnu ;;
        arm64) target=aarch64-unknown-linux-gnu ;;
        armhf) target=armv7-unknown-linux-gnueabihf ;;
        *) fail "\`$architecture\` is none of: amd64, arm64, armhf" ;;
    esac
    local cargo=(cargo) built=$build_dir/packaged target_dir=$build_dir
    if [[ $architecture != "$(dpkg --print-architecture)" ]]; then
        cargo=("$root/packaging/cross.sh" "$architecture" cargo)
        into=(--target "$target")
        target_dir=$build_dir/cross
        built=$target_dir/$target/packaged
    fi
    say "building for $architecture"
    # Not for the processor of this machine, but for every one of its kind (on amd64: with AVX2, so since 2013).
    GGML_NATIVE=OFF "${cargo[@]}" build --profile packaged --locked -p pipit --bin pipit --no-default-features
    check_symbols "$built/pipit"
    mkdir -p "$built/stage"
    write_sbom "$target" "$built/stage/pipit.cdx.json"
    deb=(cargo deb --quiet --no-build --no-strip --locked -p pipit --profile packaged "${into[@]}" --output "$packages/")
    CARGO_TARGET_DIR=$target_dir "${deb[@]}"
    if [[ $architecture == armhf ]]; then
        say "there is no ONNX Runtime for armhf, so no pipit-models: such a Pipit hears with its light detector, and does well" \
            "with a service that recognises speech and speaks (stt.engine, tts.engine)"
    else
        GGML_NATIVE=OFF "${cargo[@]}" build --profile packaged --locked -p pipit-models --bin pipit-pronounce
        check_symbols "$built/pipit-pronounce"
        stage_models "$target" "$built/stage"
        CARGO_TARGET_DIR=$target_dir "${deb[@]}" --variant models
    fi
    (cd "$packages" && ls -l -- *_"$architecture".deb >&2)
}

# A program that was linked against a newer library asks for a version of a symbol that Debian 12 does not have.
check_symbols() {
    local library newest needed
    for library in GLIBC:$newest_glibc GLIBCXX:$newest_glibcxx; do
        newest=${library#*:}
        needed=$(readelf --version-info --wide "$1" | sed -nE "s/.*Name: ${library%:*}_([0-9.]+) .*/\1/p" | sort -V | tail -n 1)
        if [[ -n $needed && $(printf '%s\n' "$needed" "$newest" | sort -V | tail -n 1) != "$newest" ]]; then
            fail "${1##*/} needs ${library%:*} $needed, and Debian 12 has $newest: build it on Debian 12"
        fi
        say "${1##*/} needs ${library%:*} ${needed:-of no version}; Debian 12 has $newest"
    done
}

# What the daemon is made of, as CycloneDX. The tool writes beside every Cargo.toml, so it gets some of its own.
write_sbom() {
    local target=$1 file=$2 copy
    copy=$(mktemp -d)
    git ls-files -z -- '*Cargo.toml' Cargo.lock '*.rs' | xargs -0 cp --parents -t "$copy"
    (cd "$copy" && cargo cyclonedx --quiet --manifest-path firmware-host/Cargo.toml --format json --spec-version 1.5 \
        --target "$target" --no-default-features --override-filename pipit.cdx)
    # Where it was built is nobody's business.
    sed "s#$copy#/pipit#g" "$copy/firmware-host/pipit.cdx.json" >"$file"
    rm -rf "$copy"
}

stage_models() {
    local stage=$2
    PIPIT_SETUP_PROCESSOR=${1%%-*} PIPIT_SETUP_PACKAGES=skip PIPIT_MODELS_DIR=$stage/models firmware-host/setup.sh run
    cargo metadata --locked --format-version 1 |
        python3 -c 'import json, pathlib, sys
packages = json.load(sys.stdin)["packages"]
misaki = next(package for package in packages if package["name"] == "misaki-rs")
print(pathlib.Path(misaki["manifest_path"]).with_name("LICENSE"))' | xargs -d '\n' cp -t "$stage"
    mv "$stage/LICENSE" "$stage/misaki.LICENSE"
}

main "$@"
