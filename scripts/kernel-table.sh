#!/bin/sh
# Builds the kernels and prints a Markdown table of what each takes of the GPU, for one architecture: kernel-table.sh
# [sm_90]. Fails where a kernel spills registers to memory. Needs nvcc (scripts/get-nvcc.sh), no GPU.
set -eu
cd "$(dirname "$0")/.."
arch=${1:-sm_90}

fail() {
    echo "kernel-table: $1" >&2
    exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

RAYLOBE_REQUIRE_CUDA=1 RAYLOBE_PROBES=0 cargo build --release --message-format=json-render-diagnostics \
    >"$work/messages" || fail "the build failed"
# Of the build scripts that cargo tells of, ours is the one that sets RAYLOBE_COMMIT.
out=$(grep '"build-script-executed"' "$work/messages" | grep RAYLOBE_COMMIT | sed 's/.*"out_dir":"\([^"]*\)".*/\1/')
[ -f "$out/images.rs" ] || fail "cargo does not tell where the kernels are"

# images.rs lists the kernel files that are in the program; older ones may still lie beside them.
sed -n 's/^ *("\([^"]*\)",.*/\1/p' "$out/images.rs" >"$work/names"
while read -r name; do
    awk -v arch="$arch" -v file="$name" -v q="'" '
        # "bytes WHAT" out of a line as in "160 bytes cumulative stack size, 512 bytes smem"
        function bytes(what) { return match($0, "[0-9]+ bytes " what) ? substr($0, RSTART, RLENGTH) + 0 : 0 }
        function row(kernel, registers, shared, constant) {
            printf "| %s | %s | %s | %d | %d | %d | %s | %s |\n", \
                file, kernel, registers, stack, stores, loads, shared, constant
        }
        /Compiling entry function/ { split($0, part, q); kernel = part[2]; here = part[4] == arch }
        /Function properties for/ { function_name = $NF }
        here && /bytes stack frame/ {
            stack = bytes("stack frame"); stores = bytes("spill stores"); loads = bytes("spill loads")
            # A function that was not inlined has no registers of its own; most are sines and powers of CUDA.
            if (function_name != kernel && stores + loads > 0) row(function_name, "-", "-", "-")
        }
        # ptxas tells of constant memory only for architectures before sm_90.
        here && /Used [0-9]+ registers/ {
            match($0, "Used [0-9]+")
            row(kernel, substr($0, RSTART + 5, RLENGTH - 5), bytes("smem"), /cmem/ ? bytes("cmem") : "-")
        }
    ' "$out/kernels/$name.resources.txt" >>"$work/rows"
done <"$work/names"
[ -s "$work/rows" ] || fail "no kernel was compiled for $arch; is it among RAYLOBE_CUDA_ARCHS?"

echo "Kernels for $arch; memory in bytes, stack, spills and registers of one thread."
echo
echo "| file | kernel | registers | stack | spill stores | spill loads | shared | constant |"
echo "|---|---|---:|---:|---:|---:|---:|---:|"
LC_ALL=C sort "$work/rows"
spilling=$(awk -F ' *[|] *' '$6 + $7 > 0 { print $3 }' "$work/rows")
[ -z "$spilling" ] || fail "these spill registers: $(echo $spilling)"
