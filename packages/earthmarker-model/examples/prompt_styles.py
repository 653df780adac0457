"""Draw the same marks in every style, and put them side by side into one PNG.

python prompt_styles.py styles.png [scene.png]
"""

import sys
from itertools import product

import numpy as np
from PIL import Image, ImageDraw

from earthmarker.prompts import Box, Mask, Point, Polygon, PromptStyle, draw_prompt

SIDE = 256  # of the canvas that the encoders see
HEAD = 18


def main(out: str, image: str | None = None) -> None:
    """A row for each shape, a column for each way to tell marks apart."""
    picture = Image.open(image).convert("RGB") if image else Image.new("RGB", (640, 400), "#4f7048")
    width, height = picture.size
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    disc = (columns / width - 0.82) ** 2 + (rows / height - 0.7) ** 2 < 0.012
    marks = [
        Box(0.05 * width, 0.1 * height, 0.45 * width, 0.5 * height),
        Box(0.15 * width, 0.2 * height, 0.25 * width, 0.35 * height),  # inside the first, and still seen
        Point(0.7 * width, 0.25 * height),
        Polygon(((0.1 * width, 0.9 * height), (0.4 * width, 0.65 * height), (0.5 * width, 0.95 * height))),
        Mask(disc),
    ]
    shapes = ("filled", "outline", "overlay")
    identities = tuple(product((True, False), repeat=2))
    sheet = Image.new("RGB", (len(identities) * (SIDE + 8), len(shapes) * (SIDE + HEAD + 8)), "white")
    pen = ImageDraw.Draw(sheet)
    for y, shape in enumerate(shapes):
        for x, (palette, digits) in enumerate(identities):
            style = PromptStyle(shape=shape, palette=palette, digits=digits)
            drawn = draw_prompt(marks, width, height, SIDE, style=style, picture=picture)
            left, top = x * (SIDE + 8), y * (SIDE + HEAD + 8)
            pen.text((left + 2, top + 3), f"{shape}, palette={palette}, digits={digits}", fill="black")
            sheet.paste(drawn, (left, top + HEAD))
    sheet.save(out)
    print(f"{out}: {len(shapes) * len(identities)} styles, {sheet.width} x {sheet.height} pixels")


if __name__ == "__main__":
    main(*sys.argv[1:3])
