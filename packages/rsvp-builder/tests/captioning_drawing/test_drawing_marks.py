"""Set-of-Marks drawing: where numbers stand, what is drawn, and what stays of the picture."""

from __future__ import annotations

import copy
import io
import json
import math
import re
from importlib import resources

import numpy as np
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from shapely.ops import nearest_points

from rsvp_builder.captioning.drawing import DrawingSettings, colour_of, draw
from rsvp_builder.captioning.drawing.pen import Pen, draw_on, numbers_of
from rsvp_builder.captioning.drawing.shapes import shapes_of
from rsvp_builder.captioning.request import Subject
from rsvp_builder.errors import RsvpError

PNG = DrawingSettings(format="png")
GREY = (96, 104, 112)

quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def mark(index: int, *, xyxy=None, xy=None, quad=None) -> dict:
    kind = "box" if xy is None else "point"
    return {"index": index, "kind": kind, "xyxy": xyxy, "xy": xy, "quad": quad, "label": "ship"}


def row(marks: list[dict], size: tuple[int, int], **more) -> dict:
    return {"id": "r1", "width": size[0], "height": size[1], "window": None, "marks": marks} | more


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def noise(size: tuple[int, int]) -> Image.Image:
    values = np.random.default_rng(size[0]).integers(60, 190, (size[1], size[0], 3))
    return Image.fromarray(values.astype(np.uint8))


def subject(marks: list[dict], size: tuple[int, int], image: Image.Image | None = None) -> Subject:
    return Subject(row(marks, size), encoded(image or Image.new("RGB", size, GREY)))


def opened(sent) -> Image.Image:
    return Image.open(io.BytesIO(sent.content)).convert("RGB")


def turned(index: int, x: float, y: float, wide: float, high: float, angle: float) -> dict:
    corners = np.array([(-wide, -high), (wide, -high), (wide, high), (-wide, high)]) / 2
    turn = np.array([(math.cos(angle), -math.sin(angle)), (math.sin(angle), math.cos(angle))])
    return mark(index, quad=(corners @ turn.T + (x, y)).ravel().tolist())


@st.composite
def scenes(draw_from, most: int = 12):
    """A picture's size of 512 px or more, which is sent as it is, and marks of all kinds in and about it."""
    size = (draw_from(st.integers(512, 900)), draw_from(st.integers(120, 900)))
    near = st.floats(-20, 920)
    marks = []
    for index in range(1, draw_from(st.integers(1, most)) + 1):
        x, y, kind = draw_from(near), draw_from(near), draw_from(st.sampled_from(("point", "box", "quad")))
        if kind == "point":
            marks.append(mark(index, xy=[x % size[0], y % size[1]]))
            continue
        wide, high = draw_from(st.floats(4, 500)), draw_from(st.floats(4, 300))
        if kind == "box":
            marks.append(mark(index, xyxy=[x, y, x + wide, y + high]))
        else:
            marks.append(turned(index, x, y, wide, high, draw_from(st.floats(0, math.pi))))
    return size, marks


def polygon(shape):
    return shapely.Point(shape.corners[0]) if shape.is_point else shapely.Polygon(shape.corners).buffer(0)


def placed(size, marks):
    shapes, _ = shapes_of(marks, size)
    shapes.sort(key=lambda s: (-s.area, s.index))
    return shapes, numbers_of(size, shapes, DrawingSettings())


@quick
@given(scenes())
def test_every_number_stands_in_the_picture_and_off_the_others(scene):
    size, marks = scene
    shapes, places = placed(size, marks)
    assert [p.index for p in places] == [s.index for s in shapes]  # twelve tags always find room here
    boxes = [shapely.box(*p.box) for p in places]
    for number, (place, tag) in enumerate(zip(places, boxes, strict=True)):
        assert shapely.box(0, 0, *size).covers(tag)
        assert (place.box[2] - place.box[0], place.box[3] - place.box[1]) == Pen.of(size).tag(place.index)
        assert all(tag.intersection(other).area == 0 for other in boxes[:number])


@quick
@given(scenes())
def test_a_number_inside_lies_on_its_mark_and_hides_little_of_it(scene):
    size, marks = scene
    shapes, places = placed(size, marks)
    for shape, place in zip(shapes, places, strict=True):
        x, y = place.anchor
        if shape.is_point:
            assert not place.inside
            assert place.anchor == tuple(shape.corners[0])
        elif shape.longer > 8:  # the raster has a quarter of a pixel at most, a mark more
            assert polygon(shape).buffer(1.5).covers(shapely.Point(x, y))
        if place.inside:
            tag, whole = shapely.box(*place.box), polygon(shape)
            assert tag.intersection(whole).area <= 0.16 * whole.area
            assert tag.centroid.within(whole.buffer(1.5))


@quick
@given(scenes())
def test_nothing_is_drawn_over_a_number(scene):
    size, marks = scene
    shapes, places = placed(size, marks)
    picture = Image.new("RGB", size, GREY)
    draw_on(picture, shapes, places, DrawingSettings())
    by_index = {s.index: s for s in shapes}
    for place in places:
        alone = Image.new("RGB", size, GREY)
        draw_on(alone, [by_index[place.index]], [place], DrawingSettings(boxes=False, points=False))
        inner = place.box[0] + 5, place.box[1] + 1, place.box[2] - 5, place.box[3] - 1
        assert picture.crop(inner).tobytes() == alone.crop(inner).tobytes()


@quick
@given(scenes())
def test_pixels_away_from_strokes_and_numbers_stay(scene):
    size, marks = scene
    shapes, places = placed(size, marks)
    if not shapes:
        return
    before = noise(size)
    picture = before.copy()
    draw_on(picture, shapes, places, DrawingSettings())
    changed = (np.asarray(picture) != np.asarray(before)).any(axis=2)
    assert changed.any()
    pen = Pen.of(size)
    inked = [shapely.box(*p.box) for p in places]
    edges = shapely.box(0, 0, *size).boundary
    for shape in shapes:
        if shape.is_point:
            inked.append(polygon(shape).buffer(pen.ring + 2 * pen.line + 2))
        else:
            stroke = shapely.LinearRing(shape.corners)
            inked.append(stroke.buffer(4 * (pen.line + 2), join_style="mitre"))
            inked.append(edges.intersection(inked[-1]).buffer(pen.line + 2))
    by_index = {s.index: polygon(s) for s in shapes}
    for place in places:
        if not place.inside:
            centre = shapely.box(*place.box).centroid
            outline = by_index[place.index]
            outline = outline.boundary if outline.geom_type == "Polygon" else outline
            end = nearest_points(outline, centre)[0]
            inked.append(shapely.LineString([centre, end]).buffer(pen.line + 3))
    ys, xs = np.nonzero(changed)
    ink = shapely.union_all(inked).buffer(1)
    shapely.prepare(ink)
    assert shapely.contains_xy(ink, xs + 0.5, ys + 0.5).all()


@pytest.mark.parametrize("side", [4, 8, 20, 40])
def test_an_outline_hides_nothing_of_its_mark(side: int):
    size, before = (512, 512), noise((512, 512))
    box = (200, 240, 200 + side, 240 + side)
    drawn = draw(subject([mark(1, xyxy=list(box))], size, before), PNG.model_copy(update={"max_parts": 0}))
    after = opened(drawn.pictures[0])
    assert after.crop(box).tobytes() == before.crop(box).tobytes()
    around = (box[0] - 3, box[1] + 1, box[0] - 1, box[3] - 1)
    assert after.crop(around).tobytes() != before.crop(around).tobytes()


def test_what_a_point_lies_on_is_seen_between_ring_and_dot():
    before = noise((512, 512))
    drawn = draw(subject([mark(1, xy=[256.5, 256.5])], before.size, before), PNG)
    changed = np.asarray(opened(drawn.pictures[0])) != np.asarray(before)
    pen = Pen.of((512, 512))
    ring = round(pen.ring)
    line = changed.any(axis=2)[256]
    assert line[256]
    assert line[256 - ring : 256 - ring + 2].any()
    assert line[256 + ring - 2 : 256 + ring + 1].any()
    assert not line[256 - ring - 3]
    assert not line[256 + ring + 4]


def test_a_number_that_touches_its_mark_has_no_line_and_a_far_one_ends_at_its_edge():
    size = (512, 512)
    shapes, places = placed(size, [mark(1, xyxy=[250, 250, 258, 258])])
    near = Image.new("RGB", size, GREY)
    draw_on(near, shapes, places, DrawingSettings(boxes=False))
    x1, y1, x2, y2 = (int(v) for v in places[0].box)
    near.paste(GREY, (x1, y1, x2, y2))
    assert near.getcolors() == [(512 * 512, GREY)]  # nothing but the tag
    far = type(places[0])(1, (400.0, 400.0, 420.0, 417.0), (254.0, 254.0), False)
    led = Image.new("RGB", size, GREY)
    draw_on(led, shapes, [far], DrawingSettings(boxes=False))
    assert led.crop((250, 250, 256, 256)).getcolors() == [(36, GREY)]
    assert led.getpixel((330, 330)) != GREY


def test_a_mark_in_another_keeps_its_number_near():
    size = (800, 800)
    _, places = placed(size, [mark(1, xyxy=[100, 100, 700, 700]), mark(2, xyxy=[390, 390, 402, 402])])
    tag = shapely.box(*places[1].box)
    assert tag.distance(shapely.box(390, 390, 402, 402)) <= 4


def test_the_number_of_the_whole_picture_goes_into_a_corner():
    _, [place] = placed((600, 400), [mark(1, xyxy=[0, 0, 600, 400])])
    assert place.inside
    assert max(place.box) < 60


def test_a_mark_over_the_edge_is_cut_off_there():
    """Its slanted sides stay where they are; corners are not just moved into the picture."""
    shapes, lost = shapes_of([turned(1, 320, 240, 900, 40, 0.5)], (640, 480))
    full = shapely.Polygon(np.reshape(turned(1, 320, 240, 900, 40, 0.5)["quad"], (-1, 2)))
    expected = full.intersection(shapely.box(0, 0, 640, 480))
    assert lost == []
    assert shapely.Polygon(shapes[0].corners).symmetric_difference(expected).area < 1e-6 * expected.area
    assert shapes[0].area == pytest.approx(expected.area)


def test_colours_are_those_of_the_gallery():
    css = resources.files("rsvp_builder.gallery").joinpath("templates/gallery.css").read_text()
    found = re.findall(r"\.c(\d) \{ --c: (#\w{6}); --on: (#\w{3}); \}", css)
    assert len(found) == 7
    assert [(int(number), *colour_of(int(number) + 1)) for number, _, _ in found] == [
        (int(number), colour, ink) for number, colour, ink in found
    ]
    assert colour_of(8) == colour_of(1)


@pytest.mark.parametrize("index", range(1, 8))
def test_ink_on_a_colour_is_read_easily(index: int):
    def luminance(colour: str) -> float:
        wide = colour if len(colour) == 7 else "#" + "".join(2 * c for c in colour[1:])
        value = np.array([int(wide[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
        return float(linear @ (0.2126, 0.7152, 0.0722))

    low, high = sorted(luminance(c) for c in colour_of(index))
    assert (high + 0.05) / (low + 0.05) >= 4.5  # WCAG 2.2, AA


@quick
@given(st.integers(1, 6000), st.integers(1, 6000))
def test_numbers_are_legible_at_any_size_of_the_picture(width: int, height: int):
    longest = max(width, height)
    side = min(max(longest, 512), 1536)
    sent = max(1, round(width * side / longest)), max(1, round(height * side / longest))
    _, tag = Pen.of(sent).tag(88)
    if min(sent) >= 40:
        assert 17 <= tag <= 0.031 * 1536 + 1
        assert tag <= max(sent) / 25 or tag <= 17
    assert tag <= max(8, min(sent) / 2)


def test_tiny_pictures_are_enlarged_and_huge_ones_shrunk():
    for size, sent in (((64, 48), (512, 384)), ((3000, 1500), (1536, 768)), ((800, 600), (800, 600))):
        drawn = draw(subject([mark(1, xyxy=[0, 0, size[0] / 2, size[1] / 2])], size), PNG)
        assert opened(drawn.pictures[0]).size == sent
        assert (drawn.pictures[0].width, drawn.pictures[0].height) == sent


@quick
@given(scenes(6))
def test_same_row_same_bytes_and_the_row_stays(scene):
    size, marks = scene
    try:
        given_row = subject(marks, size)
        before = copy.deepcopy(given_row)
        first, second = draw(given_row, DrawingSettings()), draw(given_row, DrawingSettings())
    except RsvpError:
        assert not placed(size, marks)[0]
        return
    assert first == second
    assert given_row == before
    json.dumps(first.choice, allow_nan=False)
    assert sorted([*first.shown, *first.choice["left_out"]]) == [m["index"] for m in marks]
    assert first.pictures[0].mime == "image/jpeg"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_any_mode_is_drawn_on(mode: str):
    image = Image.new("L", (200, 100), 90)
    image.paste(160, (50, 0, 150, 100))
    image = (
        Image.fromarray(np.asarray(image, np.uint16) * 64)
        if mode == "I;16"
        else image.convert("RGBA" if mode == "LA" else "L").convert(mode)
    )
    drawn = draw(subject([mark(1, xyxy=[60, 10, 140, 90])], image.size, image), PNG)
    after = opened(drawn.pictures[0])
    assert after.size == (512, 256)
    assert after.getpixel((20, 128)) != after.getpixel((330, 200))  # the picture is still there
    assert tuple(int(colour_of(1)[0][i : i + 2], 16) for i in (1, 3, 5)) in set(after.get_flattened_data())


@pytest.mark.parametrize(
    ("bad", "what"),
    [
        (mark(2, xyxy=[math.nan, 1, 5, 5]), "not a number"),
        (mark(2, xyxy=[1, 1, None, 5]), "missing"),
        (mark(2), "nothing"),
        (mark(2, xyxy=[9, 9, 9, 30]), "no area"),
        (mark(2, quad=[1, 1, 5, 5, 9, 9, 3, 3]), "a line"),
        (mark(2, xyxy=[700, 5, 720, 20]), "outside"),
        (mark(2, xy=[math.inf, 4]), "infinite"),
        (mark(2, xy=[-3.0, 4]), "a point outside"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_drawn_is_left_out_and_told(bad: dict, what: str):
    good = mark(1, xyxy=[10, 10, 200, 200])
    drawn = draw(subject([good, bad], (640, 480)), PNG)
    alone = draw(subject([good], (640, 480)), PNG)
    assert drawn.shown == (1,)
    assert drawn.choice["left_out"] == [2]
    assert drawn.pictures == alone.pictures
    with pytest.raises(RsvpError, match="row r1: none of its 1 marks can be drawn"):
        draw(subject([bad], (640, 480)), PNG)


def test_more_marks_than_allowed_are_capped_the_larger_ones_stay():
    marks = [mark(i, xyxy=[20 * i, 20, 20 * i + 15, 22 + i]) for i in range(1, 31)]
    drawn = draw(subject(marks, (800, 600)), PNG.model_copy(update={"max_marks": 12, "max_parts": 0}))
    assert drawn.shown == tuple(range(19, 31))
    assert drawn.choice == {"mode": "capped", "left_out": list(range(1, 19))}


def test_a_mark_without_room_for_its_number_is_left_out():
    marks = [mark(i, xyxy=[0, 0, 60 + i, 40]) for i in range(1, 41)]
    drawn = draw(subject(marks, (64, 64)), DrawingSettings(max_side=64, format="png"))
    assert 3 <= len(drawn.shown) < 40
    assert sorted([*drawn.shown, *drawn.choice["left_out"]]) == list(range(1, 41))


def test_switches():
    before = noise((640, 480))
    marks = [mark(1, xyxy=[50, 50, 300, 300]), mark(2, xy=[500.0, 400.0])]

    def changed(**options) -> tuple[bool, bool, bool, bool]:
        drawn = draw(subject(marks, before.size, before), DrawingSettings(format="png", **options))
        different = (np.asarray(opened(drawn.pictures[0])) != np.asarray(before)).any(axis=2)
        number = different[160:190, 160:190].any()
        inside = different[70:100, 70:100].all()
        return different[45:55, 100:140].any(), different[398:403, 498:503].any(), number, inside

    assert changed() == (True, True, True, False)
    assert changed(boxes=False) == (False, True, True, False)
    assert changed(points=False) == (True, False, True, False)
    assert changed(numbers=False) == (True, True, False, False)
    assert changed(fill=0.5) == (True, True, True, True)
    bare = draw(subject(marks, before.size, before), DrawingSettings(numbers=False, points=False))
    assert bare.shown == (1,)
    assert bare.choice["left_out"] == [2]
    with pytest.raises(RsvpError, match="switch off"):
        draw(subject(marks, before.size), DrawingSettings(numbers=False, points=False, boxes=False))


def test_pictures_that_cannot_be_used_are_told():
    good = subject([mark(1, xyxy=[1, 1, 50, 50])], (100, 80))
    for content in (b"", b"no picture", good.picture[:60]):
        with pytest.raises(RsvpError, match="row r1: its picture cannot be decoded: "):
            draw(Subject(good.row, content), PNG)
    with pytest.raises(RsvpError, match=r"its picture is 100 x 80 px, the row says 90 x 80"):
        draw(Subject(good.row | {"width": 90}, good.picture), PNG)


def test_fingerprint_has_the_version_and_every_setting():
    found = DrawingSettings(quality=80).fingerprint()
    assert json.loads(json.dumps(found)) == found
    assert set(found) == {"version", *DrawingSettings.model_fields}
    assert found["quality"] == 80
