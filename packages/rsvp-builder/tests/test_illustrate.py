"""The plots beside a data set's card: when they are there, and that they are those of the data set."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rsvp_builder.build import build
from rsvp_builder.dataset.card import shows_plots
from rsvp_builder.dataset.illustrate import illustrate
from rsvp_builder.dataset.layout import Folder
from rsvp_builder.dataset.plots import PLOT_NAMES, draw_plots
from rsvp_builder.dataset.stats import tabulate
from rsvp_builder.demo.dota import write_release


@pytest.fixture(scope="module")
def releases(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("releases")
    return {v: write_release(folder / v, version=v).root for v in ("1.0", "2.0")}


def test_the_card_shows_the_plots_until_another_source_makes_them_untrue(releases, tmp_path, digest):
    folder = Folder(tmp_path / "a")
    build("DOTA-v1.0", releases["1.0"], folder.out)
    bare = digest(folder.out)
    assert not shows_plots(folder)
    found = illustrate(folder)
    card = folder.card.read_text()
    shown = re.findall(r"^!\[([^\]]+)\]\(plots/(\w+)\.svg\)\n\n\*(.+)\*$", card, re.MULTILINE)
    assert [(alt, name, caption) for alt, name, caption in shown] == [
        (plot.alt, plot.name, plot.caption) for plot in draw_plots(found)
    ]
    assert {path.stem for path in (folder.out / "plots").iterdir()} == {name for _, name, _ in shown}
    assert shows_plots(folder)

    build("DOTA-v2.0", releases["2.0"], folder.out)
    assert not shows_plots(folder)
    assert not (folder.out / "plots").exists()

    illustrate(folder)
    other = Folder(tmp_path / "b")
    build("DOTA-v2.0", releases["2.0"], other.out)
    build("DOTA-v1.0", releases["1.0"], other.out)
    illustrate(other)
    data = {path: hash_ for path, hash_ in digest(folder.out).items() if not path.startswith(".build")}
    assert data == {path: hash_ for path, hash_ in digest(other.out).items() if path in data}
    assert "plots/rows.svg" in data and "plots/rows.svg" not in bare


def test_what_a_killed_run_left_is_mended_and_other_files_stay(releases, tmp_path, digest):
    folder = Folder(tmp_path)
    build("DOTA-v1.0", releases["1.0"], folder.out)
    illustrate(folder)
    whole = digest(folder.out)
    (folder.out / "plots/rows.svg").write_bytes(b"<svg")
    (folder.out / "plots/.classes.svg.123.tmp").write_bytes(b"<svg")
    illustrate(folder)
    assert digest(folder.out) == whole
    (folder.out / "plots/mine.svg").write_bytes(b"<svg/>")
    build("DOTA-v1.0", releases["1.0"], folder.out, overwrite=True)
    assert [path.name for path in (folder.out / "plots").iterdir()] == ["mine.svg"]


def test_stats_draws_plots_on_request(releases, tmp_path):
    build("DOTA-v1.0", releases["1.0"], tmp_path)

    def stats(*options: str) -> str:
        command = [sys.executable, "-m", "rsvp_builder", "stats", str(tmp_path), *options]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
        assert done.stderr == ""
        return done.stdout

    said = stats()
    assert not (tmp_path / "plots").exists()
    for heading in ("rows", "classes", "mark sizes", "mark positions", "image sizes", "caption lengths"):
        assert re.search(rf"^{heading}", said, re.MULTILINE)
    assert "small vehicle" in said and "█" in said
    assert stats("--plots") == said
    assert {f"{name}.svg" for name in PLOT_NAMES} == {path.name for path in (tmp_path / "plots").iterdir()}
    assert json.loads(stats("--json")) == tabulate(Folder(tmp_path).shards("DOTA-v1.0"))
