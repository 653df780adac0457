"""The places of the miniature release: an airfield, a port, a sports ground, a town and so on.

Each is a plan in metres around its origin. Plans are larger than most pictures; what the edge would
cut is left out, so that every annotated object is whole.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from rsvp_builder.demo.drawing import Point, Scene, Site


def airfield(site: Site) -> None:
    """Jets on the apron of a terminal, a runway below, helicopters and a car park at the side."""
    rng = site.rng
    site.area(0, 96, 900, 46, "asphalt")
    for x in range(-400, 400, 24):
        site.decorate("stripe", x, 96, 90, 0.9, 12)
    site.area(0, -8, 300, 104, "concrete")
    site.area(-120, 60, 24, 60, "concrete")
    site.area(120, 60, 24, 60, "concrete")
    site.decorate("yellow-line", 0, 34, 90, 0.5, 296)
    site.decorate("hall", -12, -80, 90, 30, 190)
    for x in (-84, -36, 12, 60):
        scale = float(rng.uniform(0.86, 1.06))
        site.decorate("yellow-line", x, 12, 0, 0.4, 44)
        site.place("plane", x, -28, float(rng.normal(0, 2)), width=35 * scale, length=38 * scale)
        site.decorate("hall", x - 3, -57, 0, 3.4, 20)
        site.place("large-vehicle", x + 23, -42 + float(rng.uniform(-5, 5)), float(rng.normal(0, 6)))
        site.place("small-vehicle", x + 22, -22 + float(rng.uniform(-4, 4)), float(rng.uniform(0, 360)))
    site.place("plane", float(rng.uniform(-70, 20)), 22, 90, width=28, length=30)
    for x, y in ((104, -34), (104, -6)):
        site.place("helipad", x, y)
    site.place("helicopter", 104, -34, float(rng.uniform(-30, 30)))
    site.place("helicopter", 106, 24, float(rng.uniform(120, 220)))
    site.place("helicopter", 128, 24, float(rng.uniform(120, 220)))
    parking(site.at(112, -82), rows=2, columns=14)
    grove(site.at(0, 150), 150, 30, 24)


def port(site: Site) -> None:
    """Cranes and freighters at a container quay, a tank farm, a marina, a canal with a bridge."""
    rng, scene = site.rng, site.scene
    site.area(0, -360, 900, 640, "paving")
    site.area(0, -57, 900, 36, "concrete")
    site.area(0, -84, 900, 13, "asphalt")
    site.area(-118, -220, 34, 400, "water")
    site.place("bridge", -118, -84, 90, width=13, length=46)
    for x in range(-80, 200, 34):
        for y in (-106, -132):
            if rng.random() < 0.85:
                site.decorate("containers", x, y, 0, 28, 18)
    for x in (-46, -12, 22):
        site.place("container-crane", x, -40 + float(rng.uniform(-2, 2)), 180)
    site.place("ship", 112, -27, 90, width=20, length=112)
    for x in range(-90, 190, 44):
        site.place("large-vehicle", x + float(rng.uniform(-12, 12)), -87, -90)
        site.place("large-vehicle", x + float(rng.uniform(-12, 12)), -81, 90)
    for x in (-150, -176, -202):
        for y in (-110, -136):
            site.place("storage-tank", x, y)
    for x in range(-172, -138, 4):
        if rng.random() < 0.6:
            site.place("small-vehicle", x, -60, float(rng.choice((0, 180))))
    marina(site.at(-96, 74))
    site.place("ship", 42, 46, 70, width=16, length=88)
    for x, y in ((0, 96), (36, 118), (72, 92), (100, 122)):
        wander = rng.uniform(-9, 9, 2)
        site.place("ship", x + float(wander[0]), y + float(wander[1]), float(rng.uniform(0, 360)))
    # A barge leaves through the right border: real labels keep the vertices that lie outside.
    length = 58 / scene.gsd
    scene.place(
        "ship", scene.width - 0.3 * length, 0.6 * scene.height, 84, length / 6, length, over_border=True
    )


def marina(site: Site) -> None:
    """Jetties with motor yachts on both sides."""
    rng = site.rng
    for x in (-48, 0, 48):
        site.place("harbor", x, 0, 0, width=8, length=78)
        for y in range(-32, 36, 7):
            for side in (-1, 1):
                if rng.random() < 0.75:
                    length = float(rng.uniform(10, 14))
                    away = side * (5.5 + length / 2)
                    site.place("ship", x + away, y, 90 * side, width=length * 0.3, length=length)


def sports(site: Site) -> None:
    """A running track around a football pitch, courts, a baseball field, a bathing pool."""
    site.area(-60, 0, 106, 190, "meadow")
    site.place("ground-track-field", -60, 0)
    site.place("soccer-ball-field", -60, 0)
    site.decorate("hall", -120, 0, 0, 14, 90)
    site.area(53, -61, 76, 84, "paving")
    for x in (29, 53, 77):
        for y in (-81, -41):
            site.place("tennis-court", x, y)
    for y in (-4, 16):
        site.place("basketball-court", 64, y, 90)
    site.place("swimming-pool", 26, 6, 0, width=14, length=27)
    site.place("baseball-diamond", 38, 72)
    parking(site.at(106, -24, 90), rows=4, columns=32)
    site.place("helipad", 88, 82)
    for x, y, half_width, half_length in ((-4, 0, 3, 80), (-60, 104, 80, 6), (-60, -104, 80, 6)):
        grove(site.at(x, y), half_width, half_length, 16)


def town(site: Site, west: float = 350) -> None:
    """Streets that meet at a roundabout, gardens with pools, a hospital with a helipad.

    Args:
        site: where the roundabout lies.
        west: metres to where the western street ends; the gardens leave room for what is beyond.
    """
    rng = site.rng
    for heading, length in ((0, 350), (90, 350), (180, 350), (270, west)):
        arm = site.at(0, 0, heading)
        road(arm.at(0, -length / 2), length, 11)
        for lane in (-2.8, 2.8):
            for gap in range(36, int(min(length, 260)), 24):
                if rng.random() < 0.55:
                    name = "large-vehicle" if rng.random() < 0.15 else "small-vehicle"
                    arm.place(name, lane, -gap + float(rng.uniform(-4, 4)), 0 if lane > 0 else 180)
    site.place("roundabout", 0, 0)
    for sx, sy in ((-1, -1), (1, 1), (-1, 1)):
        for i in range(3 if sx > 0 or west > 200 else 2):
            for j in range(5):
                garden(site.at(sx * (34 + 32 * i), sy * (32 + 36 * j)))
    site.area(78, -58, 112, 76, "paving")
    site.decorate("hall", 54, -58, 0, 46, 60)
    site.place("helipad", 54, -70)
    site.place("helicopter", 54, -70, float(rng.uniform(0, 360)))
    parking(site.at(106, -60), rows=4, columns=14)


def garden(site: Site) -> None:
    """A house on its lot with trees, sometimes a pool."""
    rng = site.rng
    site.area(0, 0, 29, 33, "meadow" if rng.random() < 0.5 else "grass")
    site.decorate("house", -4, -5, float(rng.choice((0, 90))), 11, float(rng.uniform(13, 16)))
    if rng.random() < 0.5:
        site.place("swimming-pool", 7, 9, float(rng.choice((0, 90))))
    else:
        grove(site.at(6, 9), 5, 4, 3)
    grove(site.at(10, -10), 3, 3, 2)
    site.area(-11.5, 8, 3.4, 15, "paving")
    if rng.random() < 0.8:
        site.place("small-vehicle", -11.5, 9 + float(rng.uniform(-3, 3)), float(rng.choice((0, 180))))


def river(site: Site) -> None:
    """A river between fields, a road bridge, barges, a tank farm on the bank."""
    rng = site.rng
    for i, material in enumerate(("straw", "meadow", "soil", "meadow", "straw", "grass")):
        x, y = -150 + 100 * (i % 3) + 50, -110 if i < 3 else 110
        site.area(x, y, 96, 130, "grass")
        field(site.at(x, y), 90, 124, material)
    banks: list[Point] = [(x, 10 * float(np.sin(x / 60))) for x in range(-420, 421, 20)]
    stream(site, banks, 76, "sand")
    stream(site, banks, 68, "water")
    road(site.at(40, 0), 800, 9)
    site.place("bridge", 40, 6, 0, width=13, length=92)
    for y in range(-150, 150, 30):
        for lane in (-2.4, 2.4):
            if rng.random() < 0.6:
                name = "large-vehicle" if rng.random() < 0.3 else "small-vehicle"
                site.place(name, 40 + lane, y + float(rng.uniform(-6, 6)), 0 if lane > 0 else 180)
    site.place("ship", -38, -10, 84, width=10, length=62)
    site.place("ship", -86, 9, -90, width=9, length=52)
    site.place("ship", 92, 18, 95)
    site.area(-84, -72, 92, 58, "paving")
    for x in (-118, -94, -70):
        for y in (-86, -62):
            site.place("storage-tank", x, y, width=16, length=16)
    site.place("helipad", -50, -74)
    grove(site.at(80, -58), 26, 9, 14)
    grove(site.at(-60, 66), 90, 7, 22)


def panorama(site: Site) -> None:
    """A whole airport seen from a satellite: its jets are small and its cars mere specks."""
    rng = site.rng
    for x in range(-600, 601, 150):
        for y in (-520, -400, -280, 300, 420, 540):
            field(site.at(x, y), 144, 112, str(rng.choice(("straw", "meadow", "soil", "grass"))))
    road(site.at(0, -205, 90), 2000, 12)
    site.place("airport", 0, 10, -90)
    for x in range(-190, 200, 46):
        site.place("plane", x, 62, 180 + float(rng.normal(0, 4)))
    site.place("plane", -250, -16, 90)
    for x in range(-214, 220, 9):
        if rng.random() < 0.6:
            site.place("small-vehicle", x, 163, 0)
        if rng.random() < 0.25:
            site.place("small-vehicle", x, -202, 90)
    site.area(260, 225, 120, 52, "paving")
    for x in (220, 250, 280):
        site.place("storage-tank", x, 226, width=22, length=22)


def countryside(site: Site) -> None:
    """Fields, a wood and a farm: nothing that DOTA annotates."""
    rng = site.rng
    for x in range(-300, 301, 100):
        for y in range(-300, 301, 75):
            field(site.at(x, y), 96, 71, str(rng.choice(("straw", "meadow", "soil", "grass"))))
    road(site.at(49, 0), 900, 5)
    site.cover([(-130, 40), (-40, 30), (-20, 110), (-70, 150), (-140, 120)], "forest")
    grove(site.at(-75, 85), 48, 36, 90)
    for y in (-60, -38):
        site.decorate("house", 70, y, 90, 12, 22)


def sports_and_town(site: Site) -> None:
    """A large picture: the sports ground beside the town, with a river and its bridge between."""
    for i, material in enumerate(("straw", "meadow", "soil")):
        field(site.at(-220 + 100 * i, -180), 96, 130, material)
        field(site.at(-220 + 100 * i, 212), 96, 150, "straw" if material == "meadow" else "meadow")
    middle: list[Point] = [(42 + 8 * float(np.sin(y / 50)), float(y)) for y in range(-420, 421, 20)]
    stream(site, middle, 46, "sand")
    stream(site, middle, 40, "water")
    town(site.at(158, -12), west=86)
    site.place("bridge", 42, -12, 90, width=13, length=60)
    sports(site.at(-110, 16))


def road(site: Site, length: float, width: float) -> None:
    """A straight road through the origin with a dashed line."""
    site.area(0, 0, width + 3, length, "paving")
    site.area(0, 0, width, length, "asphalt")
    for y in range(-int(length / 2), int(length / 2), 9):
        site.decorate("stripe", 0, y, 0, 0.35, 4)


def stream(site: Site, middle: list[Point], width: float, material: str) -> None:
    """A band of water, or of its banks, along a line that goes to the right or down."""
    down = abs(middle[-1][1] - middle[0][1]) > abs(middle[-1][0] - middle[0][0])
    dx, dy = (width / 2, 0.0) if down else (0.0, width / 2)
    site.cover(
        [*((x - dx, y - dy) for x, y in middle), *((x + dx, y + dy) for x, y in middle[::-1])], material
    )


def field(site: Site, width: float, length: float, material: str) -> None:
    """A ploughed field."""
    w, h = width / 2, length / 2
    furrows = float(site.rng.choice((0, 90))) if material != "grass" else None
    site.cover([(-w, -h), (w, -h), (w, h), (-w, h)], material, furrows)


def grove(site: Site, half_width: float, half_length: float, count: int) -> None:
    """Trees strewn over a rectangle."""
    for x, y, size in site.rng.uniform((-1, -1, 4.5), (1, 1, 9), (count, 3)):
        site.decorate("tree", float(x) * half_width, float(y) * half_length, 0, float(size), float(size))


def parking(site: Site, rows: int, columns: int) -> None:
    """Rows of cars between white lines."""
    pitch, depth = 2.8, 5.6
    aisle = 6.0
    height = rows * depth + (rows // 2) * aisle
    site.area(0, 0, columns * pitch + 3, height + 2, "asphalt")
    for row in range(rows):
        y = -height / 2 + depth / 2 + row * depth + ((row + 1) // 2) * aisle
        for column in range(columns + 1):
            x = (column - columns / 2) * pitch
            site.decorate("stripe", x, y, 0, 0.2, depth)
            if column < columns and site.rng.random() < 0.7:
                site.place("small-vehicle", x + pitch / 2, y, 180.0 * (row % 2))


PLANS: dict[str, tuple[Callable[[Site], None], str, float]] = {
    "airfield": (airfield, "grass", 0.3),
    "port": (port, "water", 0.4),
    "sports": (sports, "grass", 0.35),
    "town": (town, "grass", 0.26),
    "river": (river, "grass", 0.33),
    "panorama": (panorama, "meadow", 1.0),
    "countryside": (countryside, "grass", 0.4),
    "sports-and-town": (sports_and_town, "grass", 0.35),
}
"""Plan, ground cover and metres per pixel of each place, by name."""


def compose(name: str, size: tuple[int, int], rng: np.random.Generator) -> Scene:
    """Draws a place, turned a little so that few things lie along the axes.

    Args:
        name: a key of :data:`PLANS`.
        size: width and height in pixels.
        rng: the only source of randomness.
    """
    plan, base, gsd = PLANS[name]
    scene = Scene(size, gsd, rng, base)
    plan(scene.site(heading=float(rng.uniform(-11, 11))))
    return scene
