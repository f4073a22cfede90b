"""The picture of run.py: the street from above with the error at each receiver, specular reflection above lobes, and the mean
errors of all scans beside. A PNG of its own making, so that Python's standard library is enough."""

import math
import struct
import xml.etree.ElementTree as ElementTree
import zlib

# Pixels per metre, width of a panel and of the margins [pixels].
SCALE, MARGIN = 12, 40
INK, PAPER, HOUSE, GREY = (40, 40, 40), (255, 255, 255), (205, 200, 190), (150, 150, 150)
SPECULAR, LOBE = (200, 90, 60), (50, 120, 180)
# Errors are coloured up to this [dB].
MOST_DB = 15.0
# Letters of 5 x 7 pixels, a byte for each column, the top in the lowest bit.
FONT = {
    " ": "0000000000", "%": "2313086462", "(": "001C224100", ")": "0041221C00", "+": "08083E0808", ",": "0050300000",
    "-": "0808080808", ".": "0060600000", "/": "2010080402", ":": "0036360000", "_": "4040404040", "0": "3E5149453E",
    "1": "00427F4000", "2": "4261514946", "3": "2141454B31", "4": "1814127F10", "5": "2745454539", "6": "3C4A494930",
    "7": "0171090503", "8": "3649494936", "9": "064949291E", "a": "2054545478", "b": "7F48444438", "c": "3844444420",
    "d": "384444487F", "e": "3854545418", "f": "087E090102", "g": "0C5252523E", "h": "7F08040478", "i": "00447D4000",
    "j": "2040443D00", "k": "7F10284400", "l": "00417F4000", "m": "7C04180478", "n": "7C08040478", "o": "3844444438",
    "p": "7C14141408", "q": "081414187C", "r": "7C08040408", "s": "4854545420", "t": "043F444020", "u": "3C4040207C",
    "v": "1C2040201C", "w": "3C4030403C", "x": "4428102844", "y": "0C5050503C", "z": "4464544C44", "B": "7F49494936",
    "H": "7F0808087F", "G": "3E4149497A",
}


class Canvas:
    def __init__(self, width, height):
        self.width, self.height = width, height
        self.pixels = bytearray(bytes(PAPER) * (width * height))

    def dot(self, x, y, colour):
        if 0 <= x < self.width and 0 <= y < self.height:
            place = 3 * (y * self.width + x)
            self.pixels[place : place + 3] = bytes(colour)

    def box(self, x0, y0, x1, y1, colour):
        for y in range(max(round(y0), 0), min(round(y1), self.height)):
            for x in range(max(round(x0), 0), min(round(x1), self.width)):
                self.dot(x, y, colour)

    def disc(self, x, y, radius, colour, hollow=0.0):
        for j in range(math.floor(y - radius), math.ceil(y + radius) + 1):
            for i in range(math.floor(x - radius), math.ceil(x + radius) + 1):
                if hollow <= math.hypot(i - x, j - y) <= radius:
                    self.dot(i, j, colour)

    def text(self, x, y, words, colour=INK, size=2):
        for letter in words:
            for column, bits in enumerate(bytes.fromhex(FONT[letter])):
                for line in range(7):
                    if bits >> line & 1:
                        self.box(x + column * size, y + line * size, x + (column + 1) * size, y + (line + 1) * size, colour)
            x += 6 * size

    def write(self, file):
        lines = (b"\0" + self.pixels[3 * y * self.width : 3 * (y + 1) * self.width] for y in range(self.height))
        chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        head = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        file.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"".join(lines), 9)) + chunk(b"IEND", b""))


def colour_of(error):
    """Blue for too little power, white for the truth, red for too much."""
    share = max(-1.0, min(1.0, error / MOST_DB))
    end = (180, 20, 30) if share > 0 else (25, 60, 170)
    return tuple(round(245 + (channel - 245) * abs(share)) for channel in end)


def footprints(scene):
    """x0, y0, x1, y1 [m] of what stands on the ground."""
    boxes = []
    for shape in ElementTree.parse(scene).getroot().iter("shape"):
        if shape.get("type") == "cube":
            scale, move = (shape.find(f"transform/{step}") for step in ("scale", "translate"))
            half, middle = ([float(step.get(axis)) for axis in "xy"] for step in (scale, move))
            boxes.append((middle[0] - half[0], middle[1] - half[1], middle[0] + half[0], middle[1] + half[1]))
    return boxes


def street(canvas, top, title, truth, found, boxes, floor):
    """One panel: the street and the error at each receiver that truth reaches; its height [pixels]."""
    low_x, high_y = min(box[0] for box in boxes), max(box[3] for box in boxes)
    at = lambda x, y: (MARGIN + (x - low_x) * SCALE, top + 26 + (high_y - y) * SCALE)
    canvas.text(MARGIN, top, title)
    for x0, y0, x1, y1 in boxes:
        canvas.box(*at(x0, y1), *at(x1, y0), HOUSE)
    any_link = next(iter(truth["links"].values()))
    x, y = at(float(any_link["tx_x_m"]), float(any_link["tx_y_m"]))
    canvas.box(x - 7, y - 7, x + 8, y + 8, INK)
    canvas.text(round(x) + 12, round(y) - 6, "tx")
    for name, link in truth["links"].items():
        if not link["path_gain_db"]:
            continue
        x, y = at(float(link["rx_x_m"]), float(link["rx_y_m"]))
        error = max(found["gain"][name] - truth["gain"][name], -floor)
        radius = 9 if link["line_of_sight"] == "no" else 5
        canvas.disc(x, y, radius + 1, INK)
        canvas.disc(x, y, radius, colour_of(error))
        if math.isinf(found["gain"][name]):
            for d in range(-6, 7):
                canvas.box(x + d - 1, y + d - 1, x + d + 1, y + d + 1, PAPER)
                canvas.box(x + d - 1, y - d - 1, x + d + 1, y - d + 1, PAPER)
    return round((high_y - min(box[1] for box in boxes)) * SCALE) + 44


def scale(canvas, left, top):
    """The colours of errors."""
    for i in range(240):
        canvas.box(left + i, top, left + i + 1, top + 14, colour_of((i / 119.5 - 1.0) * MOST_DB))
    for place, label in ((-8, f"-{MOST_DB:.0f}"), (116, "0"), (222, f"+{MOST_DB:.0f} dB")):
        canvas.text(left + place, top + 20, label)
    for line, words in enumerate(("large: no line of sight", "small: line of sight", "cross: nothing arrives")):
        canvas.text(left, top + 50 + 22 * line, words)


def bars(canvas, left, top, means):
    """The mean absolute errors of each scan [dB]."""
    canvas.text(left, top, "mean error, no line of sight")
    longest = max(max(pair) for pair in means.values())
    for line, (preset, pair) in enumerate(means.items()):
        y = top + 34 + 78 * line
        canvas.text(left, y, preset)
        for k, (value, colour) in enumerate(zip(pair, (SPECULAR, LOBE))):
            width = 230 * value / longest
            canvas.box(left, y + 20 + 20 * k, left + width, y + 36 + 20 * k, colour)
            canvas.text(left + round(width) + 6, y + 21 + 20 * k, f"{value:.2f} dB")
    y = top + 34 + 78 * len(means)
    canvas.text(left, y, "specular", SPECULAR)
    canvas.text(left + 120, y, "lobe", LOBE)


def draw(file, truth, found, scene, floor, shown="lidar_1"):
    """Writes the picture: maps of one scan, means of all; a missing path counts as -floor dB."""
    boxes = footprints(scene)
    width = round((max(box[2] for box in boxes) - min(box[0] for box in boxes)) * SCALE)
    tall = round((max(box[3] for box in boxes) - min(box[1] for box in boxes)) * SCALE) + 44
    canvas = Canvas(width + 2 * MARGIN + 360, 2 * tall + 40)
    top = 16
    for kind, one in zip(("specular reflection", "lobes"), found[shown]):
        top += street(canvas, top, f"{shown}, {kind}: error of the received power", truth, one, boxes, floor)
    names = [name for name, link in truth["links"].items() if link["line_of_sight"] == "no" and link["path_gain_db"]]
    error = lambda one, name: abs(max(one["gain"][name] - truth["gain"][name], -floor))
    means = {preset: [sum(error(one, name) for name in names) / len(names) for one in pair] for preset, pair in found.items()}
    scale(canvas, width + MARGIN + 40, 60)
    bars(canvas, width + MARGIN + 40, 220, means)
    canvas.write(file)
