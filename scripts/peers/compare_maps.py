"""Compares radio maps with a reference, cell by cell, in dB.

    python compare_maps.py REFERENCE.npz MAP.npz... [--outdoor MASK.npy] [--floor -140]

Compared are the cells of at least the floor in the reference that the mask (bool [ny, nx]) holds. What a map leaves
empty, or below the floor, counts at the floor. Prints one JSON line a map: the cells compared, the RMSE, the mean and
the 5, 50 and 95 % quantiles of the error [dB] (map less reference), the share of the compared cells that the map
leaves empty, and how many other cells of the mask have at least the floor in the map alone.

Maps hold path_gain (or path_gain_mean) [transmitter, ny, nx] or [ny, nx], linear. Where both maps hold cell_centers,
these must agree to a millimetre.
"""

import argparse
import json

import numpy as np


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference")
    parser.add_argument("maps", nargs="+")
    parser.add_argument("--outdoor", help="mask of cells, .npy")
    parser.add_argument("--floor", type=float, default=-140.0, help="[dB]")
    parser.add_argument("--transmitter", type=int, default=0)
    return parser.parse_args()


def map_of(path, transmitter):
    stored = np.load(path)
    gain = stored["path_gain" if "path_gain" in stored else "path_gain_mean"].astype(np.float64)
    gain = gain[transmitter] if gain.ndim == 3 else gain
    return gain, stored["cell_centers"] if "cell_centers" in stored else None


def main():
    typed = arguments()
    reference, centers = map_of(typed.reference, typed.transmitter)
    least = 10.0 ** (typed.floor / 10.0)
    asked = np.load(typed.outdoor).astype(bool) if typed.outdoor else np.full(reference.shape, True)
    compared = asked & (reference >= least)
    for path in typed.maps:
        gain, own = map_of(path, typed.transmitter)
        if gain.shape != reference.shape:
            raise SystemExit(f"{path} has {gain.shape} cells, the reference {reference.shape}")
        if centers is not None and own is not None and np.abs(centers - own).max() > 1e-3:
            raise SystemExit(f"{path} has other cells than the reference")
        error = 10.0 * np.log10(np.maximum(gain[compared], least) / reference[compared])
        quantiles = np.quantile(error, [0.05, 0.5, 0.95])
        print(
            json.dumps(
                {
                    "map": path,
                    "cells": int(compared.sum()),
                    "rmse_db": round(float(np.sqrt(np.mean(error**2))), 4),
                    "mean_db": round(float(np.mean(error)), 4),
                    "q05_db": round(float(quantiles[0]), 4),
                    "q50_db": round(float(quantiles[1]), 4),
                    "q95_db": round(float(quantiles[2]), 4),
                    "empty": round(float(np.mean(gain[compared] == 0.0)), 5),
                    "others": int(np.sum(asked & (gain >= least) & ~compared)),
                }
            )
        )


main()
