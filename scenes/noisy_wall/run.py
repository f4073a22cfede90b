#!/usr/bin/env python3
"""The noisy wall: `python3 scenes/noisy_wall/run.py`. Needs Python 3.11 and a release build; nothing else.

A flat wall of metal (job.toml) is cut into facets of 0.1 m whose normals turn by s about each axis; the received power over
it, with specular reflection and with von Mises-Fisher lobes of three widths, is compared with that over the flat wall.
Prints mean absolute errors [dB] beside the derived ones and writes them to out/table.md beside this file. Exit code 1 if a
lobe is worse than derived, by more than twice the standard error of the mean over the scans.

    --scans N        how many scans of each noise, with the seeds 1 to N [8]
    --raylobe FILE   the program [target/release/raylobe]
"""

import argparse
import csv
import math
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
OUT = HERE / "out"
# s [degrees]: derived mean |dB| of specular reflection and its outages [%], then of the lobes.
DERIVED = {
    0.5: (7.14, 22, (0.57, 1.36, 2.76)),
    1.0: (10.03, 31, (0.33, 0.96, 2.20)),
    2.0: (10.22, 32, (0.19, 0.52, 1.13)),
    4.0: (10.56, 33, (0.15, 0.31, 0.81)),
}
# kappa s^2 of the lobes, s in radians.
KAPPA_S2 = (1 / 16, 1 / 4, 1)
# A missing path counts as this far below the truth [dB].
FLOOR = 30


def call(program, *arguments):
    done = subprocess.run([program, *arguments], cwd=HERE, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, arguments))}: exit code {done.returncode}\n{done.stderr}")


def gains(program, *settings):
    """Path gain at each receiver [dB], minus infinity for nothing."""
    given = [part for setting in settings for part in ("--set", setting)]
    call(program, "run", "job.toml", "--device", "cpu", "--quiet", "--out", OUT, *given)
    with open(OUT / "links.csv", newline="") as table:
        return [float(row["path_gain_db"]) if row["path_gain_db"] else -math.inf for row in csv.DictReader(table)]


def scan(program, truth, degrees, seed):
    """Errors over one scan: specular reflection, then the lobes, each at all receivers [dB]; and the outages."""
    noise = ["--set", "facet_m=0.1", "--set", f"normal_noise_deg={degrees}"]
    call(program, "scene", "degrade", "scene.xml", "-o", "out/noisy.glb", "--seed", str(seed), *noise)
    scene = 'scene.file="out/noisy.glb"'
    found = [gains(program, scene)]
    for share in KAPPA_S2:
        kappa = share / math.radians(degrees) ** 2
        lobe = f'materials.metal.lobe={{ kind = "von_mises_fisher", kappa = {kappa!r} }}'
        found.append(gains(program, scene, lobe, 'solver.interactions=["reflection", "lobe"]', f"seed={seed}"))
    errors = [[abs(max(a - b, -FLOOR)) for a, b in zip(one, truth)] for one in found]
    return [sum(one) / len(one) for one in errors], sum(map(math.isinf, found[0])) / len(truth)


def mean_of(values):
    """Mean, and its standard error."""
    mean = sum(values) / len(values)
    spread = math.sqrt(sum((x - mean) ** 2 for x in values) / max(len(values) - 1, 1) / len(values))
    return mean, spread


def main():
    options = argparse.ArgumentParser(description="The noisy wall: a table.")
    options.add_argument("--scans", type=int, default=8, help="scans of each noise [8]")
    options.add_argument("--raylobe", type=Path, default=HERE.parents[1] / "target/release/raylobe", help="the program")
    given = options.parse_args()
    if not given.raylobe.is_file():
        sys.exit(f"there is no {given.raylobe}: cargo build --release makes it")
    program = given.raylobe.resolve()
    OUT.mkdir(exist_ok=True)
    truth = gains(program)
    titles = ["s [deg]", "specular (outages)", "derived", *(f"lobe, kappa s^2 = {x:g} | derived" for x in KAPPA_S2)]
    lines, holds = ["| " + " | ".join(titles) + " |", "|---" * 9 + "|"], True
    for degrees, (specular, outage, lobes) in DERIVED.items():
        scans = [scan(program, truth, degrees, seed) for seed in range(1, given.scans + 1)]
        means = [mean_of([errors[kind] for errors, _ in scans]) for kind in range(4)]
        lost = 100 * sum(lost for _, lost in scans) / len(scans)
        cells = [f"{degrees:g}", f"{means[0][0]:.2f} ± {means[0][1]:.2f} ({lost:.0f} %)", f"{specular} ({outage} %)"]
        for (mean, spread), bound in zip(means[1:], lobes):
            holds = holds and mean <= bound + 2 * spread
            cells += [f"{mean:.2f} ± {spread:.2f}", f"{bound}"]
        lines.append("| " + " | ".join(cells) + " |")
        print(f"{degrees} degrees: done", file=sys.stderr, flush=True)
    text = "\n".join(lines) + "\n"
    (OUT / "table.md").write_text(text)
    print(text + ("PASS" if holds else "FAIL: a lobe is worse than derived"))
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
