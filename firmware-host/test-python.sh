#!/usr/bin/env bash
# Prints the Python of an environment in target/ that has these packages, by name and version, as pip gets them; nothing where pip can't,
# so that what needs them says "skipped".
#
#   firmware-host/test-python.sh openai==3.57.0
set -euo pipefail
cd "$(dirname "$0")/.."

place=$(realpath -m "${CARGO_TARGET_DIR:-target}")/python-for-tests
wanted=$(printf '%s\n' "$@")
mkdir -p "$place"
for package in "$@"; do
    grep -qxF "$package" "$place/packages" 2> /dev/null || missing=yes
done
if [ "${missing:-}" ]; then
    python3 -m venv "$place" 2> "$place/pip.log" \
        && "$place/bin/pip" install --quiet --disable-pip-version-check --no-input "$@" >> "$place/pip.log" 2>&1 \
        || { echo "pip can't get $* (see $place/pip.log); what needs them is skipped" >&2; exit 0; }
    echo "$wanted" >> "$place/packages"
fi
echo "$place/bin/python"
