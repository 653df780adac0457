"""Plots of statistics: what they show, that they are sound SVG, and where they are shown."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import random
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from headless_chromium import CHROMIUM, FLAGS
from rsvp_builder.cli.statistics import sparkline
from rsvp_builder.dataset.plots import PLOT_NAMES, draw_plots
from rsvp_builder.dataset.plots.sheet import COLOURS, FILL, compact, short
from rsvp_builder.dataset.stats import tabulate
from rsvp_builder.gallery import write_gallery
from rsvp_builder.record import ROW_SCHEMA

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script>"


def mark(x: float, side: float, label: str | None = "ship", caption: str | None = None) -> dict:
    xyxy = [x, x, x + side, x + side]
    return {"index": 1, "kind": "box", "xyxy": xyxy, "label": label, "caption": caption, "flags": []}


def point(x: float, y: float, label: str | None = "tree") -> dict:
    return {"index": 1, "kind": "point", "xy": [x, y], "label": label, "flags": []}


def make_row(source: str, task: str, granularity: str, marks: list[dict], **more) -> dict:
    row = {
        "image_id": "train/P0",
        "width": 800,
        "height": 800,
        "source": source,
        "split": "train",
        "task": task,
        "granularity": granularity,
        "marks": marks,
        "messages": [{"role": "user", "content": "What is it?"}],
    }
    return row | more


def write_set(out: Path, rows: list[dict]) -> Path:
    (out / "data/A").mkdir(parents=True)
    path = out / "data/A/train-00000-of-00001.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=ROW_SCHEMA), path)
    return out


def statistics_of(folder: Path, rows: list[dict]) -> dict:
    return tabulate(write_set(folder, rows).glob("data/A/*.parquet"))


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    """Forty sources of all kinds, the first the largest, and names that nobody hopes for."""
    kinds = (
        ("region_caption", "region", lambda n: [mark(9 * n, 10, f"class {n}", "A big ship on the left")]),
        ("referring_classification_point", "point", lambda n: [point(700, 99, "$x_1$ & co"), point(9, 9)]),
        ("scene_classification", "image", lambda n: [mark(0, 800, HOSTILE)]),
        ("image_caption", "image", lambda n: [mark(0, 800, None, "Two planes stand on the apron.")]),
    )
    made = []
    for number in range(40):
        task, granularity, marks = kinds[number % 4]
        row = make_row(f"Source-{number:02d}", task, granularity, marks(number))
        made += [row] * (41 - number)
    return made


@pytest.fixture(scope="module")
def statistics(rows, tmp_path_factory) -> dict:
    return statistics_of(tmp_path_factory.mktemp("set"), rows)


@pytest.fixture(scope="module")
def sheets(statistics) -> dict[str, ElementTree.Element]:
    """The drawn plots, parsed; they all are XML with SVG at its root."""
    return {plot.name: ElementTree.fromstring(plot.svg) for plot in draw_plots(statistics)}


def texts(root: ElementTree.Element) -> list[str]:
    return ["".join(element.itertext()) for element in root.iter(SVG + "text")]


def shapes(root: ElementTree.Element, colour: str) -> list[tuple[float, float, float, float]]:
    """Left, top, right and bottom of all paths filled with a colour, not those of a legend."""
    found = []
    for path in root.iter(SVG + "path"):
        if f"fill: {colour}" in path.get("style", ""):
            x, y = np.array(re.findall(r"[ML] ([\d.]+) ([\d.]+)", path.get("d", "")), float).T
            found.append((x.min(), y.min(), x.max(), y.max()))
    return [shape for shape in found if shape[0] > 150]


# ---- What they show ------------------------------------------------------------------------------------


def test_all_plots_are_svg_with_a_title_and_nothing_that_runs(sheets):
    assert tuple(sheets) == PLOT_NAMES
    for root in sheets.values():
        assert root.tag == SVG + "svg"
        assert root.find(SVG + "title") is not None
        tags = {element.tag.removeprefix(SVG) for element in root.iter()}
        assert not tags & {"script", "image", "a", "foreignObject", "iframe"}
        assert not [name for e in root.iter() for name in e.attrib if name.lower().startswith("on")]
        links = [value for e in root.iter() for name, value in e.attrib.items() if name.endswith("href")]
        assert all(link.startswith("#") for link in links)


def test_beyond_thirty_sources_the_rest_is_one_bar_and_nothing_is_lost(sheets, rows):
    said = texts(sheets["rows"])
    assert "11 more sources" in said
    assert "Source-28" in said and "Source-29" not in said
    assert str(sum(41 - number for number in range(29, 40))) in said  # behind the bar of the rest
    granularities = "410 about whole images, 230 about regions, 220 about points"
    assert f"{len(rows)} rows of 40 sources: {granularities}" in said
    assert {"region_caption", "image_caption", "scene_classification"} <= set(said)


def test_lengths_of_bars_are_in_proportion_to_rows(tmp_path):
    made = [
        *[make_row("A", "region_caption", "region", [mark(0, 9)])] * 30,
        *[make_row("A", "image_caption", "image", [mark(0, 800)])] * 10,
        *[make_row("B", "image_caption", "image", [mark(0, 800)])] * 20,
    ]
    root = ElementTree.fromstring(draw_plots(statistics_of(tmp_path, made))[0].svg)
    [images_a, images_b] = sorted(shapes(root, COLOURS[0]), key=lambda shape: shape[1])
    [regions_a] = shapes(root, COLOURS[1])
    unit = (regions_a[2] - regions_a[0]) / 30
    assert images_a[2] - images_a[0] == pytest.approx(10 * unit, rel=1e-3)
    assert images_b[2] - images_b[0] == pytest.approx(20 * unit, rel=1e-3)
    assert images_a[2] == pytest.approx(regions_a[0])
    assert images_a[0] == pytest.approx(images_b[0])


def test_boxes_of_whole_images_are_no_mark_sizes(sheets):
    said = texts(sheets["mark_sizes"])
    assert "230 marks: square root of the area in pixels of the picture" in said
    assert {"8", "16"} <= set(said) and "512" not in said


def test_a_map_is_darkest_where_most_marks_lie(tmp_path):
    made = [make_row("A", "p", "point", [point(250, 650)] * 9 + [point(750, 50)] * 3)]  # cells (2, 6), (7, 0)
    plots = {plot.name: plot for plot in draw_plots(statistics_of(tmp_path, made))}
    root = ElementTree.fromstring(plots["mark_positions"].svg)
    cells = [
        (*map(float, re.findall(r"[\d.]+", path.get("d", ""))[:2]), path.get("style", ""))
        for path in root.iter(SVG + "path")
        if f"fill: {FILL}" in path.get("style", "")
    ]
    opacity = {
        (x, y): float((re.search(r"fill-opacity: ([\d.]+)", style) or ["", "1"])[1]) for x, y, style in cells
    }
    (few_x, few_y), (many_x, many_y) = sorted(opacity, key=opacity.__getitem__)
    side = (576 - 2 * 14 - 3 * 12) / 4
    assert (few_x - many_x) / side * 8 == pytest.approx(5, abs=0.01)
    assert (many_y - few_y) / side * 8 == pytest.approx(6, abs=0.01)
    assert opacity[few_x, few_y] == pytest.approx(opacity[many_x, many_y] / 3, abs=0.01)
    assert "12 marks, at most 75.0% a cell" in texts(root)


def test_more_sources_than_maps_is_said(sheets):
    said = texts(sheets["mark_positions"])
    assert "all regions" in said and "all points" in said
    assert any(text.endswith("; 6 smaller not shown") for text in said)


def test_the_longest_captions_share_the_last_bin(tmp_path):
    captions = ["word " * number for number in [5] * 400 + [900]]
    made = [make_row("A", "image_caption", "image", [mark(0, 8, None, text)]) for text in captions]
    plots = {plot.name: plot for plot in draw_plots(statistics_of(tmp_path, made))}
    root = ElementTree.fromstring(plots["caption_lengths"].svg)
    assert "401 captions: words in the caption of a mark" in " ".join(texts(root))
    assert "the last bin has all of" in " ".join(texts(root))
    heights = sorted(bottom - top for _, top, _, bottom in shapes(root, FILL))
    assert len(heights) == 2
    assert heights[1] / heights[0] == pytest.approx(400, rel=0.01)


def test_what_a_data_set_has_not_is_not_plotted(tmp_path):
    captions = [make_row("A", "image_caption", "image", [mark(0, 800, None, "Two planes.")])]
    assert [plot.name for plot in draw_plots(statistics_of(tmp_path / "a", captions))] == [
        "rows",
        "image_sizes",
        "caption_lengths",
    ]
    assert draw_plots(statistics_of(tmp_path / "b", [])) == []


@pytest.mark.parametrize(
    "name",
    [
        HOSTILE,
        "$\\frac{1}{2}$ & \"quotes\" 'here'",
        "]]><!--",
        "a\nb\tc\x00\x1b[31m\u2028d",
        "飛行機" * 30,
        "\u202eevil",
        "\ud800".encode("utf-8", "replace").decode(),
        "_hidden",
        " ",
        "",
        "x" * 500,
    ],
)
def test_any_name_is_text(tmp_path, name):
    made = [
        make_row(name, name, name, [mark(0, 9, name, name), point(3, 3, name)]),
        make_row("other", "other", "region", [mark(0, 9, "other")]),
    ]
    plots = draw_plots(statistics_of(tmp_path, made))
    assert [plot.name for plot in plots] == list(PLOT_NAMES)
    for plot in plots:
        root = ElementTree.fromstring(plot.svg)
        assert not list(root.iter(SVG + "script"))
        if plot.name in ("rows", "classes", "mark_sizes", "image_sizes"):
            assert short(name) in texts(root)


def test_names_are_cut_to_their_room():
    assert short("x" * 28) == "x" * 28
    assert short("x" * 29) == "x" * 27 + "…"
    assert short("飛" * 20) == "飛" * 13 + "…"
    assert short("a\n b\x00c") == "a b c"
    assert short(" \n") == "(none)"


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "0"), (7, "7"), (999, "999"), (1000, "1k"), (1234, "1.23k"), (12_345, "12.3k"),
        (999_499, "999k"), (999_999, "1M"), (1_234_567, "1.23M"), (3e9, "3G"), (2e12, "2000G"),
    ],
)  # fmt: skip
def test_counts_in_few_characters(number, said):
    assert compact(number) == said


def test_sparklines_show_every_count_but_zero():
    assert sparkline([0, 1, 50, 100]) == " ▁▄█"
    assert sparkline([]) == sparkline([0])[1:] == ""
    counts = [random.Random(1).randrange(1000) for _ in range(99)]
    assert [count == 0 for count in counts] == [block == " " for block in sparkline(counts)]


# ---- The same bytes ------------------------------------------------------------------------------------


def test_neither_order_nor_process_nor_configuration_change_a_byte(statistics, tmp_path):
    (tmp_path / "matplotlibrc").write_text("font.size: 30\nsvg.fonttype: path\naxes.facecolor: red\n")
    mixed = {name: random.Random(2).sample(table, len(table)) for name, table in statistics.items()}
    (tmp_path / "statistics.json").write_text(json.dumps(mixed))
    program = (
        "import hashlib, json, sys\nfrom rsvp_builder.dataset.plots import draw_plots\n"
        "plots = draw_plots(json.load(open(sys.argv[1])))\n"
        "print([hashlib.sha256(plot.svg).hexdigest() for plot in plots])\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "statistics.json")],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
            env={"MATPLOTLIBRC": str(tmp_path), "MPLCONFIGDIR": str(tmp_path), "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert told == {f"{[hashlib.sha256(plot.svg).hexdigest() for plot in draw_plots(statistics)]}\n"}


def test_drawing_leaves_matplotlib_as_it_was(statistics):
    import matplotlib

    with matplotlib.rc_context({"font.size": 31, "svg.hashsalt": "mine"}):
        draw_plots(statistics)
        assert (matplotlib.rcParams["font.size"], matplotlib.rcParams["svg.hashsalt"]) == (31, "mine")
        assert matplotlib.rcParams["svg.fonttype"] == matplotlib.rcParamsDefault["svg.fonttype"]


# ---- In the gallery ------------------------------------------------------------------------------------


def test_the_gallery_holds_the_plots_of_the_whole_set_closed(rows, statistics, tmp_path):
    page = write_gallery(write_set(tmp_path / "set", rows), tmp_path / "g.html", limit=3).path.read_text()
    assert '<details class="statistics">' in page
    shown = re.findall(r'<img src="data:image/svg\+xml;base64,([^"]+)" alt="([^"]+)"', page)
    plots = draw_plots(statistics)
    assert [base64.b64decode(data) for data, _ in shown] == [plot.svg for plot in plots]
    assert [html.unescape(alt) for _, alt in shown] == [plot.alt for plot in plots]
    assert all(plot.caption in html.unescape(page) for plot in plots)
    assert any(html.escape(HOSTILE).encode() in plot.svg for plot in plots)
    assert HOSTILE not in page


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium package")
@pytest.mark.parametrize(("scheme", "ground", "fill"), [(1, "#ffffff", "#0b5cad"), (0, "#181c20", "#7db7f2")])
def test_the_gallery_shows_them_in_light_and_dark(rows, tmp_path, scheme, ground, fill):
    made = [row for row in rows if row["source"] < "Source-04"]
    page = write_gallery(write_set(tmp_path / "set", made), tmp_path / "g.html", limit=1).path
    page.write_text(page.read_text().replace('class="statistics"', 'class="statistics" open'))
    shot = tmp_path / "shot.png"
    options = [f"--user-data-dir={tmp_path / 'profile'}", f"--blink-settings=preferredColorScheme={scheme}"]
    command = [
        str(CHROMIUM),
        *FLAGS,
        *options,
        "--window-size=1700,900",
        f"--screenshot={shot}",
        page.as_uri(),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    pixels = np.asarray(Image.open(shot).convert("RGB")).astype(int)

    def share(colour: str) -> float:
        wanted = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
        return float((np.abs(pixels - wanted).max(axis=2) < 6).mean())

    assert share(ground) > 0.15
    assert share(fill) > 0.003
