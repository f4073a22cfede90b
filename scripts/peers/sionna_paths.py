"""Times Sionna RT's path solver: line of sight and specular reflection, one transmitter, receivers from a .npy file.

    DRJIT_LIBLLVM_PATH=.../libLLVM.so.19 python sionna_paths.py SCENE.xml RECEIVERS.npy --count 100 --rays 1000000

Prints one JSON line: the first call (it compiles), the median, least and largest of the warm calls [s], their median
processor time [s], the paths that are valid, and the peak of resident memory [MB]. Loading and the first call are not
part of the warm figures.
"""

import argparse
import json
import resource
import statistics
import time

import drjit as dr
import numpy as np
from sionna.rt import PathSolver, PlanarArray, Receiver, Transmitter, load_scene


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", help="a Mitsuba XML file")
    parser.add_argument("receivers", help="positions [n, 3] [m], .npy")
    parser.add_argument("--count", type=int, default=100, help="the first COUNT receivers")
    parser.add_argument("--transmitter", type=float, nargs=3, default=[8.5, 21.0, 27.0], help="position [m]")
    parser.add_argument("--carrier-ghz", type=float, default=3.5)
    parser.add_argument("--depth", type=int, default=5)
    parser.add_argument("--rays", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5, help="warm calls")
    return parser.parse_args()


def scene_of(typed):
    scene = load_scene(typed.scene)
    scene.frequency = typed.carrier_ghz * 1e9
    array = PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="V")
    scene.tx_array = array
    scene.rx_array = array
    scene.add(Transmitter("tx", position=typed.transmitter))
    positions = np.load(typed.receivers)[: typed.count]
    for i, position in enumerate(positions):
        scene.add(Receiver(f"rx{i}", position=[float(x) for x in position]))
    return scene, len(positions)


def trace(solver, scene, typed):
    return solver(
        scene,
        max_depth=typed.depth,
        samples_per_src=typed.rays,
        max_num_paths_per_src=1_000_000,
        los=True,
        specular_reflection=True,
        diffuse_reflection=False,
        refraction=False,
        diffraction=False,
        synthetic_array=True,
        seed=1,
    )


def call(solver, scene, typed):
    start, processor = time.perf_counter(), time.process_time()
    paths = trace(solver, scene, typed)
    dr.eval(paths.a, paths.tau, paths.valid)
    dr.sync_thread()
    return time.perf_counter() - start, time.process_time() - processor, int(np.sum(paths.valid.numpy()))


def main():
    typed = arguments()
    start = time.perf_counter()
    scene, count = scene_of(typed)
    loaded = time.perf_counter() - start
    solver = PathSolver()
    first, _, found = call(solver, scene, typed)
    calls = [call(solver, scene, typed)[:2] for _ in range(typed.runs)]
    warm = [wall for wall, _ in calls]
    print(
        json.dumps(
            {
                "peer": "sionna-rt",
                "receivers": count,
                "depth": typed.depth,
                "rays": typed.rays,
                "paths": found,
                "load_s": round(loaded, 4),
                "first_s": round(first, 4),
                "median_s": round(statistics.median(warm), 4),
                "least_s": round(min(warm), 4),
                "largest_s": round(max(warm), 4),
                "median_cpu_s": round(statistics.median(cpu for _, cpu in calls), 4),
                "runs": typed.runs,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }
        )
    )


if __name__ == "__main__":
    main()
