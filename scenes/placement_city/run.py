#!/usr/bin/env python3
"""How often placements in cities arrive: generator seeds 1 to 20, 50 random starts each, judged by an exhaustive search on a grid of 2 m.

Prints a line for each city and a table, and ends with exit code 1 where fewer than 90 % of the runs with restarts end within 1 dB.
"""

import argparse
import csv
import json
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
METHODS = ["hard", "smoothed", "restarts"]
# Share of the runs with restarts that is aimed at.
AIM = 0.9


def seeds_of(text):
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def study_of(arguments, seed):
    """The rows of one city by method, the points of its grid, and the seconds of each stage."""
    out = HERE / "out" / f"study_{seed}"
    command = [arguments.raylobe, "run", str(HERE / "study.toml"), "--quiet", "--device", "cpu", "--out", str(out)]
    for setting in [f"scene.generate.seed={seed}", *arguments.set]:
        command += ["--set", setting]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    rows = {row["method"]: row for row in csv.DictReader(open(out / "study.csv", encoding="utf-8"))}
    record = json.load(open(out / "record.json", encoding="utf-8"))
    return rows, {timing["stage"]: timing["seconds"] for timing in record["timings_s"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--raylobe", default=str(HERE.parent.parent / "target/release/raylobe"))
    parser.add_argument("--seeds", type=seeds_of, default="1-20", help="of the cities, as 1-20")
    parser.add_argument("--set", action="append", default=[], help="KEY=VALUE of the job")
    arguments = parser.parse_args()
    began = time.time()
    runs, well, evaluations = [dict.fromkeys(METHODS, 0.0) for _ in range(3)]
    worst, seconds = [dict.fromkeys([*METHODS, "exhaustive"], 0.0) for _ in range(2)]
    points = 0
    print("share of the runs that end within 1 dB of the best of the grid, and the most that one lacks [dB]")
    print(f"{'city':>4} " + " ".join(f"{name:>18}" for name in METHODS))
    for seed in arguments.seeds:
        rows, timings = study_of(arguments, seed)
        cells = []
        for name in METHODS:
            row = rows[name]
            count, lack = int(row["runs"]), float(row["worst_shortfall_db"])
            runs[name] += count
            well[name] += count * float(row["success"])
            evaluations[name] += count * float(row["evaluations"])
            worst[name] = max(worst[name], lack)
            cells.append(f"{float(row['success']):.2f} {lack:>8.2f}")
        points += int(rows["hard"]["grid_points"])
        for stage in seconds:
            seconds[stage] += timings[stage]
        print(f"{seed:>4} " + " ".join(f"{cell:>18}" for cell in cells), flush=True)
    cities = len(arguments.seeds)
    print(f"\n{'method':10} {'runs':>5} {'within 1 dB':>11} {'worst [dB]':>10} {'evaluations of a run':>20} {'time [s]':>8}")
    for name in METHODS:
        share, each = well[name] / runs[name], evaluations[name] / runs[name]
        print(f"{name:10} {runs[name]:>5.0f} {share:>11.3f} {worst[name]:>10.2f} {each:>20.0f} {seconds[name]:>8.0f}")
    print(f"{'exhaustive':10} {cities:>5} {'':>11} {'':>10} {points / cities:>20.0f} {seconds['exhaustive']:>8.0f}")
    print(f"{time.time() - began:.0f} s")
    share = well["restarts"] / runs["restarts"]
    if share < AIM:
        print(f"BROKEN: {share:.3f} of the runs with restarts, {AIM} are aimed at")
    sys.exit(0 if share >= AIM else 1)


if __name__ == "__main__":
    main()
