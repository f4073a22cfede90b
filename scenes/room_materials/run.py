#!/usr/bin/env python3
"""The synthetic experiment of Learning Radio Environments: `python3 scenes/room_materials/run.py`. Needs Python 3.11 and a
release build; nothing else.

Truth is the hall of truth.toml; its taps are the measurements that fit.toml finds the materials of three surfaces from, all
of which begin alike. Prints a table beside the published one, and writes it to out/table.md beside this file.

    --seeds N        also N fits (noise.toml) to powers and delay spreads with 1 dB of noise each, between level dipoles, and how
                     often the 95 % intervals hold the truth [0]
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
# What arXiv 2311.18558 has learned after 3000 steps, in a room of the same make: eps_r, sigma, S, K_x; and the loss.
PUBLISHED = {
    "floor": (5.176, 0.1226, 0.304, 0.231),
    "wall": (2.738, 0.0272, 0.4992, 0.399),
    "ceiling": (1.445, 0.0031, 0.799, 0.285),
}
PUBLISHED_LOSS = 0.00412
# Keys of a material in a job, and what fit.json calls them.
KEYS = {
    "relative_permittivity": "relative_permittivity",
    "conductivity_s_per_m": "conductivity",
    "scattering": "scattering",
    "xpd": "xpd",
}
# What is asked of a fit without noise: eps_r within this share, |R|^2 within this [dB] up to this angle [degrees].
EPS_SHARE, REFLECTION_DB, MOST_DEGREES = 0.01, 0.02, 80
# What is asked of fits with noise: the truth within the 95 % interval, in this share of the seeds.
HELD_SHARE = 0.9
# What such measurements cannot tell: these conduct too little to matter. The floor's 0.12 S/m is at the limit.
UNTOLD = ("wall.conductivity", "ceiling.conductivity")
NOISE_DB = 1.0
VACUUM_PERMITTIVITY = 8.8541878128e-12


def truth_of():
    job = tomllib.loads((HERE / "truth.toml").read_text())
    return job["carrier_ghz"] * 1e9, job["materials"]


def fitted(folder):
    """Values by material and key, errors, and the whole report."""
    report = json.loads((folder / "fit.json").read_text())
    return {one["name"]: one for one in report["parameters"]}, report


def reflection(eps, sigma, frequency, cos_theta):
    """|R|^2 of both polarisations of a half space (Fresnel)."""
    eta = complex(eps, -sigma / (2 * math.pi * frequency * VACUUM_PERMITTIVITY))
    root = (eta - (1 - cos_theta**2)) ** 0.5
    return abs((cos_theta - root) / (cos_theta + root)) ** 2, abs((eta * cos_theta - root) / (eta * cos_theta + root)) ** 2


def worst_reflection(found, truth, frequency):
    """Largest difference of |R|^2, both polarisations together, in dB, up to MOST_DEGREES."""
    worst = 0.0
    for degrees in range(MOST_DEGREES + 1):
        cos_theta = math.cos(math.radians(degrees))
        powers = [sum(reflection(eps, sigma, frequency, cos_theta)) for eps, sigma in (found, truth)]
        worst = max(worst, abs(10 * math.log10(powers[0] / powers[1])))
    return worst


def without_noise(program):
    fits.call(program, HERE, "run", "truth.toml", "--device", "cpu", "--quiet")
    fits.call(program, HERE, "run", "fit.toml", "--device", "cpu", "--quiet")
    frequency, truth = truth_of()
    parameters, report = fitted(OUT / "fit")
    losses = report["losses"]["train"]
    lines = [
        "### Without noise",
        "",
        f"Loss {losses['before']:.4f} at the start, {losses['after']:.6f} after {report['steps']} steps; published {PUBLISHED_LOSS}.",
        "",
        row("material", "", "truth", "found", "published", "error", "published error", "worst |R|^2 [dB]"),
        "|" + "---|" * 8,
    ]
    holds = [("loss", losses["after"] < PUBLISHED_LOSS)]
    for material, published in PUBLISHED.items():
        value = lambda key: parameters[f"materials.{material}.{KEYS[key]}"]["value"]
        own = [truth[material][key] for key in ("relative_permittivity", "conductivity_s_per_m")]
        found = [value(key) for key in ("relative_permittivity", "conductivity_s_per_m")]
        worst = worst_reflection(found, own, frequency)
        holds.append((f"{material}: |R|^2", worst <= REFLECTION_DB))
        for key, other in zip(KEYS, published):
            true, share = truth[material][key], value(key) / truth[material][key] - 1
            if key == "relative_permittivity":
                holds.append((f"{material}: eps_r", abs(share) <= EPS_SHARE))
            shown = f"{worst:.4f}" if key == "relative_permittivity" else ""
            lines.append(row(material, KEYS[key], true, f"{value(key):.5f}", other, f"{100 * share:+.2f} %", f"{100 * (other / true - 1):+.2f} %", shown))
    return lines, holds


def truth_of_noisy(program, truth):
    """What noise.toml would measure in the true hall: tables of its taps and of its paths."""
    given = [f"materials.{material}.{key}={truth[material][key]!r}" for material in PUBLISHED for key in KEYS]
    call = lambda out, *more: fits.call(program, HERE, "run", "noise.toml", "--device", "cpu", "--quiet", "--out", OUT / out, *fits.settings([*given, *more]))
    call("noise_truth", "task=paths")
    # A fit of no steps to these taps says what powers and spreads they have.
    call("noise_taps", 'fit.measurements=[{ file = "out/noise_truth/taps.npz" }]', 'fit.losses=[{ of = "band_power" }, { of = "tap_delay_spread" }]', "fit.steps=0")
    tables = []
    for file in (OUT / "noise_taps" / "fit_links.csv", OUT / "noise_truth" / "links.csv"):
        with open(file, newline="") as table:
            tables.append(list(csv.DictReader(table)))
    return tables


def noisy_table(tables, seed, file):
    """The truth's powers and delay spreads, of taps and of paths, with NOISE_DB of noise on 10 lg of each."""
    draw = random.Random(seed)
    noisy_db = lambda text: float(text) + draw.gauss(0, NOISE_DB)
    noisy_ns = lambda text: float(text) * 10 ** (draw.gauss(0, NOISE_DB) / 10)
    with open(file, "w", newline="") as table:
        out = csv.writer(table)
        out.writerow(["receiver", "band_power_db", "tap_delay_spread_ns", "path_gain_db", "rms_delay_spread_ns"])
        for taps, paths in zip(*tables):
            of_taps = noisy_db(taps["band_power_measured_db"]), noisy_ns(taps["tap_delay_spread_measured_ns"])
            of_paths = noisy_db(paths["path_gain_db"]), noisy_ns(paths["rms_delay_spread_ns"])
            out.writerow([taps["receiver"], *of_taps, *of_paths])


def with_noise(program, seeds):
    """How often the intervals hold the truth."""
    _, truth = truth_of()
    tables = truth_of_noisy(program, truth)
    held, flagged = {}, {}
    for count in range(1, seeds + 1):
        noisy_table(tables, count, OUT / "noisy.csv")
        folder = OUT / f"noise_{count}"
        fits.call(program, HERE, "run", "noise.toml", "--device", "cpu", "--quiet", "--out", folder)
        parameters, _ = fitted(folder)
        for material in PUBLISHED:
            for key, name in KEYS.items():
                one = parameters[f"materials.{material}.{name}"]
                low, high = one["interval_95"]
                inside = low <= truth[material][key] <= high
                label = f"{material}.{name}"
                held[label] = held.get(label, 0) + inside
                flagged[label] = flagged.get(label, 0) + one["unidentifiable"]
        print(f"seed {count}: {sum(held.values())} of {len(held) * count} intervals hold the truth so far", file=sys.stderr, flush=True)
    lines = [f"### With {NOISE_DB:g} dB of noise, {seeds} seeds", "", row("parameter", "truth inside the 95 % interval", "flagged as unidentifiable"), "|---|---|---|"]
    lines += [row(label, f"{held[label]} of {seeds}", f"{flagged[label]} of {seeds}") for label in held]
    share = sum(held.values()) / (len(held) * seeds)
    lines.append(row("all", f"{100 * share:.1f} %", ""))
    holds = [(f"{label}: inside", held[label] >= HELD_SHARE * seeds) for label in held]
    holds += [(f"{label}: flagged", flagged[label] == seeds) for label in UNTOLD]
    return lines, holds


def main():
    options = fits.options("The synthetic experiment of Learning Radio Environments.")
    options.add_argument("--seeds", type=int, default=0)
    given = options.parse_args()
    program = given.raylobe
    OUT.mkdir(exist_ok=True)
    lines, holds = without_noise(program)
    if given.seeds:
        more, also = with_noise(program, given.seeds)
        lines += [""] + more
        holds += also
    fits.finish(OUT, lines, holds)


if __name__ == "__main__":
    main()
