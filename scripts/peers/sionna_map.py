"""Times Sionna RT's radio map solver: line of sight and specular reflection, with --diffuse scattering besides.

    DRJIT_LIBLLVM_PATH=.../libLLVM-19.so python sionna_map.py SCENE.xml --cell 5 --depth 3 --rays 1e7 --save map.npz

Prints one JSON line: the first call (it compiles, unless ~/.drjit holds the kernel), the median, least and largest of
the warm maps [s], their median processor time [s], the peak of resident memory [MB], the share of cells that are not
empty, and the grid. Loading and the first call are not part of the warm figures.

The map is horizontal and covers the scene's bounding box, grown about its centre to whole cells, as it is by default.

Sionna RT always shoots the same directions, a Fibonacci lattice; without scattering its seed changes nothing. So more
rays than --call are shot as consecutive parts of the one lattice that a single call would shoot: the mean of the parts
is that call's map, summed in f64. --shift moves the lattice by an offset drawn from the seed, modulo one in
both coordinates: maps of different seeds then have errors of their own. Without either, the solver runs as it is.
"""

import argparse
import json
import math
import random
import resource
import statistics
import time

import drjit as dr
import mitsuba as mi
import numpy as np
import sionna.rt.radio_map_solvers.radio_map_solver as solver_module
from sionna.rt import LambertianPattern, PlanarArray, RadioMapSolver, Transmitter, load_scene


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", help="a Mitsuba XML file")
    parser.add_argument("--cell", type=float, default=5.0, help="side of a cell [m]")
    parser.add_argument("--height", type=float, default=1.5, help="of the map, z [m]")
    parser.add_argument("--depth", type=int, default=3)
    parser.add_argument("--rays", type=float, default=1e7)
    parser.add_argument("--call", type=float, default=1e7, help="rays of a call at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shift", action="store_true", help="move the lattice by an offset drawn from the seed")
    parser.add_argument("--repeat", type=int, default=3, help="warm maps")
    parser.add_argument("--tx", type=float, nargs=3, default=[8.5, 21.0, 27.0], help="position [m]")
    parser.add_argument("--frequency", type=float, default=3.5e9, help="[Hz]")
    parser.add_argument("--diffuse", type=float, metavar="S", help="Lambertian scattering with this coefficient")
    parser.add_argument("--save", metavar="MAP.npz", help="path_gain [ny, nx], cell_centers [ny, nx, 3]")
    return parser.parse_args()


def scene_of(typed):
    scene = load_scene(typed.scene)
    scene.frequency = typed.frequency
    scene.tx_array = PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="V")
    scene.add(Transmitter("tx", position=typed.tx))
    if typed.diffuse is not None:
        for material in scene.radio_materials.values():
            material.scattering_coefficient = typed.diffuse
            material.scattering_pattern = LambertianPattern()
    return scene


def grid_of(scene, typed):
    box = scene.mi_scene.bbox()
    low, high = [float(x) for x in box.min], [float(x) for x in box.max]
    center = [0.5 * (low[0] + high[0]), 0.5 * (low[1] + high[1]), typed.height]
    return {"center": center, "size": [high[0] - low[0], high[1] - low[1]], "orientation": [0.0, 0.0, 0.0]}


def lattice_part(part, parts, shift):
    """Part of the lattice that `fibonacci_lattice` yields in one, moved by `shift`."""

    def points(count):
        n = dr.arange(mi.Float64, 0, count) + dr.opaque(mi.Float64, part * count)
        x = n / ((1.0 + math.sqrt(5.0)) / 2.0) + dr.opaque(mi.Float64, shift[0])
        x -= dr.floor(x)
        y = n / dr.opaque(mi.Float64, parts * count - 1) + dr.opaque(mi.Float64, shift[1])
        y = dr.select(y > 1.0, y - 1.0, y)
        return mi.Point2f(x, y)

    return points


def call(solver, scene, grid, typed, rays, seed):
    radio_map = solver(
        scene,
        **grid,
        cell_size=(typed.cell, typed.cell),
        samples_per_tx=rays,
        max_depth=typed.depth,
        los=True,
        specular_reflection=True,
        diffuse_reflection=typed.diffuse is not None,
        refraction=False,
        diffraction=False,
        seed=seed,
    )
    dr.eval(radio_map.path_gain)
    dr.sync_thread()
    return radio_map


def call_part(solver, scene, grid, typed, part, parts):
    rays = int(typed.rays) // parts
    if typed.shift or parts > 1:
        draw = random.Random(typed.seed)
        shift = [draw.random(), draw.random()] if typed.shift else [0.0, 0.0]
        solver_module.fibonacci_lattice = lattice_part(part, parts, shift)
    return call(solver, scene, grid, typed, rays, typed.seed * parts + part)


def timed(work):
    start, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - start, time.process_time() - processor


def main():
    typed = arguments()
    parts = math.ceil(typed.rays / typed.call)
    scene, loaded, _ = timed(lambda: scene_of(typed))
    grid = grid_of(scene, typed)
    solver = RadioMapSolver()

    def whole():
        total = 0.0
        for part in range(parts):
            total = total + call_part(solver, scene, grid, typed, part, parts).path_gain.numpy()[0].astype(np.float64)
        return total / parts

    radio_map, first, _ = timed(lambda: call_part(solver, scene, grid, typed, 0, parts))
    runs = [timed(whole) for _ in range(typed.repeat)]
    path_gain = runs[-1][0]
    warm = [wall for _, wall, _ in runs]
    if typed.save:
        np.savez_compressed(typed.save, path_gain=path_gain, cell_centers=radio_map.cell_centers.numpy())
    ny, nx = path_gain.shape
    print(
        json.dumps(
            {
                "peer": "sionna-rt",
                "depth": typed.depth,
                "rays": int(typed.rays) // parts * parts,
                "calls": parts,
                "seed": typed.seed,
                "shift": typed.shift,
                "diffuse": typed.diffuse,
                "load_s": round(loaded, 4),
                "first_s": round(first, 4),
                "median_s": round(statistics.median(warm), 4),
                "least_s": round(min(warm), 4),
                "largest_s": round(max(warm), 4),
                "median_cpu_s": round(statistics.median(cpu for _, _, cpu in runs), 4),
                "runs": typed.repeat,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                "not_empty": round(float(np.mean(path_gain > 0)), 5),
                "center": grid["center"],
                "size": [nx * typed.cell, ny * typed.cell],
                "orientation": grid["orientation"],
                "cells": [nx, ny],
            }
        ),
        flush=True,
    )


main()
