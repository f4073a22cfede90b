#!/usr/bin/env python3
"""The noisy street: `python3 scenes/noisy_street/run.py`. Needs Python 3.11 and a release build; nothing else.

Truth is the clean street with specular reflection (job.toml). Each preset of `raylobe scene degrade` makes a scan of it;
the received power over the scan, with specular reflection and with lobes (lobe.toml), is compared with the truth in dB.
Writes out/table.md and out/noisy_street.png beside this file, and prints the table.

    --quick          the headline alone: depth 2, without the scan of kappa
    --seed N         seed of the scans [1]
    --raylobe FILE   the program [target/release/raylobe]

Power is the sum of |a|^2 over all paths. A receiver that gets nothing over the scan counts as FLOOR dB below the truth; so
does one that gets less than that. Receivers without any path in truth have no error; they are counted. Whether a receiver
is in view of the transmitter is decided on the clean street.
"""

import argparse
import csv
import json
import math
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True  # nothing beside the sources but out/
import picture

HERE = Path(__file__).resolve().parent
OUT = HERE / "out"
# Presets and the noise of their normals [degrees].
PRESETS = {"lidar_0.5": 0.5, "lidar_1": 1.0, "lidar_2": 2.0, "lidar_4": 4.0}
# What a missing path counts as [dB]; the middle one is that of the claim.
FLOORS = (20, 30, 40)
CLAIM_FLOOR = 30
# Most reflections of a path; the headline is that of job.toml.
DEPTHS = (1, 2, 3)
HEADLINE = 2
# The claim: mean absolute error of the lobe [dB], and its share of the specular one.
MOST_DB, MOST_SHARE = 3.0, 0.4
# kappa over 1/(8 s^2) where it is too small or too large, and the scans that show it.
FACTORS = (1 / 256, 1 / 64, 1 / 8, 1 / 2, 1, 2, 8, 64)
SCANNED = ("lidar_1", "lidar_4")
MATERIALS = ("ground", "concrete", "glass", "marble", "metal")
# Rays of lobes: N b^2/kappa >= 25 for receivers whose last leg is b = 1/5 of the way (T78).
RAYS_PER_KAPPA = 625
# Enough for what narrow lobes show: that they are narrow.
MOST_RAYS = 2_000_000


def kappa_of(preset):
    """1/(8 s^2) [-]."""
    return 1.0 / (8.0 * math.radians(PRESETS[preset]) ** 2)


class Engine:
    def __init__(self, program):
        self.program = program

    def call(self, *arguments):
        done = subprocess.run([self.program, *arguments], cwd=HERE, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, arguments))}: exit code {done.returncode}\n{done.stderr}")
        return done

    def run(self, job, name, settings):
        """The links of a job by receiver, and its record."""
        start = time.monotonic()
        folder = OUT / name
        given = [part for setting in settings for part in ("--set", setting)]
        self.call("run", job, "--device", "cpu", "--quiet", "--out", folder, *given)
        with open(folder / "links.csv", newline="") as table:
            links = {row["receiver"]: row for row in csv.DictReader(table)}
        record = json.loads((folder / "record.json").read_text())
        print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
        return {"gain": {name: gain_of(row) for name, row in links.items()}, "links": links, "record": record}

    def truth(self, depth):
        return self.run("job.toml", f"truth_{depth}", [f"solver.max_depth={depth}", 'solver.candidates="exhaustive"'])

    def scan(self, preset, seed):
        scene = f"out/{preset}.glb"
        self.call("scene", "degrade", "scene.xml", "-o", scene, "--preset", preset, "--seed", str(seed))
        return scene

    def specular(self, preset, depth):
        settings = [f'scene.file="out/{preset}.glb"', f"solver.max_depth={depth}"]
        return self.run("job.toml", f"{preset}_specular_{depth}", settings)

    def lobe(self, preset, depth, factor=1):
        """With kappa from the estimated noise, or so many times what the preset's noise says."""
        kappa = factor * kappa_of(preset)
        rays = min(round(RAYS_PER_KAPPA * kappa), MOST_RAYS)
        settings = [f'scene.file="out/{preset}.glb"', f"solver.max_depth={depth}", f"solver.scatter_rays={rays}"]
        if factor == 1:
            return self.run("lobe.toml", f"{preset}_lobe_{depth}", settings)
        lobe = f'{{ kind = "von_mises_fisher", kappa = {kappa!r} }}'
        settings += [f"materials.{material}.lobe={lobe}" for material in MATERIALS]
        return self.run("lobe.toml", f"{preset}_lobe_{depth}_x{factor:g}", settings)


def gain_of(row):
    """Path gain [dB], minus infinity for nothing."""
    return float(row["path_gain_db"]) if row["path_gain_db"] else -math.inf


def receivers(truth, in_view):
    """Names of the receivers with power in truth, in view of the transmitter or not; `None`: all."""
    wanted = lambda row: in_view is None or (row["line_of_sight"] == "yes") == in_view
    return [name for name, row in truth["links"].items() if wanted(row) and row["path_gain_db"]]


def errors(truth, found, names, floor):
    """Errors [dB] of these receivers, no less than -floor."""
    return [max(found["gain"][name] - truth["gain"][name], -floor) for name in names]


def mean(values):
    return sum(values) / len(values) if values else math.nan


def mean_absolute(truth, found, names, floor=CLAIM_FLOOR):
    return mean([abs(x) for x in errors(truth, found, names, floor)])


def outages(found, names):
    """How many receivers get nothing."""
    return sum(math.isinf(found["gain"][name]) for name in names)


def by_outages(truth, found, names, floor):
    """The part of the mean absolute error that outages make [dB]."""
    return outages(found, names) * floor / len(names)


def leaks(truth, found, names):
    """How many receivers see the transmitter over the scan alone: through holes and missing facets."""
    return sum(found["links"][name]["line_of_sight"] == "yes" != truth["links"][name]["line_of_sight"] for name in names)


def row(*cells):
    return "| " + " | ".join(cell if isinstance(cell, str) else f"{cell:.2f}" for cell in cells) + " |"


def head(*cells):
    return [row(*cells), "|" + "---|" * len(cells)]


def table(truth, found, in_view):
    """A row for each preset: outages, and errors at each floor, specular reflection beside lobes."""
    names = receivers(truth, in_view)
    titles = [f"{kind}, -{floor} dB" for kind in ("specular", "lobe") for floor in FLOORS]
    lines = head("scan", "receivers", "specular: outages", "lobe: outages", *titles, "lobe/specular, -30 dB", "see the transmitter")
    for preset, (specular, lobe) in found.items():
        of = lambda one: [mean_absolute(truth, one, names, floor) for floor in FLOORS]
        share = mean_absolute(truth, lobe, names) / mean_absolute(truth, specular, names)
        lost = [str(outages(one, names)) for one in (specular, lobe)]
        lines.append(row(preset, str(len(names)), *lost, *of(specular), *of(lobe), f"{100 * share:.0f} %", str(leaks(truth, lobe, names))))
    return lines


def by_chains(truth, found):
    """Receivers without line of sight, by how many chains reach them in truth."""
    names = receivers(truth, False)
    groups = {"1": [], "2": [], "3 and more": []}
    for name in names:
        groups[["1", "2", "3 and more"][min(int(truth["links"][name]["paths"]), 3) - 1]].append(name)
    lines = head("scan", "chains", "receivers", "specular: outages", "specular", "lobe: outages", "lobe")
    for preset, (specular, lobe) in found.items():
        for chains, group in groups.items():
            if group:
                cells = [cell for one in (specular, lobe) for cell in (str(outages(one, group)), mean_absolute(truth, one, group))]
                lines.append(row(preset, chains, str(len(group)), *cells))
    return lines


def gaps(truth, found):
    """The gap between both at each floor, and what of it is made by outages."""
    names = receivers(truth, False)
    lines = head("scan", *[f"{what}, -{floor} dB" for floor in FLOORS for what in ("gap", "of it outages")])
    for preset, (specular, lobe) in found.items():
        cells = []
        for floor in FLOORS:
            gap = mean_absolute(truth, specular, names, floor) - mean_absolute(truth, lobe, names, floor)
            cells += [gap, by_outages(truth, specular, names, floor) - by_outages(truth, lobe, names, floor)]
        lines.append(row(preset, *cells))
    return lines


def by_depth(truths, found):
    """Receivers without line of sight at each depth, with how many chains the search has found over the scan."""
    lines = head("scan", "reflections", "chains searched", "receivers", "specular: outages", "specular", "lobe: outages", "lobe", "share")
    for preset in PRESETS:
        for depth, truth in truths.items():
            names = receivers(truth, False)
            specular, lobe = found[depth][preset]
            chains = f"{specular['record']['counters']['chains']:,}"
            both = [mean_absolute(truth, one, names) for one in (specular, lobe)]
            lost = [str(outages(one, names)) for one in (specular, lobe)]
            lines.append(row(preset, str(depth), chains, str(len(names)), lost[0], both[0], lost[1], both[1], f"{100 * both[1] / both[0]:.0f} %"))
    return lines


def by_kappa(truth, scans):
    """Errors and their mean with sign, over kappa."""
    names = receivers(truth, False)
    lines = head("scan", "kappa/(1/(8 s^2))", "kappa", "error", "mean with sign", "outages")
    for (preset, factor), lobe in scans.items():
        signed = mean(errors(truth, lobe, names, CLAIM_FLOOR))
        kappa = f"{factor * kappa_of(preset):.3g}"
        lines.append(row(preset, f"{factor:g}", kappa, mean_absolute(truth, lobe, names), f"{signed:+.2f}", str(outages(lobe, names))))
    return lines


def unreached(truth, found):
    """What becomes of receivers that nothing reaches in truth."""
    names = [name for name, link in truth["links"].items() if not link["path_gain_db"]]
    weakest = min(truth["gain"][name] for name in receivers(truth, None))
    lines = head("scan", "receivers", "specular: reached", "lobe: reached", "lobe: median gain [dB]", "see the transmitter")
    for preset, (specular, lobe) in found.items():
        gains = sorted(lobe["gain"][name] for name in names)
        reached = [str(len(names) - outages(one, names)) for one in (specular, lobe)]
        lines.append(row(preset, str(len(names)), *reached, f"{gains[len(gains) // 2]:.1f}", str(leaks(truth, lobe, names))))
    return lines + ["", f"The weakest receiver that truth reaches gets {weakest:.1f} dB."]


def report(truths, found, scans):
    truth, headline = truths[HEADLINE], found[HEADLINE]
    parts = [
        (f"Receivers without line of sight, at most {HEADLINE} reflections: mean absolute error [dB]", table(truth, headline, False)),
        ("All receivers", table(truth, headline, None)),
        ("The gap between both, receivers without line of sight [dB]", gaps(truth, headline)),
        ("By the number of chains that reach a receiver in truth, floor -30 dB", by_chains(truth, headline)),
        ("Receivers that nothing reaches in truth", unreached(truth, headline)),
    ]
    if len(truths) > 1:
        parts.append(("By the number of reflections, receivers without line of sight, floor -30 dB", by_depth(truths, found)))
    if scans:
        parts.append(("Lobes that are too wide or too narrow, receivers without line of sight, floor -30 dB", by_kappa(truth, scans)))
    return "\n\n".join(f"### {title}\n\n" + "\n".join(lines) for title, lines in parts) + "\n"


def verdict(truth, found):
    """Whether the claim holds, in words, and whether it does."""
    names, lines, holds = receivers(truth, False), [], True
    for preset, (specular, lobe) in found.items():
        own, other = (mean_absolute(truth, one, names) for one in (lobe, specular))
        good = own <= MOST_DB and own <= MOST_SHARE * other
        holds = holds and good
        lines.append(f"{'PASS' if good else 'FAIL'} {preset}: {own:.2f} dB <= {MOST_DB:g} dB, {100 * own / other:.0f} % <= {100 * MOST_SHARE:.0f} %")
    return lines, holds


def main():
    options = argparse.ArgumentParser(description="The noisy street: tables and a picture.")
    options.add_argument("--quick", action="store_true", help="the headline alone")
    options.add_argument("--seed", type=int, default=1, help="seed of the scans [1]")
    options.add_argument("--raylobe", type=Path, default=HERE.parents[1] / "target/release/raylobe", help="the program")
    given = options.parse_args()
    if not given.raylobe.is_file():
        sys.exit(f"there is no {given.raylobe}: cargo build --release makes it")
    OUT.mkdir(exist_ok=True)
    engine = Engine(given.raylobe.resolve())
    depths = (HEADLINE,) if given.quick else DEPTHS
    truths = {depth: engine.truth(depth) for depth in depths}
    found, scans = {depth: {} for depth in depths}, {}
    for preset in PRESETS:
        engine.scan(preset, given.seed)
        for depth in depths:
            found[depth][preset] = (engine.specular(preset, depth), engine.lobe(preset, depth))
        if preset in SCANNED and not given.quick:
            for factor in FACTORS:
                scans[preset, factor] = found[HEADLINE][preset][1] if factor == 1 else engine.lobe(preset, HEADLINE, factor)
    text = report(truths, found, scans)
    (OUT / "table.md").write_text(text)
    picture.draw(OUT / "noisy_street.png", truths[HEADLINE], found[HEADLINE], HERE / "scene.xml", CLAIM_FLOOR)
    print(text)
    lines, holds = verdict(truths[HEADLINE], found[HEADLINE])
    print("\n".join(lines))
    print(f"written: {OUT / 'table.md'}, {OUT / 'noisy_street.png'}")
    sys.exit(0 if holds else 1)


if __name__ == "__main__":
    main()
