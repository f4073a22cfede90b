"""Times DiffeRT's smoothed received power and its gradient by the transmitter's position, receivers on a line, one order.

    python differt_smooth.py SCENE.xml --order 2 --count 10

Prints one JSON line: the first call (it compiles), the median, least and largest of the warm calls [s], their median
processor time [s], whether the gradient is finite, and the resident memory once the scene is loaded and at its peak [MB].
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
    parser.add_argument("--count", type=int, default=10, help="receivers, on a line through the canyon")
    parser.add_argument("--transmitter", type=float, nargs=3, default=[-33.0, 0.0, 32.0], help="position [m]")
    parser.add_argument("--order", type=int, default=2)
    parser.add_argument("--alpha", type=float, default=20.0, help="smoothing_factor; 0: hard tests")
    parser.add_argument("--frequency", type=float, default=28e9, help="[Hz]")
    parser.add_argument("--runs", type=int, default=5, help="warm calls")
    return parser.parse_args()


def receivers_of(count):
    line = np.linspace(-40.0, 40.0, count) if count > 1 else np.array([20.0])
    return jnp.asarray(np.stack([line, np.full(count, 2.0), np.full(count, 1.5)], axis=1))


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main():
    typed = arguments()
    mesh = Scene.load_xml(typed.scene).set_assume_quads().mesh
    receivers = receivers_of(typed.count)
    transmitter = jnp.asarray(typed.transmitter)
    loaded = peak_mb()

    def power(position):
        scene = Scene(transmitters=position[None, :], receivers=receivers, mesh=mesh)
        smoothing = typed.alpha or None
        paths = scene.trace_paths(order=typed.order, solver="exhaustive", smoothing_factor=smoothing)
        fields = paths.to_fields(mesh, typed.frequency, tx_polarization="V", rx_polarization="V").fields
        return jnp.sum(jnp.abs(fields) ** 2)

    both = jax.jit(jax.value_and_grad(power))

    def call():
        start, processor = time.perf_counter(), time.process_time()
        found = jax.block_until_ready(both(transmitter))
        return time.perf_counter() - start, time.process_time() - processor, found

    first, _, (value, gradient) = call()
    warm = [call()[:2] for _ in range(typed.runs)]
    wall = [taken for taken, _ in warm]
    print(
        json.dumps(
            {
                "peer": "differt",
                "receivers": typed.count,
                "order": typed.order,
                "alpha": typed.alpha,
                "power": float(value),
                "gradient_is_finite": bool(jnp.isfinite(gradient).all()),
                "first_s": round(first, 4),
                "median_s": round(statistics.median(wall), 5),
                "least_s": round(min(wall), 5),
                "largest_s": round(max(wall), 5),
                "median_cpu_s": round(statistics.median(cpu for _, cpu in warm), 5),
                "runs": typed.runs,
                "loaded_mb": loaded,
                "peak_mb": peak_mb(),
            }
        )
    )


main()
