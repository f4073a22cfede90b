#!/usr/bin/env python3
"""Expected paths of the scenes in this folder, by an independent brute force: `python3 scenes/expected.py`.

Shares nothing with raylobe but the job and scene files: every sequence of up to `max_depth` rectangles is tried by the
image method in double precision, every segment is tested against every rectangle, and the field is carried along as a
complex vector in space. Only the standard library is needed. `--check` compares with the files instead of writing them.

expected.json: {"source", "tolerance": {"length_m", "delay_s", "abs_a", "phase_a_rad"}, "links": [{"receiver",
"transmitter", "complete", "paths": [{"interactions", "length_m", "delay_s", "abs_a", "phase_a_rad"}]}]}.
`length_m` and `delay_s` tolerances are relative, `abs_a` too, the phase's is absolute [rad]. `a` holds lambda/(4 pi),
spreading, reflections and antennas, but not the phase of propagation. A link that is `complete` has no other path.
Of a map: {"source", "tolerance": {"path_gain"}, "noise_w", "power_w", "cells": [{"transmitter", "u", "v", "position_m",
"at_least", "at_most"}]}, the bounds those of `path_gain` in the column u and the row v.
"""

import cmath
import csv
import itertools
import json
import math
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

C = 299_792_458.0  # speed of light [m/s]
EPS0 = 1.0 / (1.256_637_062_12e-6 * C * C)  # [F/m]
# ITU-R P.2040: eps_r = a, sigma = c f^d with f in GHz, at 28 GHz (b is 0 for all of these).
ITU = {
    "concrete": (5.24, 0.0462, 0.7822),
    "glass": (6.31, 0.0036, 1.3394),
    "marble": (7.074, 0.0055, 0.9262),
    "metal": (1.0, 1e7, 0.0),
}
REFLECTION = 1
# A hit or a blocker this close to an edge would make the answer a matter of rounding [m].
AMBIGUOUS = 1e-4


def add(a, b):
    return [x + y for x, y in zip(a, b)]


def sub(a, b):
    return [x - y for x, y in zip(a, b)]


def mul(a, s):
    return [x * s for x in a]


def dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def cross(a, b):
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


def norm(a):
    return math.sqrt(dot(a, a))


def unit(a):
    return mul(a, 1.0 / norm(a))


class Rectangle:
    """A corner, two edges at right angles, the material's name."""

    def __init__(self, corner, u, v, material):
        self.corner, self.material = corner, material
        self.lengths = (norm(u), norm(v))
        self.axes = (unit(u), unit(v))
        self.normal = unit(cross(u, v))

    def height(self, point):
        return dot(sub(point, self.corner), self.normal)

    def margin(self, point):
        """How far a point of the plane lies inside of the nearest edge [m]; negative outside."""
        d = sub(point, self.corner)
        return min(min(dot(d, axis), length - dot(d, axis)) for axis, length in zip(self.axes, self.lengths))

    def mirror(self, point):
        return sub(point, mul(self.normal, 2.0 * self.height(point)))


def meeting(rectangle, a, b):
    """Where the segment a-b crosses the rectangle's plane, or None."""
    ha, hb = rectangle.height(a), rectangle.height(b)
    if ha * hb >= 0.0:
        return None
    return add(a, mul(sub(b, a), ha / (ha - hb)))


def least_clearance(rectangles, a, b, ends):
    """How far the segment stays clear of the edges of all rectangles but `ends` [m]; negative if one blocks it."""
    clearance = math.inf
    for rectangle in rectangles:
        point = None if rectangle in ends else meeting(rectangle, a, b)
        if point is not None:
            clearance = min(clearance, -rectangle.margin(point))
    return clearance


def vertices_of(rectangles, chain, transmitter, receiver):
    """The reflection points of a chain, or None if there is no such path."""
    images = [transmitter]
    for rectangle in chain:
        images.append(rectangle.mirror(images[-1]))
    vertices, target, least = [], receiver, math.inf
    for rectangle, image in zip(reversed(chain), reversed(images)):
        point = meeting(rectangle, target, image)
        if point is None:
            return None
        least = min(least, rectangle.margin(point))
        if least < -AMBIGUOUS:
            return None
        vertices.insert(0, point)
        target = point
    points = [transmitter, *vertices, receiver]
    # The chain must be a reflection at each vertex: the points before and after it on one side.
    for rectangle, before, after in zip(chain, points, points[2:]):
        if rectangle.height(before) * rectangle.height(after) <= 0.0:
            return None
    owners = [[], *[[rectangle] for rectangle in chain], []]
    for i in range(len(points) - 1):
        least = min(least, least_clearance(rectangles, points[i], points[i + 1], owners[i] + owners[i + 1]))
        if least < -AMBIGUOUS:
            return None
    assert least > AMBIGUOUS, f"the path {points} grazes an edge: move a radio"
    return vertices


def coefficients(material, cos_theta, frequency):
    """Fresnel's r_s and r_p of a slab or half space (ITU-R P.2040, section 2.2), e^{+jwt}."""
    name, thickness = material
    a, c, d = ITU[name]
    eta = a - 1j * c * (frequency / 1e9) ** d / (2.0 * math.pi * frequency * EPS0)
    root = cmath.sqrt(eta - (1.0 - cos_theta * cos_theta))
    r_s = (cos_theta - root) / (cos_theta + root)
    r_p = (eta * cos_theta - root) / (eta * cos_theta + root)
    if math.isinf(thickness):
        return r_s, r_p
    q = 2.0 * math.pi * thickness * frequency / C * root
    # |e^{-2jq}| <= 1; beyond e^{-700} nothing comes back from the second face.
    back = cmath.exp(-2j * q) if q.imag > -350.0 else 0.0
    return tuple(r * (1.0 - back) / (1.0 - r * r * back) for r in (r_s, r_p))


def theta_of(direction):
    """The unit vector of growing zenith angle: the field of a vertically polarised isotropic antenna."""
    horizontal = math.hypot(direction[0], direction[1])
    return [direction[2] * direction[0] / horizontal, direction[2] * direction[1] / horizontal, -horizontal]


def coefficient(chain, points, materials, frequency):
    """Path length and a of the chain's path through `points`."""
    length = sum(norm(sub(b, a)) for a, b in zip(points, points[1:]))
    k = unit(sub(points[1], points[0]))
    field = [complex(x) for x in theta_of(k)]
    for rectangle, here, after in zip(chain, points[1:], points[2:]):
        k_r = unit(sub(after, here))
        r_s, r_p = coefficients(materials[rectangle.material], abs(dot(k, rectangle.normal)), frequency)
        s = unit(cross(k, rectangle.normal))
        field = add(mul(s, r_s * dot(field, s)), mul(cross(k_r, s), r_p * dot(field, cross(k, s))))
        k = k_r
    a = C / frequency / (4.0 * math.pi * length) * dot(field, theta_of(mul(k, -1.0)))
    return length, a


def record(chain, points, materials, frequency):
    length, a = coefficient(chain, points, materials, frequency)
    return {
        "interactions": [REFLECTION] * len(chain),
        "length_m": length,
        "delay_s": length / C,
        "abs_a": abs(a),
        "phase_a_rad": cmath.phase(a),
    }


def paths_of(rectangles, materials, transmitter, receiver, depth, frequency, least=0):
    """All paths of `least` to `depth` reflections."""
    found = []
    for count in range(least, depth + 1):
        for chain in itertools.product(rectangles, repeat=count):
            if any(a is b for a, b in zip(chain, chain[1:])):
                continue
            vertices = vertices_of(rectangles, chain, transmitter, receiver)
            if vertices is not None:
                found.append(record(chain, [transmitter, *vertices, receiver], materials, frequency))
    return sorted(found, key=lambda path: path["length_m"])


def point_after(transform, point):
    """What the steps of a Mitsuba transform make of a point; rotations are about one axis."""
    for step in transform:
        given = {axis: step.get(axis) for axis in "xyz"}
        if step.tag == "rotate":
            (i,) = [i for i, axis in enumerate("xyz") if given[axis] is not None]
            angle = math.radians(float(step.get("angle")))
            j, k = (i + 1) % 3, (i + 2) % 3
            cos, sin = round(math.cos(angle), 15), round(math.sin(angle), 15)
            turned = list(point)
            turned[j], turned[k] = cos * point[j] - sin * point[k], sin * point[j] + cos * point[k]
            point = turned
        elif step.tag == "scale":
            point = [x * float(given[axis] or 1.0) for x, axis in zip(point, "xyz")]
        elif step.tag == "translate":
            point = [x + float(given[axis] or 0.0) for x, axis in zip(point, "xyz")]
        else:
            raise ValueError(step.tag)
    return point


def faces_of(shape):
    """Corner and two neighbours of every face of a rectangle or cube before its transform."""
    if shape.get("type") == "rectangle":
        return [([-1, -1, 0], [1, -1, 0], [-1, 1, 0])]
    faces = []
    for axis, side in itertools.product(range(3), (-1, 1)):
        corners = []
        for u, v in ((-1, -1), (1, -1), (-1, 1)):
            corner = [0, 0, 0]
            corner[axis], corner[(axis + 1) % 3], corner[(axis + 2) % 3] = side, u, v
            corners.append(corner)
        faces.append(tuple(corners))
    return faces


def scene_of(folder, job):
    root = ElementTree.parse(folder / job["scene"]["file"]).getroot()
    materials = {}
    for bsdf in root.iter("bsdf"):
        name = bsdf.get("id").removeprefix("mat-")
        thickness = next((float(f.get("value")) for f in bsdf.iter("float") if f.get("name") == "thickness"), 0.1)
        materials[name] = (bsdf.find("string").get("value"), thickness)
    for name, values in job.get("materials", {}).items():
        materials[name] = (materials[name][0], values["thickness_m"])
    rectangles = []
    for shape in root.iter("shape"):
        material = shape.find("ref").get("id").removeprefix("mat-")
        for corners in faces_of(shape):
            a, b, c = (point_after(shape.find("transform"), corner) for corner in corners)
            rectangles.append(Rectangle(a, sub(b, a), sub(c, a), material))
    return rectangles, materials


def receivers_of(folder, job):
    """Receivers by name; those of a table are called after it and numbered."""
    for written in job["receivers"]:
        if "position_m" in written:
            yield written
            continue
        with open(folder / written["file"], newline="") as table:
            for i, row in enumerate(csv.DictReader(table)):
                position = [float(row[axis]) for axis in ("x_m", "y_m", "z_m")]
                yield {"name": f"{written['name']}{i}", "position_m": position}


def link(receiver, transmitter, paths, complete):
    return {"receiver": receiver["name"], "transmitter": transmitter["name"], "complete": complete, "paths": paths}


def whole_scene(folder, job, every=1):
    """All paths of all links, or of those of every so manieth receiver, of a scene of rectangles and cubes."""
    rectangles, materials = scene_of(folder, job)
    frequency, depth = job["carrier_ghz"] * 1e9, job["solver"]["max_depth"]
    least = 0 if "line_of_sight" in job["solver"]["interactions"] else 1
    ends = lambda r, t: (t["position_m"], r["position_m"])
    return {
        "links": [
            link(r, t, paths_of(rectangles, materials, *ends(r, t), depth, frequency, least), True)
            for r in itertools.islice(receivers_of(folder, job), 0, None, every)
            for t in job["transmitters"]
        ]
    }


def a_part(folder, job):
    """As whole_scene, of every sixth receiver: there are many."""
    return whole_scene(folder, job, 6)


def generated_city(_, job):
    """What holds whatever the city looks like: the streets through the origin are straight, 16 m wide and free.

    From bs1 above the origin a receiver in such a street is seen directly and by way of the ground.
    """
    street_m = job["scene"]["generate"].get("street_m", [12.0, 20.0])
    half_width = sum(street_m) / 4.0
    ground = Rectangle([-1e4, -1e4, 0.0], [2e4, 0.0, 0.0], [0.0, 2e4, 0.0], "ground")
    materials = {"ground": ("concrete", math.inf)}
    bs1 = job["transmitters"][0]
    in_street = [r for r in job["receivers"] if min(abs(r["position_m"][0]), abs(r["position_m"][1])) < half_width]
    links = []
    for r in in_street:
        paths = paths_of([ground], materials, bs1["position_m"], r["position_m"], 1, job["carrier_ghz"] * 1e9)
        links.append(link(r, bs1, paths, False))
    return {"scene": {"triangles": job["scene"]["generate"]["triangles"]}, "links": links}


class Panel:
    """An antenna of TR 38.901 elements in the y-z plane, all in phase, turned by yaw and pitch."""

    def __init__(self, antenna, orientation_deg):
        array = antenna["array"]
        self.offsets = [
            (0.5 * (j - (array["columns"] - 1) / 2), -0.5 * (i - (array["rows"] - 1) / 2))
            for j in range(array["columns"])
            for i in range(array["rows"])
        ]
        yaw, pitch, roll = map(math.radians, orientation_deg)
        assert antenna["element"] == "tr38901" and roll == 0.0
        sy, cy, sp, cp = math.sin(yaw), math.cos(yaw), math.sin(pitch), math.cos(pitch)
        # Rows of the transpose of Rz Ry: from global to own coordinates.
        self.turn = [[cy * cp, sy * cp, -sp], [-sy, cy, 0.0], [cy * sp, sy * sp, cp]]

    def field(self, direction):
        """The complex field vector that leaves in a unit direction, of power 1 into the whole array."""
        k = [dot(row, direction) for row in self.turn]
        theta, phi = math.degrees(math.acos(k[2])), math.degrees(math.atan2(k[1], k[0]))
        loss_db = min(min(12 * ((theta - 90) / 65) ** 2, 30) + min(12 * (phi / 65) ** 2, 30), 30)
        factor = sum(cmath.exp(2j * math.pi * (k[1] * y + k[2] * z)) for y, z in self.offsets)
        amplitude = 10 ** ((8 - loss_db) / 20) * factor / math.sqrt(len(self.offsets))
        own = theta_of(k)
        return [amplitude * sum(self.turn[row][axis] * own[row] for row in range(3)) for axis in range(3)]


def gain_over(panel, points, ground, material, frequency):
    """Path gain of the direct path or of that over the ground, to a receiver that takes both polarisations."""
    length = sum(norm(sub(b, a)) for a, b in zip(points, points[1:]))
    k = unit(sub(points[1], points[0]))
    field = panel.field(k)
    if len(points) == 3:
        k_r = unit(sub(points[2], points[1]))
        r_s, r_p = coefficients(material, abs(dot(k, ground.normal)), frequency)
        s = unit(cross(k, ground.normal))
        field = add(mul(s, r_s * dot(field, s)), mul(cross(k_r, s), r_p * dot(field, cross(k, s))))
    return (C / frequency / (4.0 * math.pi * length)) ** 2 * sum(abs(x) ** 2 for x in field)


def city_map(_, job):
    """What holds whatever the city looks like, in the free street along x that the first transmitter looks into.

    From above the origin a cell gets the direct path and that over the ground at least. At most, it gets all images of up
    to three reflections between two walls and over the ground, 12 in all, none stronger than the direct path.
    """
    frequency, survey, transmitter = job["carrier_ghz"] * 1e9, job["map"], job["transmitters"][0]
    panel = Panel(job["antennas"][transmitter["antenna"]], transmitter["orientation_deg"])
    ground = Rectangle([-1e4, -1e4, 0.0], [2e4, 0.0, 0.0], [0.0, 2e4, 0.0], "ground")
    columns, rows = (round(size / cell) for size, cell in zip(survey["size_m"], survey["cell_m"]))
    low = [middle - size / 2.0 for middle, size in zip(survey["centre_m"], survey["size_m"])]
    cells = []
    for v, u in itertools.product(range(rows), range(0, columns, 3)):
        x, y = (edge + (i + 0.5) * side for edge, i, side in zip(low, (u, v), survey["cell_m"]))
        # The street is 8 m wide on either side; nearer to the panel its pattern falls off.
        if abs(y) > 6.5 or x < 40.0:
            continue
        source, point = transmitter["position_m"], [x, y, survey["centre_m"][2]]
        (bounce,) = vertices_of([ground], [ground], source, point)
        direct, reflected = (
            gain_over(panel, points, ground, ("concrete", math.inf), frequency)
            for points in ([source, point], [source, bounce, point])
        )
        bounds = {"at_least": direct + reflected, "at_most": 12.0 * direct}
        cells.append({"transmitter": transmitter["name"], "u": u, "v": v, "position_m": point, **bounds})
    noise = 1.380_649e-23 * 290.0 * survey["bandwidth_mhz"] * 1e6 * 10 ** (survey["noise_figure_db"] / 10)
    power = [10 ** (t["power_dbm"] / 10) * 1e-3 for t in job["transmitters"]]
    scene = {"triangles": job["scene"]["generate"]["triangles"]}
    return {"scene": scene, "tolerance": {"path_gain": 1e-9}, "noise_w": noise, "power_w": power, "cells": cells}


SCENES = {
    "free_space": (whole_scene, "Friis: |a| = lambda/(4 pi r)"),
    "two_ray": (whole_scene, "two-ray formula: image of the transmitter in the ground, Fresnel half space"),
    "corner": (whole_scene, "images in two walls by brute force over all sequences of walls, Fresnel slabs"),
    "street_canyon": (whole_scene, "brute force over all sequences of faces by the image method, Fresnel slabs"),
    "noisy_wall": (whole_scene, "image of the transmitter in the wall, Fresnel slab"),
    "noisy_street": (a_part, "brute force over all sequences of faces by the image method, Fresnel slabs"),
    "urban_block": (generated_city, "number of triangles; direct and ground-reflected paths in the free streets"),
    "coverage": (city_map, "direct and ground-reflected power in a free street, with the pattern of the panel; thermal noise"),
}
# Same formulas in the same precision: rounding of some hundred operations, and the phase of a thick slab.
TOLERANCE = {"length_m": 1e-12, "delay_s": 1e-12, "abs_a": 1e-9, "phase_a_rad": 1e-8}


def same(a, b):
    """Equal but for the last digits, which differ between C libraries."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return math.isclose(a, b, rel_tol=1e-11, abs_tol=1e-11) if isinstance(a, float) else a == b


def main():
    here = Path(__file__).resolve().parent
    for name, (solve, source) in SCENES.items():
        folder = here / name
        job = tomllib.loads((folder / "job.toml").read_text())
        result = {"source": f"scenes/expected.py: {source}", "tolerance": TOLERANCE, **solve(folder, job)}
        file = folder / "expected.json"
        paths = sum(len(one["paths"]) for one in result.get("links", []))
        if "--check" in sys.argv[1:]:
            if not same(json.loads(file.read_text()), result):
                sys.exit(f"{file} is not what expected.py computes")
        else:
            file.write_text(json.dumps(result, indent=1) + "\n")
        print(f"{name}: {len(result.get('links', []))} links, {paths} paths, {len(result.get('cells', []))} cells")


if __name__ == "__main__":
    main()
