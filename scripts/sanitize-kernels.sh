#!/bin/bash
# Runs the emulated kernels with address and undefined-behaviour sanitizers; a fault is named with its line in cuda/.
# Usage: scripts/sanitize-kernels.sh [TEST FILTER ...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
filters=("$@")
[ ${#filters[@]} -gt 0 ] || filters=(laws:: invariance:: truth:: parity:: probes:: scenes::)

program=$(scripts/test-program.sh emulated)
export RAYLOBE_REQUIRE_EMULATOR=1
export RAYLOBE_EMULATOR_FLAGS="-fsanitize=address,undefined -fno-sanitize-recover=all -g -O1"
# What the tests keep until their end is no leak of a kernel.
export ASAN_OPTIONS=detect_leaks=0
# The sanitizers' runtimes must be there before the program itself.
LD_PRELOAD="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libubsan.so)" "$program" "${filters[@]}"
