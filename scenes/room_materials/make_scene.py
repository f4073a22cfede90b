#!/usr/bin/env python3
"""Writes scene.obj and receivers.csv beside this file.

The scene is a hall of 30 m x 60 m x 3 m with a floor, a ceiling and 100 wall facets, of three materials: outer walls with
bays, blocks that stand from floor to ceiling, and pillars; nothing is symmetric. Walls face the air. The receivers are 256
points of a Halton sequence that are not within 0.3 m of a wall.
"""

from pathlib import Path

WIDTH, LENGTH, HEIGHT = 30.0, 60.0, 3.0
# Bays of the two long walls, as (from y, to y, depth into the room): each adds four facets to its wall.
WEST = [(4.0, 9.5, 1.2), (14.0, 17.0, 2.5), (23.0, 31.0, 0.8), (38.0, 41.5, 3.1), (49.0, 54.0, 1.7)]
EAST = [(6.5, 8.0, 2.2), (12.0, 20.5, 1.0), (27.0, 30.0, 2.8), (35.5, 45.0, 0.6), (51.0, 53.5, 3.4)]
# Blocks as (x, y, size x, size y).
BLOCKS = [
    (8.0, 8.5, 6.0, 0.3), (19.0, 6.0, 0.25, 7.0), (11.5, 17.0, 0.3, 5.5), (16.0, 24.0, 7.5, 0.3),
    (6.0, 30.5, 5.0, 0.25), (20.5, 35.0, 0.3, 6.5), (9.0, 41.0, 0.25, 6.0), (14.5, 49.0, 6.0, 0.3),
]
# Pillars as (x, y, side).
PILLARS = [(14.8, 12.2, 0.6), (7.3, 24.6, 0.5), (24.9, 22.1, 0.6), (15.2, 33.7, 0.7), (13.6, 44.3, 0.5), (25.4, 48.2, 0.6)]


def outline():
    """Corners of the outer walls, counterclockwise from above."""
    east, west = [], []
    for low, high, depth in EAST:
        east += [(WIDTH, low), (WIDTH - depth, low), (WIDTH - depth, high), (WIDTH, high)]
    for low, high, depth in reversed(WEST):
        west += [(0.0, high), (depth, high), (depth, low), (0.0, low)]
    return [(0.0, 0.0), (WIDTH, 0.0), *east, (WIDTH, LENGTH), (0.0, LENGTH), *west]


def rectangle(x, y, width, length):
    """Corners, clockwise from above: walls that face outwards."""
    return [(x, y), (x, y + length), (x + width, y + length), (x + width, y)]


RECEIVERS, CLEARANCE, RECEIVER_HEIGHT = 256, 0.3, 1.5


def halton(index, base):
    """Element of the van der Corput sequence."""
    value, share = 0.0, 1.0
    while index:
        share /= base
        value += share * (index % base)
        index //= base
    return value


def is_free(x, y):
    """Whether nothing is within the clearance of a point."""
    solid = [(bx, by, bx + w, by + l) for bx, by, w, l in BLOCKS]
    solid += [(px, py, px + side, py + side) for px, py, side in PILLARS]
    solid += [(0.0, low, depth, high) for low, high, depth in WEST]
    solid += [(WIDTH - depth, low, WIDTH, high) for low, high, depth in EAST]
    c = CLEARANCE
    inside = c < x < WIDTH - c and c < y < LENGTH - c
    return inside and not any(x0 - c < x < x1 + c and y0 - c < y < y1 + c for x0, y0, x1, y1 in solid)


def receivers():
    """x and y of the receivers."""
    points, index = [], 1
    while len(points) < RECEIVERS:
        x, y = WIDTH * halton(index, 2), LENGTH * halton(index, 3)
        points += [(x, y)] if is_free(x, y) else []
        index += 1
    return points


def main():
    vertices, groups = [], []

    def face(name, material, corners):
        first = len(vertices) + 1
        vertices.extend(corners)
        groups.append((name, material, [first + k for k in range(len(corners))]))

    whole = [(0.0, 0.0), (WIDTH, 0.0), (WIDTH, LENGTH), (0.0, LENGTH)]
    face("floor", "floor", [(x, y, 0.0) for x, y in whole])
    face("ceiling", "ceiling", [(x, y, HEIGHT) for x, y in reversed(whole)])
    loops = [outline()] + [rectangle(*block) for block in BLOCKS]
    loops += [rectangle(x, y, side, side) for x, y, side in PILLARS]
    count = 0
    for loop in loops:
        for (x0, y0), (x1, y1) in zip(loop, loop[1:] + loop[:1]):
            face(f"wall_{count}", "wall", [(x1, y1, 0.0), (x0, y0, 0.0), (x0, y0, HEIGHT), (x1, y1, HEIGHT)])
            count += 1
    lines = ["# Written by make_scene.py."] + [f"v {x:g} {y:g} {z:g}" for x, y, z in vertices]
    for name, material, corners in groups:
        lines += [f"o {name}", f"usemtl {material}", "f " + " ".join(map(str, corners))]
    here = Path(__file__).resolve().parent
    (here / "scene.obj").write_text("\n".join(lines) + "\n")
    rows = ["x_m,y_m,z_m"] + [f"{x:.4f},{y:.4f},{RECEIVER_HEIGHT:g}" for x, y in receivers()]
    (here / "receivers.csv").write_text("\n".join(rows) + "\n")
    print(f"{count} wall facets")


if __name__ == "__main__":
    main()
