#!/usr/bin/env python3
"""The convergence study of placement in three scenes, beside the rates of DiffeRT2d 0.4.1 rerun with the same protocol.

Prints a table and ends with exit code 1 where a bound is broken: with 100 gradients from the given start and nothing else, at most
half of the peer's smoothed failures in every row, and at least 98 % of the hard successes kept.
"""

import argparse
import csv
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
# Success of the peer: hard, smoothed (hard sigmoid), of 2500 runs each; share of the hard successes kept.
PEER = {
    ("basic", 2): (0.578, 0.874, 0.993),
    ("basic", 3): (0.444, 0.676, 0.972),
    ("basic", 4): (0.426, 0.729, 0.990),
    ("obstacle", 2): (0.566, 0.772, 0.951),
    ("obstacle", 3): (0.382, 0.639, 0.948),
    ("obstacle", 4): (0.338, 0.590, 0.904),
    ("wall", 2): (0.321, 0.732, 0.974),
    ("wall", 3): (0.147, 0.428, 0.872),
    ("wall", 4): (0.151, 0.412, 0.889),
}
METHODS = ["hard", "paper", "noise", "adaptive", "tour", "survey", "restarts"]
# The row that the bounds are for.
OWN = "tour"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raylobe", default=str(HERE.parent.parent / "target/release/raylobe"))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--draws", type=int, default=50)
    arguments = parser.parse_args()
    began = time.time()
    broken = []
    print("success / share of the hard successes kept / share with F >= 0.9 F*; restarts: evaluations of a run")
    print(f"{'scene':9} {'N':>2} {'peer hard, smooth, kept':>24} " + " ".join(f"{name:>18}" for name in METHODS))
    for scene in ["basic", "obstacle", "wall"]:
        out = HERE / "out" / scene
        command = [arguments.raylobe, "run", str(HERE / f"{scene}.toml"), "--quiet", "--seed", str(arguments.seed)]
        command += ["--set", f"place.study.draws={arguments.draws}", "--device", "cpu", "--out", str(out)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        rows = list(csv.DictReader(open(out / "study.csv", encoding="utf-8")))
        for count in [2, 3, 4]:
            own = {row["method"]: row for row in rows if row["receivers"] == str(count)}
            hard, smooth, kept = PEER[scene, count]
            cells = []
            for name in METHODS:
                row = own[name]
                cell = f"{float(row['success']):.3f}/{float(row['kept'] or 'nan'):.3f}/{float(row['nearly']):.3f}"
                cells.append(cell + (f" {float(row['evaluations']):.0f}" if name == "restarts" else ""))
            print(f"{scene:9} {count:>2} {hard:>12.3f} {smooth:.3f} {kept:.3f} " + " ".join(f"{c:>18}" for c in cells))
            failures = 1.0 - float(own[OWN]["success"])
            if failures > 0.5 * (1.0 - smooth):
                broken.append(f"{scene} {count}: {failures:.3f} failures, the peer has {1.0 - smooth:.3f}")
            if float(own[OWN]["kept"]) < 0.98:
                broken.append(f"{scene} {count}: {own[OWN]['kept']} of the hard successes kept")
    print(f"{time.time() - began:.0f} s")
    for fault in broken:
        print("BROKEN:", fault)
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
