#!/bin/bash
# Packs into one folder what a machine with a GPU and no toolchain needs to test and measure these sources: the program, the
# tests, the bench of the kernels, scenes, reference results, and run.sh, which runs them (scripts/gpu-run.sh).
#
#   scripts/gpu-bundle.sh [-o FOLDER]      default: out/gpu-bundle, which git ignores
#
# Needs nvcc (scripts/get-nvcc.sh) and the cities (scripts/get-scenes.sh, or RAYLOBE_SCENES), and takes the large reference
# results along where they are (RAYLOBE_TRUTH, default ../shared/truth). Honours CARGO_TARGET_DIR and RAYLOBE_CUDA_ARCHS. The
# other machine needs bash, tar, gzip and a C library as new as bundle.txt says. Fails above 60 MiB.
set -euo pipefail

most_bytes=$((60 << 20))
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

fail() {
    echo "gpu-bundle: $1" >&2
    exit 1
}

folder="$root/out/gpu-bundle"
while getopts o: option; do
    case $option in
    o) folder=$(realpath -m -- "$OPTARG") ;;
    *) fail "usage: $0 [-o FOLDER]" ;;
    esac
done
[ $# -lt "$OPTIND" ] || fail "usage: $0 [-o FOLDER]"
cd "$root"

scenes=$(realpath -m -- "${RAYLOBE_SCENES:-.scenes}")
truth=$(realpath -m -- "${RAYLOBE_TRUTH:-../shared/truth}")
[ -f "$scenes/munich/munich.xml" ] || fail "$scenes has no cities: run scripts/get-scenes.sh, or set RAYLOBE_SCENES"
if [ -e "$folder" ] && [ ! -f "$folder/bundle.txt" ] && [ -n "$(ls -A "$folder")" ]; then
    fail "$folder holds something that is no bundle: remove it, or name another folder with -o"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# tests/devices.rs stays here: it fakes drivers that are broken, with g++, and a GPU changes nothing of it.
RAYLOBE_REQUIRE_CUDA=1 RAYLOBE_PROBES=1 cargo test --release --no-run --test emulated --test cpu --bench cuda \
    --message-format=json-render-diagnostics >"$work/messages" || fail "the build failed"

# take KIND NAME: copies what cargo has built; the release profile has stripped it.
take() {
    local path
    path=$(grep "\"kind\":\[\"$1\"\],\"crate_types\":\[\"bin\"\],\"name\":\"$2\"" "$work/messages" |
        sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
    [ -f "$path" ] || fail "cargo does not tell where the $1 $2 is"
    cp "$path" "$work/bundle/bin/$2"
}

mkdir -p "$work/bundle/bin" "$work/data/repository"
take bin raylobe
take bench cuda
take test emulated
take test cpu
cp scripts/gpu-run.sh "$work/bundle/run.sh"
chmod +x "$work/bundle/run.sh"

# Tests read the kernels' sources as well: which functions there are, and whether each is tested.
git ls-files --cached --others --exclude-standard scenes tests/truth tests/emulator cuda |
    tar -c -T - | tar -x -C "$work/data/repository"
cp -R "$scenes" "$work/data/repository/.scenes"
if [ -f "$truth/munich_rx_1000.npy" ]; then
    mkdir "$work/data/truth"
    cp -R "$truth/munich_rx_1000.npy" "$truth/munich" "$work/data/truth/"
else
    echo "gpu-bundle: $truth is absent: the tests that need it will be skipped" >&2
fi
# One archive: the cities are thousands of files, and shrink to a tenth.
tar -cz -C "$work/data" -f "$work/bundle/data.tar.gz" .

{
    echo "commit: $(git describe --always --dirty --abbrev=12 --exclude '*')"
    echo "kernels: $("$work/bundle/bin/raylobe" devices | sed -n 's/^kernels built in *//p')"
    echo "C library: $(grep -aoh 'GLIBC_[0-9]*[.][0-9]*' "$work"/bundle/bin/* | sort -uV | tail -n 1) or later"
} >"$work/bundle/bundle.txt"

bytes=$(find "$work/bundle" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')
[ "$bytes" -le "$most_bytes" ] || fail "the bundle has $((bytes >> 20)) MiB, at most $((most_bytes >> 20)) are allowed"
rm -rf "$folder"
mkdir -p "$(dirname "$folder")"
cp -R "$work/bundle" "$folder"

find "$folder" -type f -printf '%10s %P\n' | sort -k 2
cat "$folder/bundle.txt"
echo "gpu-bundle: $((bytes >> 20)) MiB in $folder; there: run.sh tests sanitize, and run.sh bench"
