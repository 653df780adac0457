"""The gallery: what it shows, that nothing in a data set can run in it, and how it looks in Chromium."""

from __future__ import annotations

import base64
import html
import io
import re
import subprocess
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageDraw

from headless_chromium import CHROMIUM, FLAGS
from rsvp_builder.errors import RsvpError
from rsvp_builder.gallery import write_gallery
from rsvp_builder.gallery.marks import draw_marks
from rsvp_builder.gallery.picture import Wanted, load_picture
from rsvp_builder.gallery.sample import Cell, choose, survey
from rsvp_builder.gallery.shards import find_shards
from rsvp_builder.gallery.talk import mentioned, read_turns
from rsvp_builder.record import ROW_SCHEMA, huggingface_metadata

BOX_TASK = "referring_classification_box"
CAPTION_TASK = "region_caption"
HOSTILE = '</script><img src=x onerror="document.body.dataset.owned=1">\'\n<svg onload=alert(1)>{{ 7*7 }}'


def png(image: Image.Image, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", **options)
    return buffer.getvalue()


def plain(width: int = 64, height: int = 48, colour: str = "#405060") -> bytes:
    return png(Image.new("RGB", (width, height), colour))


def box(index: int, xyxy: list[float], label: str = "ship", **more) -> dict:
    return {"index": index, "kind": "box", "xyxy": xyxy, "label": label, "flags": [], **more}


def row(name: str, task: str, marks: list[dict], image: bytes | None, **more) -> dict:
    answer = "\n".join(f"<Region {m['index']}>: {m.get('caption') or m['label']}" for m in marks)
    values = {
        "id": f"{name}-{task}",
        "image": {"bytes": image, "path": None},
        "image_id": name,
        "width": 64,
        "height": 48,
        "source": "DOTA",
        "split": "train",
        "task": task,
        "granularity": "region",
        "domain": "rs",
        "marks": marks,
        "messages": [
            {"role": "user", "content": "Please identify the category of each marked region in the image."},
            {"role": "assistant", "content": answer},
        ],
        "license": "CC-BY-4.0",
    }
    return values | more


def write_shard(dataset: Path, source: str, split: str, rows: list[dict], group: int = 4) -> None:
    path = dataset / "data" / source / f"{split}-00000-of-00001.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows, schema=ROW_SCHEMA)
    table = table.replace_schema_metadata({"huggingface": huggingface_metadata()})
    pq.write_table(table, path, row_group_size=group)


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """Two sources, two splits, three tasks; each image has adjacent rows for its tasks."""
    root = tmp_path / "set"
    for source, split, labels in (
        ("DOTA", "train", ["plane", "ship", "ship", "ship"]),
        ("DOTA", "val", ["ship", "harbor"]),
        ("DIOR", "train", ["ship", "ship", "bridge"]),
    ):
        rows = []
        for number, label in enumerate(labels):
            name = f"{source}{split}{number}"
            image = plain(colour=f"#{number * 30:02x}50{60 if split == 'val' else 90:02x}")
            common = {"source": source, "split": split}
            quad = [10, 5, 30, 9, 28, 20, 8, 16]
            marks = [box(1, [8, 5, 30, 20], label, quad=quad), box(2, [40, 30, 60, 44], label)]
            rows.append(row(name, BOX_TASK, marks, image, **common))
            said = [m | {"caption": f"A big {label} on the left"} for m in marks]
            rows.append(row(name, CAPTION_TASK, said, image, **common))
        write_shard(root, source, split, rows)
    point = {"index": 1, "kind": "point", "xy": [20.0, 20.0], "label": "plane", "flags": ["difficult"]}
    write_shard(
        root, "iSAID", "train", [row("i", "referring_classification_point", [point], plain(), source="iSAID")]
    )
    return root


def page_of(dataset: Path, out: Path, **options) -> str:
    write_gallery(dataset, out, **options)
    return out.read_text(encoding="utf-8")


def test_every_image_is_one_card_with_all_its_rows(dataset: Path, tmp_path: Path):
    summary = write_gallery(dataset, tmp_path / "new" / "g.html")
    page = summary.path.read_text(encoding="utf-8")
    assert (summary.rows_shown, summary.rows_total, summary.images_shown) == (19, 19, 10)
    assert summary.images_missing == 0
    assert summary.bytes == len(summary.path.read_bytes())
    assert page.count("data:image/jpeg;base64,") == 10
    assert page.count('<article class="card"') == 10
    assert page.count('role="tabpanel"') == 19
    assert len(re.findall(r'<g class="mark ', page)) == 18 * 2 + 1
    assert sorted(p.name for p in summary.path.parent.iterdir()) == ["g.html"]


def test_same_data_set_same_bytes(dataset: Path, tmp_path: Path):
    write_gallery(dataset, tmp_path / "a.html", limit=7)
    write_gallery(dataset, tmp_path / "b.html", limit=7)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_page_needs_nothing_from_outside(dataset: Path, tmp_path: Path):
    page = page_of(dataset, tmp_path / "g.html")
    assert re.search(r"content=\"default-src 'none'; img-src data:; .*script-src 'sha256-[^' ]+'", page)
    assert not re.search(r"""(?:src|href)=["'](?!data:image/(?:jpeg|svg\+xml);base64,|#)""", page)
    bare = re.sub('base64,[^"]*', "", page).replace("http-equiv", "")
    assert "url(" not in bare and "@import" not in bare and "http" not in bare


@pytest.mark.parametrize("limit", [1, 4, 7, 10_000])
def test_limit_is_the_most_rows(dataset: Path, tmp_path: Path, limit: int):
    summary = write_gallery(dataset, tmp_path / "g.html", limit=limit)
    assert summary.rows_shown == min(limit, 19)


def test_sample_is_spread_over_sources_then_cells_and_shows_new_classes_first(dataset: Path):
    cells = survey(find_shards(dataset), room=8)
    assert {cell: state.rows for cell, state in cells.items()} == {
        Cell("DIOR", "train", BOX_TASK): 3,
        Cell("DIOR", "train", CAPTION_TASK): 3,
        Cell("DOTA", "train", BOX_TASK): 4,
        Cell("DOTA", "train", CAPTION_TASK): 4,
        Cell("DOTA", "val", BOX_TASK): 2,
        Cell("DOTA", "val", CAPTION_TASK): 2,
        Cell("iSAID", "train", "referring_classification_point"): 1,
    }
    assert {c.image.source for c in choose(cells, 3)} == {"DIOR", "DOTA", "iSAID"}
    seven = choose(cells, 7)
    assert {label for c in seven for label in c.labels} == {"ship", "plane", "harbor"}
    assert Counter((c.image.source, c.image.split) for c in seven) == {
        ("DIOR", "train"): 2, ("DOTA", "train"): 2, ("DOTA", "val"): 2, ("iSAID", "train"): 1,
    }  # fmt: skip
    nine = choose(cells, 9)
    assert {label for c in nine for label in c.labels} == {"ship", "plane", "harbor", "bridge"}
    assert [c.place for c in nine] == sorted(c.place for c in nine)


def test_sample_of_a_long_cell_is_even_and_small_and_keeps_rare_classes(tmp_path: Path):
    rows = [
        row(f"n{i}", BOX_TASK, [box(1, [0, 0, 9, 9], "rare" if i == 777 else "ship")], b"")
        for i in range(1000)
    ]
    write_shard(tmp_path, "DOTA", "train", rows, group=100)
    cells = survey(find_shards(tmp_path), room=16)
    (state,) = cells.values()
    assert state.rows == 1000
    assert len(state.candidates()) <= 2 * 16 + 2
    chosen = [c.position for c in choose(cells, 9)]
    assert 777 in chosen
    gaps = np.diff(sorted(chosen))
    assert len(chosen) == 9 and gaps.max() < 400 and min(chosen) < 200 and max(chosen) > 800


def test_rows_of_one_image_meet_in_one_card_across_row_groups(tmp_path: Path):
    image = plain()
    rows = [
        row("a", t, [box(1, [0, 0, 9, 9])], image) | {"id": str(i)}
        for i, t in enumerate([BOX_TASK, CAPTION_TASK] * 3)
    ]
    write_shard(tmp_path, "DOTA", "train", rows, group=2)
    page = page_of(tmp_path, tmp_path / "g.html")
    assert page.count("data:image/jpeg") == 1
    tabs = re.findall(r'role="tab".*?aria-label="([^"]+)"', page)
    assert tabs == [f"{task.replace('_', ' ')} {n}" for task in (BOX_TASK, CAPTION_TASK) for n in (1, 2, 3)]


def test_hostile_strings_are_text(tmp_path: Path):
    marks = [box(1, [1, 1, 9, 9], HOSTILE, caption=HOSTILE, flags=[HOSTILE])]
    evil = row(HOSTILE, HOSTILE, marks, None, id=HOSTILE, source=HOSTILE, split=HOSTILE, license=HOSTILE)
    evil |= {
        "image": {"bytes": None, "path": f"/nowhere/{HOSTILE}\0"},
        "provenance": HOSTILE,
        "image_source": HOSTILE,
    }
    evil["messages"] += [{"role": HOSTILE, "content": HOSTILE}, {"role": None, "content": None}]
    write_shard(tmp_path, "DOTA", "train", [evil])
    page = page_of(tmp_path, tmp_path / "g.html")
    assert not re.search('<img (?!src="data:)', page) and "<svg onload" not in page and "{{ 7*7 }}" in page
    assert page.count("</script>") == 1
    assert html.escape(HOSTILE).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in page


@pytest.mark.parametrize(
    ("image", "says"),
    [
        ({"bytes": None, "path": "/gone/P0001.png"}, "/gone/P0001.png"),
        ({"bytes": None, "path": "x" * 5000}, "cannot exist"),
        ({"bytes": None, "path": None}, "neither image bytes nor the path"),
        ({"bytes": b"not an image", "path": None}, "cannot be decoded"),
        ({"bytes": plain()[:90], "path": None}, "cannot be decoded"),
        (None, "neither image bytes nor the path"),
    ],
)
def test_a_picture_that_cannot_be_had_leaves_a_note(tmp_path: Path, image: dict | None, says: str):
    broken = row("P1", BOX_TASK, [box(1, [0, 0, 9, 9])], None) | {"image": image}
    write_shard(tmp_path, "DOTA", "train", [broken, row("P2", BOX_TASK, [box(1, [0, 0, 9, 9])], plain())])
    summary = write_gallery(tmp_path, tmp_path / "g.html")
    page = summary.path.read_text(encoding="utf-8")
    assert (summary.images_shown, summary.images_missing) == (2, 1)
    assert page.count('class="missing"') == 1 and page.count("data:image/jpeg") == 1
    assert says in page


def test_referenced_file_and_its_tile(tmp_path: Path):
    raw = Image.new("RGB", (100, 80), "black")
    raw.paste("red", (30, 20, 60, 70))
    raw.save(tmp_path / "raw.png")
    image = {"bytes": None, "path": str(tmp_path / "raw.png")}
    tile = load_picture(image, Wanted([30, 20, 60, 70], 30, 50), dataset=tmp_path, max_side=900)
    assert (tile.width, tile.height) == (30, 50)
    assert decoded(tile.uri).getpixel((2, 2))[0] > 240
    whole = load_picture(image, Wanted(None, 100, 80), dataset=tmp_path, max_side=900)
    assert (whole.width, whole.height) == (100, 80)


def decoded(uri: str | None) -> Image.Image:
    assert uri is not None and uri.startswith("data:image/jpeg;base64,")
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def deep(mode: str) -> Image.Image:
    ramp = np.linspace(0, 60000, 50 * 40).reshape(40, 50)
    return Image.fromarray(ramp.astype({"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
def test_every_mode_becomes_a_small_jpeg(tmp_path: Path, mode: str):
    image = deep(mode) if mode[0] in "IF" else Image.new("RGB", (50, 40), "#c08040").convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, "TIFF" if mode in ("CMYK", "F", "I") else "PNG")
    for max_side, size in ((900, (50, 40)), (25, (25, 20))):
        picture = load_picture(
            {"bytes": buffer.getvalue(), "path": None},
            Wanted(None, 50, 40),
            dataset=tmp_path,
            max_side=max_side,
        )
        assert picture.problem == ""
        shown = decoded(picture.uri)
        assert shown.size == size and shown.mode in ("L", "RGB")
        assert (picture.width, picture.height) == (50, 40)
        if mode[0] in "IF":
            assert shown.getextrema()[0] < 20 and shown.getextrema()[1] > 235


def test_transparent_palette_and_clear_pixels_become_white(tmp_path: Path):
    image = Image.new("P", (8, 8), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    for data in (png(image, transparency=0), png(Image.new("RGBA", (8, 8), (9, 9, 9, 0)))):
        picture = load_picture({"bytes": data}, Wanted(None, 8, 8), dataset=tmp_path, max_side=9)
        assert min(decoded(picture.uri).getpixel((4, 4))) > 250


@pytest.mark.parametrize("decode_limit", [None, 100])
def test_images_above_pillows_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decode_limit: int | None
):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    if decode_limit:  # as if it were too large to decode whole: GDAL reads it reduced
        monkeypatch.setattr("rsvp_builder.gallery.picture.MAX_DECODED_PIXELS", decode_limit)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = load_picture({"bytes": plain()}, Wanted(None, 64, 48), dataset=tmp_path, max_side=32)
    assert Image.MAX_IMAGE_PIXELS == 50
    monkeypatch.undo()
    shown = decoded(picture.uri)
    assert shown.size == (32, 24)
    assert np.allclose(shown.getpixel((9, 9)), (0x40, 0x50, 0x60), atol=4)


def test_marks_keep_their_shape_and_bad_ones_are_named():
    quad = [10, 0, 20, 10, 10, 20, 0, 10]
    drawn, bad = draw_marks(
        [
            box(1, [0, 0, 20, 20], quad=quad),
            box(2, [0, 0, 100, 90.25]),
            box(3, [30, 30, 40, 40], quad=[30, 30, 40, 30, 40, 40, 30, 40]),
            {"index": 4, "kind": "point", "xy": [50.5, 60.0]},
            box(5, [float("nan")] * 4),
            {"index": 6, "kind": "box"},
        ],
        100,
        90,
    )
    by_index = {mark.index: mark for mark in drawn}
    assert bad == [5, 6]
    assert [mark.index for mark in drawn] == [2, 1, 3, 4]  # small marks last, on top
    assert by_index[1].outline == "M10 0L20 10L10 20L0 10Z" and by_index[1].box == "M0 0L20 0L20 20L0 20Z"
    assert by_index[2].outline == "M0 0L100 0L100 90.25L0 90.25Z" and by_index[2].box == ""
    assert by_index[3].box == ""
    assert by_index[4].point == ("50.5", "60") and by_index[4].outline == ""


def test_lines_belong_to_marks():
    marks = [box(1, [], "ship"), box(2, [], "plane", flags=["difficult"]), box(3, [], "car")]
    turns = read_turns(
        [
            {"role": "user", "content": "What is <Region 1>?\nBe brief."},
            {
                "role": "assistant",
                "content": "<Region 1>: ship\n<Region 2>: A plane\nin two lines\n<Region 9>: ?",
            },
        ],
        marks,
    )
    asked = turns[0].lines[0]
    assert [(p.text, p.mark) for p in asked.pieces] == [
        ("What is ", None),
        ("<Region 1>", 1),
        ("?\nBe brief.", None),
    ]
    assert [(a.name, a.notes) for a in turns[1].lines] == [
        ("<Region 1>", ()), ("<Region 2>", ("plane", "difficult")), ("<Region 9>", ("no such mark",)),
    ]  # fmt: skip
    assert turns[1].lines[1].pieces[0].text == "A plane\nin two lines"
    assert mentioned(turns) == {1, 2, 9}


def test_what_does_not_agree_is_said(tmp_path: Path):
    odd = row("P1", BOX_TASK, [box(1, [0, 0, 9, 9]), box(2, [1, 1])], plain(32, 32))
    odd["messages"] = [{"role": "assistant", "content": "<Region 2>: ship"}]
    write_shard(tmp_path, "DOTA", "train", [odd])
    page = page_of(tmp_path, tmp_path / "g.html")
    assert "The image is 32 × 32 px, its row says 64 × 48 px" in page
    assert "Without usable coordinates: 2" in page
    assert re.search(r'Not in the text: <span class="chip c0" data-mark="1">1 ship</span></p>', page)


def test_sparse_rows_do_not_fail(tmp_path: Path):
    write_shard(
        tmp_path, "DOTA", "train", [{"image": {"bytes": plain()}}, {"marks": [None], "messages": [None]}]
    )
    assert write_gallery(tmp_path, tmp_path / "g.html").rows_shown == 2


@pytest.mark.parametrize("options", [{"limit": 0}, {"max_side": 0}])
def test_arguments_are_checked(dataset: Path, tmp_path: Path, options: dict):
    with pytest.raises(RsvpError, match="at least 1"):
        write_gallery(dataset, tmp_path / "g.html", **options)


def test_what_is_no_data_set_is_said_and_nothing_is_written(tmp_path: Path):
    out = tmp_path / "out" / "g.html"
    with pytest.raises(RsvpError, match="no data set here"):
        write_gallery(tmp_path, out)
    shard = tmp_path / "data" / "DOTA" / "train-00000-of-00001.parquet"
    shard.parent.mkdir(parents=True)
    shard.write_bytes(b"PAR1 cut short")
    with pytest.raises(RsvpError, match="cannot be read as Parquet"):
        write_gallery(tmp_path, out)
    pq.write_table(pa.table({"id": ["1"]}), shard)
    with pytest.raises(RsvpError, match=r"column\(s\) builder_version, domain"):
        write_gallery(tmp_path, out)
    write_shard(tmp_path, "DOTA", "train", [])
    with pytest.raises(RsvpError, match="no rows"):
        write_gallery(tmp_path, out)
    assert not out.exists()


def test_a_failed_write_keeps_the_old_page(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    out = tmp_path / "g.html"
    out.write_text("old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(RsvpError, match="No space left"):
        write_gallery(dataset, out)
    assert out.read_text() == "old"
    assert not list(tmp_path.glob(".*.tmp"))


# ---- In a browser --------------------------------------------------------------------------------------

in_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium package")


def chromium(tmp_path: Path, address: str, *what: str) -> str:
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    command = [str(CHROMIUM), *FLAGS, profile, "--window-size=1280,900", *what, address]
    done = subprocess.run(command, check=True, capture_output=True, timeout=120, text=True)
    return done.stdout


def body_of(dom: str) -> dict[str, str]:
    tag = re.search(r"<body([^>]*)>", dom)
    assert tag is not None
    return dict(re.findall(r'data-(\w+)="([^"]*)"', tag[1]))


@in_browser
def test_script_runs_without_error_and_draws_every_mark(dataset: Path, tmp_path: Path):
    write_gallery(dataset, tmp_path / "g.html")
    dom = chromium(tmp_path, (tmp_path / "g.html").as_uri(), "--dump-dom")
    assert body_of(dom) == {"ready": "10", "shown": "10"}
    assert len(re.findall(r'<g class="mark c\d', dom)) == 18 * 2 + 1
    assert dom.count('role="tabpanel"') == 19


@in_browser
def test_address_sets_the_filters(dataset: Path, tmp_path: Path):
    write_gallery(dataset, tmp_path / "g.html")
    dom = chromium(tmp_path, (tmp_path / "g.html").as_uri() + "#task=region_caption&class=ship", "--dump-dom")
    assert body_of(dom) == {"ready": "10", "shown": "6"}
    cards = re.findall(r"<article[^>]*>.*?</article>", dom, re.DOTALL)
    seen = [card for card in cards if not re.match(r"<article[^>]* hidden", card)]
    assert len(seen) == 6
    for card in seen:
        (panel,) = re.findall(r'<section class="row"(?![^>]* hidden)[^>]*>', card)
        assert 'data-task="region_caption"' in panel and '["ship"]' in html.unescape(panel)
        (overlay,) = re.findall(r'<svg class="marks"(?![^>]* hidden)[^>]*>', card)
        assert "region caption" in overlay


@in_browser
def test_hostile_strings_do_not_run(tmp_path: Path):
    marks = [box(1, [1, 1, 9, 9], HOSTILE, caption=HOSTILE)]
    evil = row(HOSTILE, HOSTILE, marks, plain(), source=HOSTILE, id=HOSTILE)
    write_shard(tmp_path, "DOTA", "train", [evil])
    write_gallery(tmp_path, tmp_path / "g.html")
    dom = chromium(tmp_path, (tmp_path / "g.html").as_uri(), "--dump-dom")
    assert body_of(dom) == {"ready": "1", "shown": "1"}


@in_browser
def test_mark_lies_on_the_object(tmp_path: Path):
    """A magenta rectangle in the picture, a mark around it: their edges meet in the screenshot."""
    image = Image.new("RGB", (400, 300), "#102010")
    ImageDraw.Draw(image).rectangle([120, 90, 279, 209], fill="#ff00ff")
    marks = [box(1, [120, 90, 280, 210])]
    write_shard(tmp_path, "DOTA", "train", [row("P", BOX_TASK, marks, png(image), width=400, height=300)])
    write_gallery(tmp_path, tmp_path / "g.html")
    shot = tmp_path / "shot.png"
    chromium(tmp_path, (tmp_path / "g.html").as_uri(), f"--screenshot={shot}")
    pixels = np.asarray(Image.open(shot).convert("RGB")).astype(int)
    left, top, right, bottom = extent(np.abs(pixels - (255, 0, 255)).max(axis=2) < 40)
    assert right - left > 150  # the picture is shown
    # The conversation has the same orange: look only around the object, and below its number.
    near = np.zeros(pixels.shape[:2], bool)
    near[max(0, top - 8) : bottom + 9, max(0, left - 8) : right + 9] = True
    orange = extent((np.abs(pixels - (0xE6, 0x9F, 0x00)).max(axis=2) < 30) & near)
    assert np.abs(np.subtract((orange[0], orange[2], orange[3]), (left, right, bottom))).max() <= 4
    line = (np.abs(pixels - (0xE6, 0x9F, 0x00)).max(axis=2) < 30)[top - 4 : top + 5, left:right]
    assert line.any(axis=0).mean() > 0.9  # its upper edge


def extent(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(mask)
    return int(columns.min()), int(rows.min()), int(columns.max()), int(rows.max())
