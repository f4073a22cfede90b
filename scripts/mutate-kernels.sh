#!/bin/bash
# Breaks the kernels one fault at a time, each in a copy, and shows that the emulated tests notice every one.
# Usage: scripts/mutate-kernels.sh [TEST FILTER ...]   (default: the short cases that together cover all kernels)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# file | what stands there | what is put in its place
mutants=(
    'geometry/lanes.cuh|s.x[0][lane] * s.y[2][lane]|s.x[0][lane] * s.y[1][lane]'
    'geometry/traverse.cuh|lanes >> LANES_BITS > 1|lanes >> LANES_BITS > 2'
    'geometry/traverse.cuh| || block.patch[lane] == segment.skip[1]|'
    'path/launch.cuh|direction - normal * (2.0 * |direction - normal * (1.0 * '
    'path/connect.cu|for (uint32_t k = 0; k < BOX_SIZE|for (uint32_t k = 1; k < BOX_SIZE'
    'path/refine.cuh|if ((from > 0.0) == (to > 0.0))|if ((from > 0.0) != (to > 0.0))'
    'interaction/fresnel.cuh|wave.reflected.r_s = -less_one|wave.reflected.r_s = less_one'
    'path/field.cu|port % end.elements|port / end.polarizations'
    'path/field.cuh|(vertex.distance - begun) / sqrt|vertex.distance / sqrt'
    'interaction/scattering/normaliser.cuh|m + n - 2.0 * (q - p)|m - n - 2.0 * (q - p)'
    'interaction/scattering/pattern.cuh|whole * larger(incident, scattered)|whole * smaller(incident, scattered)'
    'interaction/scattering/jones.cuh|(along_theta * kept - along_phi * crossed) * amplitude|(along_theta * kept + along_phi * crossed) * amplitude'
    'interaction/scattering/sampling.cuh|(m.forward + m.backward) < m.forward|(m.forward + m.backward) > m.forward'
    'interaction/fresnel.cuh|pulled(r * 2.0 * one_less_e, d_bar)|pulled(r * one_less_e, d_bar)'
    'interaction/scattering/pattern.cuh|lobe.normal_slope * both|lobe.full_slope * both'
    'scene/antenna.cuh|cosine_bar * sin_slant * cos_phi * cos_theta|cosine_bar * sin_slant * cos_phi'
    'path/refine_vjp.cuh|passed_on = vertex_bar * t + n * next_s_bar|passed_on = vertex_bar * t'
    'path/field_vjp.cuh|-0.5 * log_reach_bar / vertex.area|0.5 * log_reach_bar / vertex.area'
    'path/field_vjp.cu|offsets_bar[one.slot + (side == 0 ? 0 : one.elements[0])]|offsets_bar[one.slot + side]'
    'path/field_vjp.cu|k < begins[segment + 1]|k + 1 < begins[segment + 1]'
    'math/fixed.cuh|before + addend < before|addend < before'
    'map/forward.cuh|share * power|share * share * power'
    'math/smoothing.cuh|alpha * (e / ((1.0 + e) * (1.0 + e)))|alpha * (e / (1.0 + e))'
    'geometry/clearance.cuh|height_bar = signed_bar * copysign(1.0, at.signed_distance)|height_bar = signed_bar'
    'path/smooth.cuh|own.signed_distance == worst.signed_distance|own.signed_distance != worst.signed_distance'
    'path/smooth.cuh|plane_bar.offset -= image_bar + receiver_bar|plane_bar.offset += image_bar + receiver_bar'
    'path/smooth.cu|own_facets[place] = facet_in_chain(at, link, number, place)|own_facets[place] = facet_in_chain(at, link, number, 0)'
    'map/forward.cu|hit.triangle == NONE ? INFINITY : double(hit.t)|INFINITY'
    'map/forward.cu|own.parent = uint32_t(i)|own.parent = 0'
    'map/forward.cu|wave.state & ENDS ? LOBE : scattered|scattered'
    'map/forward.cu|is_hidden(geometry, sight) ? NONE : sight.cell|sight.cell'
)
# The probes take a few seconds; what they do not notice, the rest has to.
first=(probes::)
filters=("$@")
[ ${#filters[@]} -gt 0 ] && first=() || filters=(laws:: truth:: parity:: probes::)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
program=$(scripts/test-program.sh emulated)
export RAYLOBE_REQUIRE_EMULATOR=1
"$program" "${filters[@]}" >"$work/sound.log" 2>&1 || { echo "the sound kernels fail" >&2; tail "$work/sound.log" >&2; exit 1; }
export RAYLOBE_EMULATOR_SOURCES="$work/cuda"
survivors=0
printf '| mutant | tests that fail |\n|---|---:|\n'
for mutant in "${mutants[@]}"; do
    file=${mutant%%|*}
    rest=${mutant#*|}
    # What stands there may hold bars of its own; what is put in its place may not.
    from=${rest%|*}
    to=${rest##*|}
    rm -rf "$work/cuda"
    cp -R cuda "$work/cuda"
    FROM=$from TO=$to python3 - "$work/cuda/$file" <<'PYTHON'
import os, sys
text = open(sys.argv[1]).read()
assert text.count(os.environ["FROM"]) == 1, f"{sys.argv[1]}: '{os.environ['FROM']}' stands there {text.count(os.environ['FROM'])} times"
open(sys.argv[1], "w").write(text.replace(os.environ["FROM"], os.environ["TO"]))
PYTHON
    # Compiled once for all tests; where that fails, every test would try again.
    "$program" --nocapture probes::math::portable >"$work/log" 2>&1 || true
    ! grep -q 'g++ fails' "$work/log" || { echo "$file: the mutant does not compile" >&2; exit 1; }
    if { [ ${#first[@]} -eq 0 ] || timeout 300 "$program" "${first[@]}" >"$work/log" 2>&1; } &&
        timeout 300 "$program" "${filters[@]}" >"$work/log" 2>&1; then
        failed='**none**'
        survivors=$((survivors + 1))
    else
        failed=$(grep -c '^test .* FAILED' "$work/log" || true)
    fi
    shown=${from//|/\\|}
    printf '| %s: `%s` -> `%s` | %s |\n' "$file" "$shown" "$to" "$failed"
done
[ "$survivors" -eq 0 ] || { echo "$survivors mutants were not noticed" >&2; exit 1; }
