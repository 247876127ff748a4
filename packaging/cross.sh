#!/usr/bin/env bash
# Builds Pipit for another processor without Docker, so that it runs on Debian 12 and Raspberry Pi OS (glibc 2.36).
#
#   packaging/cross.sh arm64|armhf COMMAND...
#
# runs COMMAND with cargo, for that processor, in the root of the repository. What it needs is made the first time (2.5 GB,
# some minutes) in ${PIPIT_CROSS_DIR:-~/.cache/pipit/cross}:
#
#   builder    Debian sid, as a folder: a Rust new enough, its standard library for both processors, and clang, which compiles
#              for any processor
#   arm64, armhf   of Debian 12, what a program is compiled and linked against: its C and C++ libraries and ALSA's
#
# So what is new compiles, and what is old is linked: the program asks for no symbol that Debian 12 does not have.
# It needs root, because both are folders that chroot goes into; mmdebstrap; and this system's own apt sources, whose mirror is used.
set -euo pipefail

cross=${PIPIT_CROSS_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/pipit/cross}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

builder_packages=ca-certificates,cargo,clang,cmake,g++,lld,llvm,make,pkgconf,rustc
builder_packages+=,libstd-rust-dev:arm64,libstd-rust-dev:armhf
system_packages=libasound2-dev,libc6-dev,libstdc++-12-dev

# shellcheck source=packaging/debian.sh
. "$root/packaging/debian.sh"

main() {
    [[ $# -ge 2 ]] || fail "say for which processor and what to run: packaging/cross.sh arm64 cargo build --bin pipit"
    local architecture=$1
    shift
    case $architecture in
        arm64) target=aarch64-unknown-linux-gnu triple=aarch64-linux-gnu ;;
        armhf) target=armv7-unknown-linux-gnueabihf triple=arm-linux-gnueabihf ;;
        *) fail "\`$architecture\` is none of: arm64, armhf" ;;
    esac
    [[ $EUID -eq 0 ]] || fail "this needs root, for chroot: run it as root, or with sudo"
    make_builder
    make_system "$architecture"
    write_compilers "$architecture"
    # What is mounted in a namespace of its own is gone when it ends, however it ends.
    export -f in_builder
    unshare --mount bash -euc 'in_builder "$@"' cross "$cross" "$root" "$architecture" "$target" "$triple" "$@"
}

make_builder() {
    local architectures
    architectures=$(printf '%s\n' "$(dpkg --print-architecture)" arm64 armhf | awk '!seen[$0]++' | paste -sd,)
    [[ -d $cross/builder ]] || bootstrap apt "$architectures" "$builder_packages" sid "$cross/builder"
}

make_system() {
    local system=$cross/$1 link
    [[ -d $system ]] || bootstrap extract "$1" "$system_packages" bookworm "$system"
    # A link to /lib/... means this folder's.
    find "$system" -type l -lname '/*' -print0 | while IFS= read -r -d '' link; do
        ln -sfn --relative "$system$(readlink "$link")" "$link"
    done
}

write_compilers() {
    local tool
    for tool in clang clang++; do
        printf '#!/bin/sh\nexec %s --target=%s --sysroot=/systems/%s -fuse-ld=lld -Qunused-arguments "$@"\n' \
            "$tool" "$triple" "$1" >"$cross/builder/usr/local/bin/$triple-$tool"
        chmod +x "$cross/builder/usr/local/bin/$triple-$tool"
    done
}

in_builder() {
    local cross=$1 root=$2 architecture=$3 target=$4 triple=$5
    shift 5
    local builder=$cross/builder name=${target//-/_}
    local cargo_home=${CARGO_HOME:-$HOME/.cargo} built=${CARGO_TARGET_DIR:-$root/target}/cross
    mkdir -p "$builder"/{systems,cargo,target,"$root"} "$cargo_home" "$built"
    mount --make-rprivate /
    mount --bind "$cross/$architecture" "$(mkdir -p "$builder/systems/$architecture" && echo "$builder/systems/$architecture")"
    mount --bind "$cargo_home" "$builder/cargo"
    mount --bind "$root" "$builder$root"
    mount --bind "$built" "$builder/target"
    mount --rbind /dev "$builder/dev"
    mount -t proc proc "$builder/proc"
    cp -L /etc/resolv.conf "$builder/etc/resolv.conf"
    if [[ $architecture == armhf ]]; then
        # whisper-rs brings bindings for 64 bits alone, and makes others where this variable is not set at all.
        grep -v '^WHISPER_DONT_GENERATE_BINDINGS' "$root/.cargo/config.toml" >"$builder/tmp/config.toml"
        mount --bind "$builder/tmp/config.toml" "$builder$root/.cargo/config.toml"
    fi
    local environment=(
        PATH=/usr/local/bin:/usr/bin:/bin HOME=/root LC_ALL=C.UTF-8
        CARGO_HOME=/cargo CARGO_TARGET_DIR=/target CARGO_BUILD_TARGET="$target" CARGO_INCREMENTAL=0
        "CARGO_TARGET_${name^^}_LINKER=$triple-clang"
        "CC_$name=$triple-clang" "CXX_$name=$triple-clang++" "AR_$name=llvm-ar" "RANLIB_$name=llvm-ranlib"
        PKG_CONFIG_ALLOW_CROSS=1 "PKG_CONFIG_SYSROOT_DIR=/systems/$architecture"
        "PKG_CONFIG_LIBDIR=/systems/$architecture/usr/lib/$triple/pkgconfig:/systems/$architecture/usr/share/pkgconfig"
        "BINDGEN_EXTRA_CLANG_ARGS_$name=--sysroot=/systems/$architecture"
        # Not for the processor that it is built on.
        GGML_NATIVE=OFF
    )
    chroot "$builder" env -i "${environment[@]}" sh -euc 'cd "$1" && shift && exec "$@"' cross "$root" "$@"
}

main "$@"
