"""What fills a scene without being annotated: trees, roofs, containers, paint on the ground."""

from __future__ import annotations

from rsvp_builder.demo.palette import BOXES, ROOFS, STEEL, WHITE, shaded
from rsvp_builder.demo.pen import Footprint, Pen


def tree(pen: Pen) -> None:
    """A crown in a few lumps, lighter on the sunny side."""
    green = pen.choose(((62, 88, 52), (74, 100, 58), (54, 80, 56)))
    pen.disc(shaded(green, 0.85), 0, 0, 0.86)
    for _ in range(5):
        u, v = (float(x) for x in pen.rng.uniform(-0.5, 0.5, 2))
        pen.disc(shaded(green, 1.05 - 0.15 * (u + v)), u, v, 0.42)


def house(pen: Pen) -> None:
    """A hipped roof, its four faces lit differently."""
    roof = pen.choose(ROOFS)
    ridge = max(0.0, 1 - 1 / pen.aspect)
    pen.polygon(shaded(roof, 1.08), (-1, -1), (0, -ridge), (0, ridge), (-1, 1))
    pen.polygon(shaded(roof, 0.8), (1, -1), (0, -ridge), (0, ridge), (1, 1))
    pen.polygon(shaded(roof, 1.16), (-1, -1), (1, -1), (0, -ridge))
    pen.polygon(shaded(roof, 0.88), (-1, 1), (1, 1), (0, ridge))
    pen.line(shaded(roof, 1.25), 0.04, (0, -ridge), (0, ridge))


def hall(pen: Pen) -> None:
    """A flat roof with a parapet and vents."""
    roof = pen.choose(((188, 186, 180), (164, 168, 170), (172, 160, 146)))
    pen.rect(shaded(roof, 1.15), -1, -1, 1, 1)
    edge = 0.06
    pen.rect(roof, -1 + edge, -1 + edge / pen.aspect, 1 - edge, 1 - edge / pen.aspect)
    for v in (-0.6, -0.1, 0.5):
        pen.rect(shaded(roof, 0.78), -0.5, v, -0.2, v + 0.2 / pen.aspect)
        pen.rect(shaded(roof, 1.2), 0.3, v, 0.5, v + 0.3 / pen.aspect)


def containers(pen: Pen) -> None:
    """A block of stacked containers in many colours."""
    rows = 6
    for i in range(rows):
        for j in range(2):
            u, v = -1 + j, -1 + 2 * i / rows
            pen.rect(shaded(STEEL, 0.5), u, v, u + 1, v + 2 / rows)
            pen.rect(pen.choose(BOXES), u + 0.02, v + 0.03, u + 0.97, v + 2 / rows - 0.02)


def stripe(pen: Pen) -> None:
    """White road paint."""
    pen.rect(shaded(WHITE, 0.94), -1, -1, 1, 1)


def yellow_line(pen: Pen) -> None:
    """A taxiway's guide line."""
    pen.rect((214, 182, 78), -1, -1, 1, 1)


FURNISHINGS: dict[str, Footprint] = {
    "tree": Footprint(tree, 7, 7, height=4),
    "house": Footprint(house, 10, 14, height=5),
    "hall": Footprint(hall, 30, 50, height=8),
    "containers": Footprint(containers, 26, 18, height=6),
    "stripe": Footprint(stripe, 0.3, 4),
    "yellow-line": Footprint(yellow_line, 0.4, 40),
}
