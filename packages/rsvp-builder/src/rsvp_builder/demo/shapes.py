"""What each class of DOTA looks like from above.

Every shape fills its frame and touches all four sides of it, so that the quad around it is tight.
"""

from __future__ import annotations

from rsvp_builder.demo.palette import (
    ASPHALT,
    BOXES,
    CONCRETE,
    DARK,
    GLASS,
    PAINTS,
    TURF,
    WHITE,
    Colour,
    shaded,
)
from rsvp_builder.demo.pen import Footprint, Pen

COURTS: tuple[tuple[Colour, Colour], ...] = (
    ((86, 128, 92), (62, 104, 146)),
    ((74, 116, 84), (176, 98, 72)),
    ((152, 92, 74), (84, 128, 88)),
)


def plane(pen: Pen) -> None:
    """A jet: swept wings, tailplane, engines, a coloured fin."""
    skin = shaded(WHITE, float(pen.rng.uniform(0.92, 1.04)))
    shade = shaded(skin, 0.84)
    livery = pen.choose(((40, 78, 140), (176, 48, 46), (36, 110, 108), (214, 146, 48)))
    pen.mirrored(DARK, (0.3, -0.16), (0.39, -0.16), (0.39, 0.08), (0.3, 0.08))
    pen.mirrored(shade, (0.05, -0.24), (0.98, 0.3), (1.0, 0.42), (0.4, 0.22), (0.05, 0.22))
    pen.mirrored(skin, (0.05, -0.24), (0.98, 0.3), (0.98, 0.33), (0.05, 0.06))
    pen.mirrored(shade, (0.04, 0.68), (0.36, 0.9), (0.37, 0.98), (0.04, 0.93))
    pen.oval(skin, 0, -0.7, 0.105, 0.3)
    pen.rect(skin, -0.105, -0.7, 0.105, 0.5)
    pen.polygon(skin, (-0.105, 0.5), (0.105, 0.5), (0.03, 1.0), (-0.03, 1.0))
    pen.rect(shaded(skin, 1.06), -0.035, -0.85, 0.035, 0.6)
    pen.polygon(livery, (0, 0.62), (0.035, 0.84), (0.025, 1.0), (-0.025, 1.0), (-0.035, 0.84))
    pen.polygon(GLASS, (-0.06, -0.88), (0.06, -0.88), (0.045, -0.93), (-0.045, -0.93))


def ship(pen: Pen) -> None:
    """A slender hull: a freighter with hatches and a bridge when long, else a white motor yacht."""
    hull = ((-0.94, -0.62), (-0.5, -0.86), (0, -1.0), (0.5, -0.86), (0.94, -0.62))
    if pen.aspect > 4:
        side, deck = (
            pen.choose(((52, 58, 66), (122, 46, 40), (40, 62, 92))),
            pen.choose(((148, 82, 66), (126, 116, 102))),
        )
        pen.polygon(side, *hull, (1.0, -0.5), (1.0, 0.9), (0.8, 1.0), (-0.8, 1.0), (-1.0, 0.9), (-1.0, -0.5))
        pen.polygon(deck, (0, -0.94), (0.76, -0.6), (0.8, 0.94), (-0.8, 0.94), (-0.76, -0.6))
        for i in range(5):
            top = -0.56 + i * 0.24
            pen.rect(pen.choose(BOXES), -0.58, top, 0.58, top + 0.18)
        pen.rect(WHITE, -0.84, 0.66, 0.84, 0.86)
        pen.rect(GLASS, -0.8, 0.66, 0.8, 0.685)
        pen.disc(DARK, 0, 0.79, 0.3)
        return
    pen.polygon(WHITE, *hull, (1.0, -0.2), (0.9, 1.0), (-0.9, 1.0), (-1.0, -0.2))
    pen.polygon((198, 170, 128), (0, -0.8), (0.62, -0.5), (0.66, 0.9), (-0.66, 0.9), (-0.62, -0.5))
    pen.rect(WHITE, -0.62, -0.4, 0.62, 0.5, 0.3)
    pen.rect(GLASS, -0.5, -0.34, 0.5, -0.16, 0.15)
    pen.rect(pen.choose(((54, 92, 140), (206, 206, 202), (170, 70, 58))), -0.5, 0.56, 0.5, 0.84)


def storage_tank(pen: Pen) -> None:
    """A round tank: bright roof with a rim, shaded towards the sun's far side, a ladder."""
    roof = pen.choose((WHITE, (214, 214, 208), (186, 190, 188)))
    pen.disc(shaded(roof, 0.74), 0, 0, 1.0)
    pen.disc(roof, 0, 0, 0.93)
    pen.sector(shaded(roof, 0.9), 0, 0, 0.86, -50, 130)
    pen.disc(shaded(roof, 0.97), 0, 0, 0.8)
    for angle in range(0, 180, 45):
        pen.arc(shaded(roof, 0.86), 0.03, 0, 0, 0.8, angle * 2, angle * 2 + 45)
    pen.line(shaded(roof, 0.7), 0.05, (0, 0), (0.62, 0.62))
    pen.disc(shaded(roof, 0.62), 0, 0, 0.1)


def baseball_diamond(pen: Pen) -> None:
    """A quarter of a circle from the home plate in the corner: infield sand, grass square, bases."""
    sand: Colour = (184, 138, 96)
    home = (-0.93, -0.93)
    pen.sector(sand, -1, -1, 2.0, 0, 90)
    pen.sector(TURF[0], *home, 1.8, 0, 90)
    for radius in (1.68, 1.44, 1.2):
        pen.arc(TURF[1], 0.12, *home, radius, 0, 90)
    pen.sector(sand, *home, 1.04, 0, 90)
    pen.rect(TURF[1], -0.8, -0.8, -0.28, -0.28)
    pen.line(WHITE, 0.025, (0.87, -0.93), home, (-0.93, 0.87))
    pen.sector(sand, *home, 0.2, 0, 90)
    pen.disc(sand, -0.54, -0.54, 0.09)
    for u, v in ((-0.9, -0.9), (-0.24, -0.9), (-0.24, -0.24), (-0.9, -0.24)):
        pen.rect(WHITE, u - 0.03, v - 0.03, u + 0.03, v + 0.03)


def tennis_court(pen: Pen) -> None:
    """A court with its run-off: tramlines, service boxes, the net."""
    outer, inner = COURTS[int(pen.rng.integers(len(COURTS)))]
    pen.rect(outer, -1, -1, 1, 1)
    pen.rect(inner, -0.62, -0.66, 0.62, 0.66)
    pen.frame(WHITE, 0.035, -0.62, -0.66, 0.62, 0.66)
    for u in (-0.46, 0.46):
        pen.line(WHITE, 0.03, (u, -0.66), (u, 0.66))
    for v in (-0.36, 0.36):
        pen.line(WHITE, 0.03, (-0.46, v), (0.46, v))
    pen.line(WHITE, 0.03, (0, -0.36), (0, 0.36))
    pen.line(DARK, 0.05, (-0.7, 0), (0.7, 0))


def basketball_court(pen: Pen) -> None:
    """A warm floor with painted keys, three-point arcs, the centre circle."""
    floor = pen.choose(((196, 142, 92), (186, 128, 82)))
    paint = pen.choose(((70, 96, 148), (150, 58, 50)))
    pen.rect(paint, -1, -1, 1, 1)
    pen.rect(floor, -0.9, -0.94, 0.9, 0.94)
    for end in (-1, 1):
        low, high = sorted((end * 0.94, end * 0.56))
        pen.rect(paint, -0.3, low, 0.3, high)
        pen.frame(WHITE, 0.03, -0.3, low, 0.3, high)
        pen.arc(WHITE, 0.035, 0, end * 0.86, 0.78, 0 if end < 0 else 180, 180 if end < 0 else 360)
    pen.disc(paint, 0, 0, 0.24)
    pen.ring(WHITE, 0.03, 0, 0, 0.24)
    pen.line(WHITE, 0.03, (-0.9, 0), (0.9, 0))
    pen.frame(WHITE, 0.035, -0.9, -0.94, 0.9, 0.94)


def ground_track_field(pen: Pen) -> None:
    """A red running track with lanes around grass."""
    red: Colour = (168, 80, 64)
    pen.rect(red, -1, -1, 1, 1, corner=1.0)
    for lane in range(1, 5):
        inset = lane * 0.045
        along = inset / pen.aspect
        pen.frame((214, 150, 136), 0.008, -1 + inset, -1 + along, 1 - inset, 1 - along, corner=1 - inset)
    inset = 0.22
    pen.rect(
        TURF[0], -1 + inset, -1 + inset / pen.aspect, 1 - inset, 1 - inset / pen.aspect, corner=1 - inset
    )


def soccer_ball_field(pen: Pen) -> None:
    """Mown stripes under white lines: penalty areas, centre circle, goals."""
    for i in range(12):
        pen.rect(TURF[i % 2], -1, -1 + i / 6, 1, -1 + (i + 1) / 6)
    pen.frame(WHITE, 0.022, -0.93, -0.95, 0.93, 0.95)
    pen.line(WHITE, 0.022, (-0.93, 0), (0.93, 0))
    pen.ring(WHITE, 0.022, 0, 0, 0.27)
    for end in (-1, 1):
        low, high = sorted((end * 0.95, end * 0.65))
        pen.arc(WHITE, 0.022, 0, end * 0.74, 0.27, 35 if end < 0 else 215, 145 if end < 0 else 325)
        pen.rect(TURF[1], -0.55, low, 0.55, high)
        pen.frame(WHITE, 0.022, -0.55, low, 0.55, high)
        low, high = sorted((end * 0.95, end * 0.85))
        pen.frame(WHITE, 0.022, -0.25, low, 0.25, high)


def harbor(pen: Pen) -> None:
    """A jetty: a boardwalk with planks and mooring fingers on both sides."""
    wood = pen.choose(((160, 122, 94), (150, 112, 86)))
    count = max(3, round(pen.aspect * 2))
    for i in range(count):
        v = -0.985 + 1.97 * i / (count - 1)
        pen.rect(shaded(WHITE, 0.9), -1, v - 0.015, 1, v + 0.015)
    pen.rect(wood, -0.36, -1, 0.36, 1)
    for i in range(1, count * 3):
        v = -1 + 2 * i / (count * 3)
        pen.line(shaded(wood, 0.85), 0.04, (-0.36, v), (0.36, v))
    pen.line(shaded(wood, 1.2), 0.08, (-0.32, -1), (-0.32, 1))


def bridge(pen: Pen) -> None:
    """A road deck between pale parapets, with lane marks and expansion joints."""
    pen.rect(CONCRETE, -1, -1, 1, 1)
    pen.rect(ASPHALT, -0.78, -1, 0.78, 1)
    for u in (-0.93, 0.93):
        pen.line(shaded(CONCRETE, 1.22), 0.09, (u, -1), (u, 1))
    for v in (-0.98, -0.5, 0, 0.5, 0.98):
        pen.line(shaded(CONCRETE, 0.62), 0.05, (-1, v), (1, v))
    dashes = max(4, round(pen.aspect * 2.5))
    for i in range(dashes):
        v = -0.97 + 1.94 * i / dashes
        pen.line(WHITE, 0.05, (0, v), (0, v + 0.97 / dashes))


def large_vehicle(pen: Pen) -> None:
    """A lorry with a cab and a box, or a coach with roof hatches."""
    paint = pen.choose((WHITE, (206, 208, 208), (182, 58, 48), (52, 92, 150), (222, 176, 62), (78, 124, 96)))
    if pen.rng.random() < 0.6:
        pen.rect(shaded(paint, 0.9), -0.92, -1, 0.92, -0.66, 0.25)
        pen.rect(GLASS, -0.8, -0.95, 0.8, -0.85)
        pen.rect(DARK, -0.5, -0.68, 0.5, -0.55)
        pen.rect(shaded(paint, 0.86), -1, -0.6, 1, 1)
        pen.rect(paint, -0.86, -0.57, 0.86, 0.97)
        return
    pen.rect(shaded(paint, 0.86), -1, -1, 1, 1, 0.3)
    pen.rect(paint, -0.8, -0.95, 0.8, 0.97, 0.2)
    pen.rect(GLASS, -0.8, -0.97, 0.8, -0.88)
    for v in (-0.55, 0, 0.55):
        pen.rect(shaded(paint, 0.7), -0.32, v - 0.07, 0.32, v + 0.07)


def small_vehicle(pen: Pen) -> None:
    """A car: bonnet, windscreen, roof, rear window."""
    paint = pen.choose(PAINTS)
    pen.rect(shaded(paint, 0.88), -1, -1, 1, 1, 0.45)
    pen.rect(paint, -0.84, -0.95, 0.84, 0.95, 0.4)
    pen.rect(GLASS, -0.78, -0.42, 0.78, 0.72, 0.3)
    pen.rect(shaded(paint, 1.08), -0.74, -0.14, 0.74, 0.5, 0.2)


def helicopter(pen: Pen) -> None:
    """A fat cabin with a tail boom under a cross of rotor blades."""
    body = pen.choose(((186, 52, 44), (228, 186, 60), (70, 86, 70), WHITE))
    hub = -0.3
    pen.rect(body, -0.07, 0.0, 0.07, 0.94)
    pen.rect(shaded(body, 0.8), -0.3, 0.7, 0.3, 0.78)
    pen.rect(DARK, 0.1, 0.84, 0.16, 1.0)
    pen.polygon(body, (-0.06, 0.84), (0.1, 0.84), (0.1, 1.0), (-0.06, 1.0))
    pen.oval(body, 0, -0.36, 0.3, 0.46)
    pen.oval(GLASS, 0, -0.62, 0.22, 0.17)
    pen.rect(shaded(body, 1.14), -0.13, -0.42, 0.13, 0.1, 0.1)
    reach = 0.7 / pen.aspect
    for u, v in ((0.98, reach), (0.98, -reach)):
        pen.line((52, 54, 58), 0.055, (-u, hub - v), (u, hub + v))
    pen.line((52, 54, 58), 0.05, (0, hub), (0, -1.0))
    pen.disc(DARK, 0, hub, 0.1)


def roundabout(pen: Pen) -> None:
    """A ring of road around a planted island."""
    pen.disc(shaded(CONCRETE, 1.05), 0, 0, 1.0)
    pen.disc(ASPHALT, 0, 0, 0.97)
    for start in range(0, 360, 24):
        pen.arc((214, 214, 206), 0.025, 0, 0, 0.74, start, start + 12)
    pen.disc(shaded(CONCRETE, 1.1), 0, 0, 0.52)
    pen.disc(TURF[0], 0, 0, 0.48)
    pen.disc((190, 106, 92), 0, 0, 0.3)
    pen.disc(TURF[1], 0, 0, 0.22)
    pen.disc((54, 84, 50), 0, 0, 0.13)


def swimming_pool(pen: Pen) -> None:
    """Turquoise water in a pale coping; a large one has swimming lanes."""
    pen.rect((222, 216, 202), -1, -1, 1, 1, 0.35)
    pen.rect((58, 158, 184), -0.8, -1 + 0.2 / pen.aspect, 0.8, 1 - 0.2 / pen.aspect, 0.22)
    pen.rect((88, 186, 204), -0.7, -1 + 0.3 / pen.aspect, 0.7, 0.25, 0.2)
    if pen.aspect > 1.8:
        for u in (-0.48, -0.16, 0.16, 0.48):
            pen.line((206, 232, 234), 0.03, (u, -0.86), (u, 0.86))


def container_crane(pen: Pen) -> None:
    """A gantry: a long lattice boom over the portal that stands on the quay."""
    paint = pen.choose(((206, 92, 44), (52, 98, 158), (196, 60, 50)))
    light = shaded(paint, 1.25)
    for v in (0.1, 0.72):
        pen.rect(shaded(paint, 0.8), -1, v - 0.045, 1, v + 0.045)
    for u in (-0.93, 0.93):
        pen.rect(shaded(paint, 0.7), u - 0.07, 0.02, u + 0.07, 0.8)
    for i in range(14):
        v = -0.98 + i * 0.14
        end = min(v + 0.14, 0.98)
        pen.line(light, 0.06, (-0.26, v), (0.26, end))
        pen.line(light, 0.06, (0.26, v), (-0.26, end))
    for u in (-0.29, 0.29):
        pen.rect(paint, u - 0.07, -1, u + 0.07, 1)
    pen.rect(WHITE, -0.36, 0.34, 0.36, 0.56)
    pen.rect(DARK, -0.24, -0.3, 0.24, -0.2)


def airport(pen: Pen) -> None:
    """A perimeter track around a runway with its marks, a taxiway, an apron and the terminal."""
    pen.frame(shaded(CONCRETE, 0.92), 0.016, -1, -1, 1, 1)
    pen.rect(ASPHALT, 0.42, -0.97, 0.74, 0.97)
    for end in (-1, 1):
        for i in range(6):
            u = 0.46 + i * 0.045
            pen.line(WHITE, 0.018, (u, end * 0.93), (u, end * 0.87))
        pen.line(WHITE, 0.05, (0.53, end * 0.72), (0.53, end * 0.66))
        pen.line(WHITE, 0.05, (0.63, end * 0.72), (0.63, end * 0.66))
    for i in range(14):
        v = -0.8 + i * 0.12
        pen.line(WHITE, 0.014, (0.58, v), (0.58, v + 0.06))
    pen.rect(shaded(ASPHALT, 1.12), 0.1, -0.92, 0.22, 0.92)
    for v in (-0.92, -0.4, 0.32, 0.84):
        pen.rect(shaded(ASPHALT, 1.12), 0.16, v, 0.44, v + 0.08)
    pen.rect(CONCRETE, -0.6, -0.62, 0.12, 0.62)
    pen.line((214, 186, 84), 0.012, (0.16, -0.9), (0.16, 0.9))
    pen.rect(shaded(CONCRETE, 1.18), -0.82, -0.5, -0.58, 0.5)
    pen.rect(shaded(CONCRETE, 0.86), -0.76, -0.46, -0.66, 0.46)
    pen.rect(ASPHALT, -0.99, -0.6, -0.86, 0.6)


def helipad(pen: Pen) -> None:
    """A square pad with a ring and the letter H."""
    pad = pen.choose(((96, 112, 128), (86, 122, 104), (136, 92, 80)))
    pen.rect(shaded(CONCRETE, 1.1), -1, -1, 1, 1)
    pen.rect(pad, -0.92, -0.92, 0.92, 0.92)
    pen.ring((232, 196, 76), 0.08, 0, 0, 0.78)
    for u in (-0.3, 0.3):
        pen.rect(WHITE, u - 0.08, -0.42, u + 0.08, 0.42)
    pen.rect(WHITE, -0.3, -0.08, 0.3, 0.08)


CLASSES: dict[str, Footprint] = {
    "plane": Footprint(plane, 35, 38, height=4.5),
    "ship": Footprint(ship, 4.2, 14, height=1.5),
    "storage-tank": Footprint(storage_tank, 20, 20, height=7, round=True),
    "baseball-diamond": Footprint(baseball_diamond, 62, 62),
    "tennis-court": Footprint(tennis_court, 18, 36),
    "basketball-court": Footprint(basketball_court, 17, 30),
    "ground-track-field": Footprint(ground_track_field, 94, 176),
    "soccer-ball-field": Footprint(soccer_ball_field, 60, 98),
    "harbor": Footprint(harbor, 9, 70, height=1),
    "bridge": Footprint(bridge, 14, 90, height=5),
    "large-vehicle": Footprint(large_vehicle, 2.8, 12.5, height=3),
    "small-vehicle": Footprint(small_vehicle, 1.95, 4.6, height=1.3),
    "helicopter": Footprint(helicopter, 12.5, 14.5, height=3),
    "roundabout": Footprint(roundabout, 46, 46, round=True),
    "swimming-pool": Footprint(swimming_pool, 5.5, 9.5),
    "container-crane": Footprint(container_crane, 26, 74, height=7),
    "airport": Footprint(airport, 330, 740),
    "helipad": Footprint(helipad, 22, 22),
}
