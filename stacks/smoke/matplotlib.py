"""matplotlib draws a line without a display and writes it as a PNG of the asked size."""

import struct

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

figure, axes = pyplot.subplots(figsize=(2, 1), dpi=100)
axes.plot([0, 1, 2], [0, 1, 4])
figure.savefig("line.png")
with open("line.png", "rb") as file:
    png = file.read()
assert png[:8] == b"\x89PNG\r\n\x1a\n"
assert struct.unpack(">II", png[16:24]) == (200, 100)
