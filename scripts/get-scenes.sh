#!/bin/sh
# Fetches the city scenes that Sionna RT ships (Apache-2.0) into .scenes/, which git ignores. Runs again at no cost.
# Needs python3 with pip, or else unzip and the wheel beside it: get-scenes.sh WHEEL
set -eu

version=2.2.0
sha256=ffd5b5fea0fd3fee9d64a9e2b0ff1f2f4b4bfc010fa3d59d7479955fbdfc0e8e
scenes_expected=15

root=$(cd "$(dirname "$0")/.." && pwd)
target="$root/.scenes"
stamp="$target/.complete"

fail() {
    echo "get-scenes: $1" >&2
    exit 1
}

if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$sha256" ]; then
    echo "get-scenes: $target is complete (sionna-rt $version)"
    exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

if [ $# -ge 1 ]; then
    wheel=$1
    [ -f "$wheel" ] || fail "there is no file $wheel"
else
    command -v python3 >/dev/null || fail "python3 is missing; install it, or give the wheel: $0 WHEEL"
    python3 -m pip --version >/dev/null 2>&1 || fail "pip is missing; install python3-pip, or give the wheel: $0 WHEEL"
    echo "get-scenes: downloading sionna-rt $version (about 50 MB)"
    printf 'sionna-rt==%s --hash=sha256:%s\n' "$version" "$sha256" >"$work/requirements.txt"
    python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
        --dest "$work" --requirement "$work/requirements.txt" \
        || fail "the download failed; check the network, or give the wheel: $0 WHEEL"
    wheel=$(ls "$work"/*.whl)
fi

if command -v sha256sum >/dev/null; then
    found=$(sha256sum "$wheel" | cut -d ' ' -f 1)
else
    found=$(python3 -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$wheel")
fi
[ "$found" = "$sha256" ] || fail "$wheel has the SHA-256 $found, not $sha256"

mkdir "$work/unpacked"
if command -v python3 >/dev/null; then
    python3 -m zipfile -e "$wheel" "$work/unpacked"
elif command -v unzip >/dev/null; then
    unzip -q "$wheel" 'sionna/rt/scenes/*' -d "$work/unpacked"
else
    fail "neither python3 nor unzip is there to unpack the wheel"
fi

source="$work/unpacked/sionna/rt/scenes"
count=0
for folder in "$source"/*/; do
    name=$(basename "$folder")
    if [ -f "$folder/$name.xml" ]; then count=$((count + 1)); fi
done
[ "$count" -eq "$scenes_expected" ] || fail "the wheel holds $count scenes, not $scenes_expected"

rm -rf "$target"
cp -R "$source" "$target"
printf '%s\n' "$sha256" >"$stamp"
echo "get-scenes: $count scenes in $target"
