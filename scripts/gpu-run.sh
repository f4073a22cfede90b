#!/bin/bash
# Tests and measures on a machine with a GPU what scripts/gpu-bundle.sh has packed, and writes report.md:
#
#   ./run.sh [--within SECONDS] [--quick] [tests] [sanitize] [bench]      all three if none is named
#
# Every step has a time limit, and all together stay within SECONDS (570). A step that fails does not stop the others; the
# exit code is then 1. The report and run.log, all that the steps have said, go into the folder OUT (default: this one).
# RAYLOBE_BENCH_LARGE=1 adds a city of 10^7 triangles to the benches; --quick makes them tiny: numbers without meaning.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
command_line="$0 $*"

fail() {
    echo "run.sh: $1" >&2
    exit 2
}

[ -f "$here/data.tar.gz" ] || fail "this is no bundle: make one with scripts/gpu-bundle.sh and run its run.sh"
within=570
quick=()
parts=""
while [ $# -gt 0 ]; do
    case $1 in
    --within) within=${2:-} && shift ;;
    --quick) quick=(--quick) ;;
    tests | sanitize | bench) parts="$parts $1" ;;
    *) fail "'$1' is not known; usage: $0 [--within SECONDS] [--quick] [tests] [sanitize] [bench]" ;;
    esac
    shift
done
[[ $within =~ ^[1-9][0-9]*$ ]] || fail "--within takes a number of seconds"
[ -n "$parts" ] || parts=" tests sanitize bench"

out=${OUT:-$here}
mkdir -p "$out" || exit 2
out=$(cd "$out" && pwd)
report="$out/report.md"
log="$out/run.log"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
: >"$log"
touch "$work/rows" "$work/claims" "$work/failures" "$work/table" "$work/devices"
failed=0

cd "$here" || exit 2
[ -d repository ] || tar -xzf data.tar.gz || fail "data.tar.gz cannot be unpacked"
export RAYLOBE_REPOSITORY="$here/repository" RAYLOBE_SCENES="$here/repository/.scenes"
export RAYLOBE_REQUIRE_GPU=1 RAYLOBE_REQUIRE_SCENES=1
if [ -d truth ]; then
    export RAYLOBE_TRUTH="$here/truth" RAYLOBE_REQUIRE_TRUTH=1
fi
raylobe=bin/raylobe
canyon=repository/scenes/street_canyon/job.toml

# first FILE PATTERN: what follows the colon of the first line that begins so
first() { sed -n "s/^$2[^:]*: *//p" "$1" 2>/dev/null | head -n 1; }

facts() {
    echo "- commit: $(first bundle.txt commit)"
    echo "- kernels: $(first bundle.txt kernels)"
    echo "- date: $(date -u '+%Y-%m-%d %H:%M:%S UTC')"
    echo "- command: \`$command_line\`"
    local smi
    smi=$(command -v nvidia-smi || ls /usr/local/nvidia/bin/nvidia-smi 2>/dev/null)
    if [ -n "$smi" ]; then
        local fields=name,driver_version,memory.total,clocks.max.sm,clocks.max.memory,power.limit
        "$smi" --query-gpu="$fields" --format=csv 2>&1 | sed 's/^/- nvidia-smi: /'
    else
        echo "- nvidia-smi: not found"
    fi
    echo "- CPU: $(nproc) x $(first /proc/cpuinfo 'model name'), $(first /proc/meminfo MemTotal)"
    echo "- system: $(uname -sr), $(ldd --version 2>/dev/null | head -n 1)"
}
facts >"$work/facts"
cat "$work/facts"

# fenced FILE: as a block of text
fenced() { printf '```\n%s\n```\n' "$(cat "$1")"; }

# Written anew after every step: whoever ends this program finds what was done until then.
write_report() {
    {
        printf '# raylobe on a GPU\n\n'
        cat "$work/facts"
        printf '\n## Steps\n\n| step | result | seconds | says | command |\n|---|---|---|---|---|\n'
        cat "$work/rows"
        if [ -s "$work/devices" ]; then printf '\n## Devices\n\n' && fenced "$work/devices"; fi
        if [ -s "$work/table" ]; then
            printf '\n## Benches\n\n'
            [ ${#quick[@]} -eq 0 ] || printf 'Tiny sizes (--quick): these numbers mean nothing.\n\n'
            cat "$work/table"
        fi
        if [ -s "$work/claims" ]; then
            printf '\n## Claims of the tests\n\n| claim | value | bound | result |\n|---|---|---|---|\n'
            cat "$work/claims"
        fi
        if [ -s "$work/failures" ]; then printf '\n## Failures\n' && cat "$work/failures"; fi
        printf '\n%s\n' "$1"
    } >"$report"
}

# row STEP RESULT SECONDS SAYS COMMAND
row() {
    printf '| %s | %s | %s | %s | %s |\n' "$1" "$2" "$3" "$4" "${5:+\`$5\`}" >>"$work/rows"
    printf '%-5s %s (%s s) %s\n' "$2" "$1" "$3" "$4"
    [ "$2" != FAIL ] || failed=$((failed + 1))
    write_report "The run was cut off here, or is still going on."
}

# step NAME LIMIT COMMAND...: runs a command for LIMIT seconds at most; what it says is left in $work/said
step() {
    local name=$1 limit=$2 left=$((within - SECONDS)) code=0 result=PASS says start end
    shift 2
    : >"$work/said"
    if [ "$left" -le 0 ]; then
        row "$name" FAIL 0 "not run: $within s are over" "$*"
        return 1
    fi
    [ "$limit" -le "$left" ] || limit=$left
    echo "=== $name: $*" | tee -a "$log"
    start=$(date +%s%N)
    timeout --kill-after=5 "$limit" "$@" >"$work/said" 2>&1 </dev/null || code=$?
    end=$(date +%s%N)
    cat "$work/said" >>"$log"
    says=$(grep -aE '^test result|ERROR SUMMARY|RACECHECK SUMMARY' "$work/said" | tail -n 1 | sed 's/^=* //; s/|/ /g')
    if [ "$code" -ne 0 ]; then
        result=FAIL
        if [ "$code" -eq 124 ] || [ "$code" -eq 137 ]; then
            says="longer than $limit s; $says"
        else
            says="exit code $code; $says"
        fi
        tail -n 60 "$work/said" | cut -c 1-400 >"$work/tail"
        { printf '\n### %s\n\n' "$name" && fenced "$work/tail"; } >>"$work/failures"
    fi
    row "$name" "$result" "$(awk -v ns=$((end - start)) 'BEGIN { printf "%.3f", ns / 1e9 }')" "$says" "$*"
    [ "$code" -eq 0 ]
}

run_tests() {
    # First of all: nothing has warmed the driver up yet. The picture would take most of the time.
    local plain=(--quiet --set output.picture=false --out "$work/out")
    step "cold start: canyon, process to result" 60 "$raylobe" run "$canyon" --device cuda "${plain[@]}"
    step "warm start: the same again" 60 "$raylobe" run "$canyon" --device cuda "${plain[@]}"
    step "the same on the CPU" 60 "$raylobe" run "$canyon" --device cpu "${plain[@]}"
    step "devices" 60 "$raylobe" devices
    cp "$work/said" "$work/devices"
    step "tests on the GPU" 420 bin/emulated --test-threads=2 --nocapture
    # The harness may print the name of a test before the first line of its own.
    sed -n 's/.*ACCEPT //p' "$work/said" | sed 's/ | /\t/g; s/|/\\|/g; s/\t/ | /g; s/.*/| & |/' >>"$work/claims"
    step "tests on the CPU" 240 bin/cpu
}

find_sanitizer() {
    command -v compute-sanitizer && return
    ls /usr/local/cuda*/bin/compute-sanitizer 2>/dev/null | head -n 1 | grep . && return
    find /opt -maxdepth 6 -name compute-sanitizer -type f -perm -u+x 2>/dev/null | head -n 1 | grep .
}

# A job that runs every kernel on boxes, as the canyon's does with rays: its own would try all chains.
boxes_job() {
    mkdir -p "$work/boxes"
    cat >"$work/boxes/job.toml" <<'JOB'
task = "paths"
carrier_ghz = 28.0
[scene]
generate = { kind = "boxes", seed = 1, count = 30 }
[[transmitters]]
name = "tx"
position_m = [0.0, 0.0, 25.0]
[[receivers]]
name = "east"
position_m = [30.0, 5.0, 17.0]
[[receivers]]
name = "west"
position_m = [-35.0, -8.0, 1.5]
[[receivers]]
name = "north"
position_m = [4.0, 41.0, 3.0]
[solver]
max_depth = 3
JOB
    echo "$work/boxes/job.toml"
}

sanitize() {
    local sanitizer tool job boxes
    if ! sanitizer=$(find_sanitizer); then
        row "compute-sanitizer" SKIP 0 "not on PATH, in /usr/local/cuda*/bin or /opt: nothing was checked" ""
        return
    fi
    boxes=$(boxes_job)
    for tool in memcheck initcheck racecheck; do
        for job in "$canyon" "$boxes"; do
            step "$tool, $(basename "$(dirname "$job")")" 120 "$sanitizer" --tool "$tool" --error-exitcode 9 "$raylobe" run \
                "$job" --device cuda --quiet --out "$work/sanitized" --set 'solver.candidates="launch"' --set solver.rays=20000
        done
    done
}

bench() {
    step "bench" 540 bin/cuda ${quick[@]+"${quick[@]}"}
    cp "$work/said" "$work/table"
}

write_report "The run was cut off here, or is still going on."
for part in $parts; do
    case $part in
    tests) run_tests ;;
    sanitize) sanitize ;;
    bench) bench ;;
    esac
done
write_report "The run is complete: $failed steps failed, $SECONDS s."
echo "$failed steps failed; report in $report"
[ "$failed" -eq 0 ]
