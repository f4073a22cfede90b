"""Times DiffeRT's path tracer: one transmitter, receivers from a .npy file or on a line, reflections of one order.

    python differt_paths.py SCENE.xml --order 2 --count 10 --solver exhaustive --quads

Prints one JSON line: the first call (it compiles), the median, least and largest of the warm calls [s], their median
processor time [s], the valid paths of that order, and the peak of resident memory [MB].
"""

import argparse
import json
import resource
import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np
from differt.geometry import Scene


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", help="a Mitsuba XML file")
    parser.add_argument("--receivers", help="positions [n, 3] [m], .npy; absent: on a line through the canyon")
    parser.add_argument("--count", type=int, default=10, help="the first COUNT receivers")
    parser.add_argument("--transmitter", type=float, nargs=3, default=[-33.0, 0.0, 32.0], help="position [m]")
    parser.add_argument("--order", type=int, default=1)
    parser.add_argument("--solver", choices=["exhaustive", "hybrid", "sbr"], default="exhaustive")
    parser.add_argument("--quads", action="store_true", help="pairs of triangles are one wall")
    parser.add_argument("--runs", type=int, default=5, help="warm calls")
    return parser.parse_args()


def positions_of(typed):
    if typed.receivers:
        return np.load(typed.receivers)[: typed.count]
    line = np.linspace(-40.0, 40.0, typed.count) if typed.count > 1 else np.array([20.0])
    return np.stack([line, np.full(typed.count, 2.0), np.full(typed.count, 1.5)], axis=1)


def main():
    typed = arguments()
    scene = Scene.load_xml(typed.scene)
    if typed.quads:
        scene = scene.set_assume_quads()
    receivers = jnp.asarray(positions_of(typed))
    transmitters = jnp.asarray([typed.transmitter])
    scene = type(scene)(transmitters=transmitters, receivers=receivers, mesh=scene.mesh)

    def call():
        start, processor = time.perf_counter(), time.process_time()
        paths = scene.trace_paths(order=typed.order, solver=typed.solver)
        jax.block_until_ready((paths.vertices, paths.mask))
        return time.perf_counter() - start, time.process_time() - processor, paths

    first, _, paths = call()
    warm = [call()[:2] for _ in range(typed.runs)]
    wall = [taken for taken, _ in warm]
    print(
        json.dumps(
            {
                "peer": "differt",
                "solver": typed.solver,
                "receivers": len(receivers),
                "order": typed.order,
                "paths": int(paths.num_valid_paths),
                "first_s": round(first, 4),
                "median_s": round(statistics.median(wall), 5),
                "least_s": round(min(wall), 5),
                "largest_s": round(max(wall), 5),
                "median_cpu_s": round(statistics.median(cpu for _, cpu in warm), 5),
                "runs": typed.runs,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            }
        )
    )


main()
