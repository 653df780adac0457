"""``rsvp-build preview --drawing set-of-marks``: the gallery shows what a captioning model sees."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from rsvp_builder.build import build
from rsvp_builder.captioning.drawing import colour_of
from rsvp_builder.cli.app import app
from rsvp_builder.demo import write
from rsvp_builder.settings import Settings


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("drawn")
    write("NWPU-VHR-10", root / "raw", seed=3)
    build("NWPU-VHR-10", root / "raw", root / "set", Settings(marks_per_row=4), workers=1)
    return root / "set"


def page_of(dataset: Path, page: Path, *options: str) -> tuple[dict, str]:
    command = ["preview", str(dataset), "--html", str(page), "--limit", "9", "--json", *options]
    ran = CliRunner().invoke(app, command)
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout), page.read_text(encoding="utf-8")


def pictures_of(page: str) -> list[Image.Image]:
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    return [Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB") for text in found]


def inked(picture: Image.Image) -> int:
    """Pixels that have just the colour of the first mark, as far as JPEG keeps it."""
    colour = [int(colour_of(1)[0][i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(np.asarray(picture, np.int16) - colour).max(axis=2) < 12).sum())


def test_marks_are_in_the_pictures_and_each_row_has_its_own(dataset: Path, tmp_path: Path):
    summary, page = page_of(dataset, tmp_path / "g.html", "--drawing", "set-of-marks", "--max-side", "600")
    rows = summary["rows_shown"]
    assert rows == min(9, summary["rows_total"]) > 3
    assert page.count('<article class="card"') == page.count('role="tabpanel"') == rows
    assert 'class="marks"' not in page
    assert "data-show" not in re.sub(r"<script>.*</script>", "", page, flags=re.DOTALL)
    drawn = pictures_of(page)
    assert len(drawn) == rows
    assert all(max(picture.size) <= 600 for picture in drawn)
    assert all(inked(picture) > 40 for picture in drawn)
    again, same = page_of(dataset, tmp_path / "h.html", "--drawing", "set-of-marks", "--max-side", "600")
    assert same == page
    assert again["bytes"] == summary["bytes"]


def test_outlines_over_the_picture_stay_the_default(dataset: Path, tmp_path: Path):
    _, page = page_of(dataset, tmp_path / "g.html")
    _, outlined = page_of(dataset, tmp_path / "h.html", "--drawing", "outline")
    assert page == outlined
    assert 'class="marks"' in page
    assert all(inked(picture) < 40 for picture in pictures_of(page))


def test_another_drawing_is_refused(dataset: Path):
    ran = CliRunner().invoke(app, ["preview", str(dataset), "--drawing", "masks"])
    assert ran.exit_code == 2
    assert "set-of-marks" in ran.output
