#!/bin/bash
# Shows every claim of the README, and every line of "done" that a command can show: value, bound, PASS, FAIL or SKIP
# with the reason. Long (about half an hour on two cores): the tests run in their long versions. Exits 1 on a FAIL.
#
#   scripts/acceptance.sh            all
#   RAYLOBE_COLD=1 ...               measures the cold build as well, in a folder of its own
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rows="$work/rows"
: >"$rows"

# row NAME VALUE BOUND RESULT
row() {
    printf '%s|%s|%s|%s\n' "$1" "$2" "$3" "$4" >>"$rows"
    printf '%-5s %s: %s (%s)\n' "$4" "$1" "$2" "$3"
}

# verdict CODE prints PASS for 0
verdict() { if [ "$1" -eq 0 ]; then echo PASS; else echo FAIL; fi; }

# at_most NAME VALUE LIMIT UNIT
at_most() {
    local result=FAIL
    [ "$2" -le "$3" ] && result=PASS
    row "$1" "$2 $4" "<= $3 $4" "$result"
}

# exits NAME CODE COMMAND...: the command must end with this exit code
exits() {
    local name=$1 code=$2 got=0
    shift 2
    "$@" >"$work/out" 2>"$work/err" || got=$?
    local result=FAIL
    [ "$got" -eq "$code" ] && result=PASS
    row "$name" "exit code $got" "$code" "$result"
}

cold_build() {
    if [ "${RAYLOBE_COLD:-0}" != 1 ]; then
        row "cold build" "not measured" "RAYLOBE_COLD=1 measures it" SKIP
        return
    fi
    local start=$SECONDS
    if CARGO_TARGET_DIR="$work/target" cargo build --release; then
        at_most "cold build on $(nproc) cores" $((SECONDS - start)) 360 s
    else
        row "cold build" "failed" "<= 360 s" FAIL
    fi
}

build() {
    if ! cargo build --release; then
        row "cargo build --release" "failed" "builds" FAIL
        return 1
    fi
    at_most "size of the binary" $(($(stat -c %s target/release/raylobe) / 1000000)) 20 MB
}

first_command() {
    exits "cargo run --release -- run scenes/urban_block/job.toml" 0 \
        cargo run --release -- run scenes/urban_block/job.toml --out "$work/urban_block"
    [ -s "$work/urban_block/record.json" ]
    row "its record" "record.json" "there" "$(verdict $?)"
}

command_line() {
    exits "raylobe devices" 0 "$raylobe" devices
    exits "--device cuda without kernels" 69 "$raylobe" run scenes/two_ray/job.toml --device cuda --out "$work/cuda"
    exits "a job that is not there" 64 "$raylobe" run "$work/none.toml"
    exits "a carrier below zero" 64 "$raylobe" check scenes/two_ray/job.toml --set carrier_ghz=-1
    exits "an unknown option" 2 "$raylobe" run --no-such-option
    for threads in 1 2 3; do
        "$raylobe" run scenes/street_canyon/job.toml --threads "$threads" --out "$work/t$threads" --quiet >/dev/null 2>&1
    done
    cmp "$work/t1/paths.npz" "$work/t2/paths.npz" && cmp "$work/t1/paths.npz" "$work/t3/paths.npz"
    row "paths.npz from 1, 2 and 3 threads" "compared" "same bytes" "$(verdict $?)"
    cmp "$work/t1/links.csv" "$work/t2/links.csv" && cmp "$work/t1/links.csv" "$work/t3/links.csv"
    row "links.csv from 1, 2 and 3 threads" "compared" "same bytes" "$(verdict $?)"
}

# The short tests, timed, as the README's second command runs them.
all_tests() {
    cargo test --release --no-run || { row "cargo test --release" "does not build" "passes" FAIL; return; }
    local start=$SECONDS
    cargo test --release >"$work/tests" 2>&1
    local code=$?
    [ "$code" -eq 0 ] || tail -n 60 "$work/tests"
    row "cargo test --release" "$(grep -c '^test .* ok$' "$work/tests") passed, $(grep -c '^test .* FAILED$' "$work/tests") failed" "all pass" "$(verdict "$code")"
    at_most "time of cargo test --release" $((SECONDS - start)) 480 s
}

# The cases in their long versions; each prints lines "ACCEPT name | value | bound | result".
cases() {
    local code=0
    RAYLOBE_FULL=1 cargo test --release --test cpu -- --nocapture --test-threads=1 >"$work/cases" 2>"$work/cases.err" || code=$?
    # The harness may print the name of a test before the first line of its own.
    while IFS='|' read -r name value bound result; do
        row "$(trim "${name##*ACCEPT }")" "$(trim "$value")" "$(trim "$bound")" "$(trim "$result")"
    done < <(grep -a 'ACCEPT ' "$work/cases")
    grep -a 'missed by the launch' "$work/cases"
    grep -aq 'ACCEPT ' "$work/cases" || code=1
    [ "$code" -eq 0 ] || tail -n 80 "$work/cases.err"
    row "cases of tests/cpu.rs, long versions" "exit code $code" "0" "$(verdict "$code")"
}

# What fits find again: each script prints a line for each of its bounds.
fits() {
    local name
    for name in "room_materials --seeds 20" pose "street_mmdiff --presets lidar_1 --train 20,50"; do
        # shellcheck disable=SC2086
        set -- $name
        local scene=$1
        shift
        python3 "scenes/$scene/run.py" "$@" >"$work/fit" 2>&1 || true
        while read -r result rest; do
            row "fit $scene: $rest" "scenes/$scene/out/table.md" "see scenes/$scene/run.py" "$result"
        done < <(grep -E '^(PASS|FAIL) ' "$work/fit")
        grep -qE '^(PASS|FAIL) ' "$work/fit" || row "fit $scene" "$(tail -n 1 "$work/fit")" "runs" FAIL
    done
}

# What lobes make of a noisy mesh: each script ends with the exit code 1 if a bound is not met.
noisy_meshes() {
    local code=0
    python3 scenes/noisy_wall/run.py >"$work/wall" 2>&1 || code=$?
    row "noisy wall: errors of lobes" "scenes/noisy_wall/out/table.md" "at most as derived" "$(verdict "$code")"
    python3 scenes/noisy_street/run.py --quick >"$work/street" 2>&1 || true
    while read -r result preset rest; do
        row "noisy street, ${preset%:}: error of lobes, and its share of the specular one" "$rest" "3 dB, 40 %" "$result"
    done < <(grep -E '^(PASS|FAIL) ' "$work/street")
    grep -qE '^(PASS|FAIL) ' "$work/street" || row "noisy street" "$(tail -n 1 "$work/street")" "runs" FAIL
}

trim() { sed 's/^ *//; s/ *$//' <<<"$1"; }

# suite NAME TARGET...: a test binary that stands for a claim
suite() {
    local name=$1
    shift
    local code=0
    cargo test --release "$@" >"$work/suite" 2>&1 || code=$?
    [ "$code" -eq 0 ] || tail -n 60 "$work/suite"
    row "$name" "$(grep -c '^test .* ok$' "$work/suite") tests passed" "all pass" "$(verdict "$code")"
}

table() {
    printf '\n%-6s| %-70s | %s\n' result claim "value (bound)"
    while IFS='|' read -r name value bound result; do
        printf '%-6s| %-70s | %s (%s)\n' "$result" "$name" "$value" "$bound"
    done <"$rows"
    local failed skipped
    failed=$(grep -c '|FAIL$' "$rows")
    skipped=$(grep -c '|SKIP$' "$rows")
    echo "$(grep -c '|PASS$' "$rows") passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ]
}

raylobe=target/release/raylobe
cold_build
if build; then
    first_command
    command_line
    all_tests
    suite "malformed jobs: clear error, right exit code" --test cli
    suite "malformed scenes: clear error" --test scenes
    suite "fuzzing of every parser" --test fuzz
    suite "floors, sizes, nothing unfinished" --test floors
    cases
    noisy_meshes
    fits
fi
table
