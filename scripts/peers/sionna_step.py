"""Times a step of Sionna RT's calibration: paths, a loss, and its gradient by all properties of all materials.

    DRJIT_LIBLLVM_PATH=.../libLLVM.so.19 python sionna_step.py SCENE.xml RECEIVERS.npy --count 10 --rays 1000000

Line of sight and specular reflection; the loss is the sum of |a|^2. Prints one JSON line: the median of the warm steps [s], of
their backward part alone, their processor times, and the paths that are valid.
"""

import argparse
import json
import statistics
import time

import drjit as dr
import mitsuba as mi
import numpy as np
import sionna_paths
from sionna.rt import PathSolver, RadioMaterial


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", help="a Mitsuba XML file")
    parser.add_argument("receivers", help="positions [n, 3] [m], .npy")
    parser.add_argument("--count", type=int, default=10, help="the first COUNT receivers")
    parser.add_argument("--transmitter", type=float, nargs=3, default=[8.5, 21.0, 27.0], help="position [m]")
    parser.add_argument("--carrier-ghz", type=float, default=3.5)
    parser.add_argument("--depth", type=int, default=3)
    parser.add_argument("--rays", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5, help="warm steps")
    return parser.parse_args()


def scene_of(typed):
    scene, _ = sionna_paths.scene_of(typed)
    trained = {}
    for thing in scene.objects.values():
        known = thing.radio_material
        if known.name not in trained:
            numbers = [float(np.array(x).ravel()[0]) for x in (known.relative_permittivity, known.conductivity)]
            trained[known.name] = RadioMaterial(
                f"{known.name}-trained", relative_permittivity=numbers[0], conductivity=numbers[1], thickness=0.1
            )
    for thing in scene.objects.values():
        if thing.radio_material.name in trained:
            thing.radio_material = trained[thing.radio_material.name]
    return scene, list(trained.values())


PROPERTIES = ("relative_permittivity", "conductivity", "thickness")


def step(solver, scene, materials, typed):
    for material in materials:
        for name in PROPERTIES:
            value = mi.Float(getattr(material, name))
            dr.enable_grad(value)
            setattr(material, name, value)
    dr.sync_thread()
    start, processor = time.perf_counter(), time.process_time()
    paths = sionna_paths.trace(solver, scene, typed)
    real, imaginary = paths.a
    loss = dr.sum(dr.square(real.array) + dr.square(imaginary.array))
    dr.eval(loss)
    dr.sync_thread()
    middle, middle_processor = time.perf_counter(), time.process_time()
    dr.backward(loss)
    gradients = [dr.grad(getattr(material, name)) for material in materials for name in PROPERTIES]
    dr.eval(gradients)
    dr.sync_thread()
    end, end_processor = time.perf_counter(), time.process_time()
    valid = int(np.sum(paths.valid.numpy()))
    some = any(float(np.abs(np.array(gradient)).max()) > 0 for gradient in gradients)
    return end - start, end - middle, end_processor - processor, end_processor - middle_processor, valid, some


def main():
    typed = arguments()
    scene, materials = scene_of(typed)
    solver = PathSolver()
    solver.loop_mode = "evaluated"
    step(solver, scene, materials, typed)
    steps = [step(solver, scene, materials, typed) for _ in range(typed.runs)]
    whole, backward, processor, backward_processor = (statistics.median(one[k] for one in steps) for k in range(4))
    print(
        json.dumps(
            {
                "peer": "sionna-rt",
                "receivers": typed.count,
                "depth": typed.depth,
                "rays": typed.rays,
                "step_s": round(whole, 4),
                "backward_s": round(backward, 4),
                "step_processor_s": round(processor, 4),
                "backward_processor_s": round(backward_processor, 4),
                "paths": steps[-1][4],
                "has_gradients": steps[-1][5],
            }
        )
    )


if __name__ == "__main__":
    main()
