#!/bin/sh
# Fetches the CUDA compiler (NVIDIA's own wheels, under NVIDIA's licence) into .cuda/, which git ignores and build.rs
# looks into last. Needs no GPU and no root. Runs again at no cost. Needs python3 with pip, and g++ to compile with it.
# Without a network: get-nvcc.sh FOLDER, where FOLDER holds the four wheels named below.
set -eu

version=13.0.88
root=$(cd "$(dirname "$0")/.." && pwd)
target="$root/.cuda"
stamp="$target/.complete"

# All four are pinned: parts of a later release make PTX that a driver for CUDA 13.0 cannot read.
# The first hash of each is for x86_64, the second for aarch64.
pins="nvidia-cuda-nvcc==$version \
 --hash=sha256:56fe502eb77625a12f25172caa3cdddb4e4c8ba2c8c17dba44b164761b380f03 \
 --hash=sha256:c7ff28f86a24effdc6c034fa15230c549a273e4771b10a7fec14996f8cf3307f
nvidia-nvvm==$version \
 --hash=sha256:c5f41ffeb6466944a026dfa5317d7d85355c119bbec279205d22f1869d1054e0 \
 --hash=sha256:c4376a291d72d22a315d9d2f69bdae8f8cd83a627f75bad395cee49a0fe65dc1
nvidia-cuda-crt==$version \
 --hash=sha256:2c8043c7c9e02492716426e9919fc78d2c5b3b2a7a768a88e952676b08aa55a4 \
 --hash=sha256:ee2ea2a97073e02ee62bb27841f437332be2c248e3eac013df07997ada39c003
nvidia-cuda-runtime==13.0.96 \
 --hash=sha256:7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548 \
 --hash=sha256:ef9bcbe90493a2b9d810e43d249adb3d02e98dd30200d86607d8d02687c43f55"

fail() {
    echo "get-nvcc: $1" >&2
    exit 1
}

if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$pins" ]; then
    echo "get-nvcc: $target is complete (nvcc $version)"
    exit 0
fi

command -v python3 >/dev/null || fail "python3 is missing; install it"
python3 -m pip --version >/dev/null 2>&1 || fail "pip is missing; install python3-pip"
case "$(uname -s) $(uname -m)" in
"Linux x86_64" | "Linux aarch64") ;;
*) fail "there are wheels for Linux on x86_64 and aarch64 only; set NVCC or CUDA_HOME to an installed CUDA" ;;
esac

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
printf '%s\n' "$pins" >"$work/requirements.txt"

# Options for pip in "$@": with a folder of wheels it looks nowhere else.
if [ $# -ge 1 ]; then
    [ -d "$1" ] || fail "there is no folder $1"
    folder=$(cd "$1" && pwd)
    set -- --no-index --find-links "$folder"
    remedy="does $folder hold the four wheels for this machine?"
else
    echo "get-nvcc: downloading nvcc $version (about 100 MB)"
    remedy="check the network, or give a folder with the four wheels: $0 FOLDER"
fi
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
    --dest "$work/wheels" --requirement "$work/requirements.txt" "$@" \
    || fail "pip did not get the wheels; $remedy"

# The wheels share one tree, nvidia/cu13, laid out as an installed CUDA is.
for wheel in "$work"/wheels/*.whl; do
    python3 -m zipfile -e "$wheel" "$work/unpacked" || fail "$wheel could not be unpacked"
done
tree="$work/unpacked/nvidia/cu13"
[ -f "$tree/bin/nvcc" ] || fail "the wheels hold no nvcc"
# The unpacking above forgets which files are programs.
chmod +x "$tree"/bin/* "$tree/nvvm/bin/cicc"

# One kernel through every tool: preprocessor, cicc, ptxas, fatbinary, and the headers.
if command -v gcc >/dev/null && command -v g++ >/dev/null; then
    echo 'extern "C" __global__ void twice(float* x) { x[threadIdx.x] *= 2.0f; }' >"$work/twice.cu"
    "$tree/bin/nvcc" -fatbin -arch=sm_75 -o "$work/twice.fatbin" "$work/twice.cu" || fail "nvcc is there but compiles nothing"
else
    echo "get-nvcc: gcc or g++ is missing, without which nvcc compiles nothing; install g++" >&2
fi

rm -rf "$target"
mv "$tree" "$target"
printf '%s\n' "$pins" >"$stamp"
# The build script watches its own file but not a folder that may be absent; this makes it look again.
touch "$root/build.rs"
echo "get-nvcc: nvcc $version in $target"
