"""What the run.py of fits share: calling the program, rows of tables, verdicts."""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def options(description):
    """The options of a run.py, with --raylobe among them."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--raylobe", type=Path, default=ROOT / "target/release/raylobe")
    return parser


def settings(pairs):
    """Arguments that put values over a job."""
    return [part for pair in pairs for part in ("--set", pair)]


def call(program, folder, *arguments):
    """Runs the program in a folder, or ends with what it says."""
    done = subprocess.run([program.resolve(), *map(str, arguments)], cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, arguments))}: exit code {done.returncode}\n{done.stderr}")


def row(*cells, number=str):
    """A row of a table; `number` writes what is a float."""
    return "| " + " | ".join(number(cell) if isinstance(cell, float) else str(cell) for cell in cells) + " |"


def finish(folder, lines, verdicts):
    """Writes and prints the tables, prints what holds, and ends with 1 if something does not."""
    text = "\n".join(lines) + "\n"
    (folder / "table.md").write_text(text)
    print(text)
    for what, good in verdicts:
        print(f"{'PASS' if good else 'FAIL'} {what}")
    sys.exit(0 if all(good for _, good in verdicts) else 1)
