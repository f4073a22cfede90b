#!/usr/bin/env python3
"""A base station's position and tilt from received power alone: `python3 scenes/pose/run.py`. Needs Python 3.11 and a release
build; nothing else.

Truth is truth.toml; every fit (fit.toml) begins 1 m away from it, in a direction drawn anew, and tilted 5 degrees too far or
not far enough. Without noise, then with 1 dB of it: there paths that come and go make several valleys, so that each fit begins in
four places, and the lowest loss counts. Prints a table, and writes it to out/table.md beside this file.

    --seeds N        fits of each kind [10]
    --raylobe FILE   the program [target/release/raylobe]
"""

import csv
import json
import math
import random
import sys
import tomllib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.dont_write_bytecode = True  # nothing beside the sources but out/
import fits
from fits import row

HERE = Path(__file__).resolve().parent
OUT = HERE / "out"
OFF_M, OFF_DEGREES, NOISE_DB = 1.0, 5.0, 1.0
# Starts of a fit to noisy measurements.
STARTS = 4
# What is asked: without noise, and with it in predicted standard errors.
MOST_M, MOST_DEGREES, MOST_ERRORS = 0.05, 0.2, 2.0


def measured(noise_db, seed):
    """The truth's path gains with noise, as a table."""
    draw = random.Random(seed)
    with open(OUT / "truth" / "links.csv", newline="") as table:
        links = [link for link in csv.DictReader(table) if link["path_gain_db"]]
    with open(OUT / "measured.csv", "w", newline="") as table:
        out = csv.writer(table)
        out.writerow(["receiver", "path_gain_db"])
        out.writerows([link["receiver"], float(link["path_gain_db"]) + draw.gauss(0, noise_db)] for link in links)
    return len(links)


def start(true_position, true_tilt, seed):
    """A position OFF_M away, and a tilt OFF_DEGREES off."""
    draw = random.Random(1000 + seed)
    direction = [draw.gauss(0, 1) for _ in range(3)]
    length = math.hypot(*direction)
    position = [x + OFF_M * d / length for x, d in zip(true_position, direction)]
    return position, true_tilt + draw.choice([-1, 1]) * OFF_DEGREES


def errors_of(program, noise_db, seeds):
    """Rows: error of the position [m] and tilt [degrees], errors of each over the standard errors, links, steps."""
    job = tomllib.loads((HERE / "truth.toml").read_text())["transmitters"][0]
    true_position, (yaw, true_tilt, roll) = job["position_m"], job["orientation_deg"]
    rows = []
    for seed in range(1, seeds + 1):
        links = measured(noise_db, seed)
        reports = []
        for place in range(STARTS if noise_db > 0 else 1):
            position, tilt = start(true_position, true_tilt, 100 * place + seed)
            given = [f"transmitters.0.position_m={position}", f"transmitters.0.orientation_deg=[{yaw}, {tilt}, {roll}]"]
            fits.call(program, HERE, "run", "fit.toml", "--device", "cpu", "--quiet", *fits.settings(given))
            reports.append(json.loads((OUT / "fit" / "fit.json").read_text()))
        report = min(reports, key=lambda one: one["losses"]["train"]["after"])
        one = {parameter["name"].rsplit(".", 1)[1]: parameter for parameter in report["parameters"]}
        off = [one[axis]["value"] - x for axis, x in zip("xyz", true_position)] + [one["pitch"]["value"] - true_tilt]
        spread = [one[name]["standard_error"] for name in ("x", "y", "z", "pitch")]
        rows.append((math.hypot(*off[:3]), abs(off[3]), [x / s for x, s in zip(off, spread)], spread, links, report["steps"]))
    return rows


def main():
    options = fits.options("A base station's position and tilt from received power alone.")
    options.add_argument("--seeds", type=int, default=10)
    given = options.parse_args()
    program = given.raylobe
    OUT.mkdir(exist_ok=True)
    fits.call(program, HERE, "run", "truth.toml", "--device", "cpu", "--quiet")
    exact, noisy = (errors_of(program, noise, given.seeds) for noise in (0.0, NOISE_DB))
    lines = [f"### Without noise, {exact[0][4]} links", "", row("start", "position [m]", "tilt [degrees]", "steps"), "|---|---|---|---|"]
    lines += [row(k + 1, f"{one[0]:.2e}", f"{one[1]:.2e}", one[5]) for k, one in enumerate(exact)]
    names = ("x", "y", "z", "tilt")
    lines += ["", f"### With {NOISE_DB:g} dB of noise: errors over the predicted standard errors", ""]
    lines += [row("seed", "position [m]", "tilt [degrees]", *names, "standard errors [m, m, m, degrees]"), "|" + "---|" * 8]
    for k, one in enumerate(noisy):
        spread = ", ".join(f"{s:.3f}" for s in one[3])
        lines.append(row(k + 1, f"{one[0]:.3f}", f"{one[1]:.3f}", *(f"{z:+.2f}" for z in one[2]), spread))
    ratios = [abs(z) for one in noisy for z in one[2]]
    inside = sum(z <= MOST_ERRORS for z in ratios) / len(ratios)
    lines.append("")
    lines.append(f"Within {MOST_ERRORS:g} standard errors: {100 * inside:.1f} % (of normal errors 95.4 %).")
    good = [
        ("position without noise", max(one[0] for one in exact) <= MOST_M),
        ("tilt without noise", max(one[1] for one in exact) <= MOST_DEGREES),
        ("errors with noise as predicted", inside >= 0.9),
    ]
    fits.finish(OUT, lines, good)


if __name__ == "__main__":
    main()
