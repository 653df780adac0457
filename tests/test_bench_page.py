"""The page of figures says what was recorded, judges it rightly, and says what is missing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.fixture
def page(repository, monkeypatch):
    """The page's module, with its neighbours found as they are beside it, and forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(repository / "benchmarks"))
    import bench_page

    yield bench_page
    for name in set(sys.modules) - before:
        path = getattr(sys.modules[name], "__file__", None) or ""
        if path.startswith(str(repository / "benchmarks")):
            del sys.modules[name]


@pytest.fixture
def figure(page):
    return page.Figure


def test_the_page_in_the_repository_is_that_of_the_results(repository):
    done = subprocess.run(
        [sys.executable, repository / "benchmarks/bench_page.py", "--check"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_every_benchmark_records_and_is_run_by_make_bench(repository, page):
    [recipe] = (repository / "Makefile").read_text().split("\nbench:")[1:]
    recipe = recipe.partition("\n\n")[0]
    for name, command in page.BENCHMARKS.items():
        assert "add_record(parser)" in (repository / f"benchmarks/{name}.py").read_text()
        assert command.endswith("--record")
        assert f"benchmarks/{name}.py" in recipe
    assert recipe.rstrip().endswith("bench_page.py --write-readme")


@pytest.mark.parametrize(
    ("ours", "theirs", "goal", "verdict"),
    [
        (1.0, 10.0, 10.0, "met"),
        (1.01, 10.0, 10.0, "not met"),
        (1.5, 1.0, 1 / 1.5, "met"),
        (1.6, 1.0, 1 / 1.5, "not met"),
        (1.0, 10.0, None, ""),
        (None, 10.0, 10.0, "not measured"),
        (1.0, None, 10.0, "not measured"),
    ],
)
def test_a_goal_beside_a_peer(figure, ours, theirs, goal, verdict):
    assert figure("w", ours, peer="p", theirs=theirs, goal=goal).verdict == verdict


@pytest.mark.parametrize(("ours", "verdict"), [(500.0, "met"), (501.0, "not met"), (None, "not measured")])
def test_a_goal_without_a_peer_is_the_most_that_we_may_take(figure, ours, verdict):
    assert figure("w", ours, "MB", goal=500.0).verdict == verdict


def test_the_slowest_kind_of_work_is_the_limit(page, figure):
    rates = {"write_mb": 1000.0, "headers": 10_000.0}
    one = figure("w", 9.0, work={"write_mb": 2000, "headers": 10_000}, cores=2)
    assert page.limit(one, rates) == (2.0, "writing 2,000 MB")
    # Two cores read headers twice as fast, and write no faster.
    many = figure("w", 9.0, work={"write_mb": 2000, "headers": 60_000}, cores=2)
    assert page.limit(many, rates) == (3.0, "opening 60,000 files")
    assert page.limit(figure("w", 9.0, "ms", work={"write_mb": 1}), rates)[0] == 1.0
    assert page.limit(figure("w", 9.0), rates) is None
    assert page.limit(figure("w", 9.0, bound=3.0, bound_note="n"), rates) == (3.0, "n")


def test_what_was_not_measured_is_written_as_missing(page):
    text = page.section({}, None, "")
    for name in page.BENCHMARKS:
        assert f"`{name}`" in text
    assert text.count("not measured") >= len(page.BENCHMARKS)
    assert "0 of 0 goals are met" in text
    assert "limits.py --record" in text


def test_figures_come_through_unchanged(page, figure, tmp_path):
    figures = [figure("a | b", 2.0, peer="p", peer_version="1.0", theirs=21.0, goal=10.0)]
    told = page.Recorded("eval", "python benchmarks/eval.py", "2026-01-01", {"cores": "2"}, figures)
    told.save(tmp_path / "eval.json")
    found, limits = page.recorded(tmp_path)
    assert found == {"eval": told}
    assert limits is None
    text = page.section(found, limits, "## eval: caption metrics\n")
    assert "[eval](#eval-caption-metrics)" in text
    assert "1 of 1 goals are met" in text
    [line] = [line for line in text.splitlines() if "a \\| b" in line]
    assert [cell.strip() for cell in line.replace("\\|", "/").split("|")[3:8]] == [
        "2.00 s", "p (1.0)", "21.0 s", "10.5x", "at least 10x",
    ]  # fmt: skip


def test_the_plot_has_every_peer_and_is_the_same_each_time(page, figure):
    groups = [("eval", [figure("w", 2.0, peer="somebody", theirs=21.0, goal=10.0)])]
    one, other = page.draw(groups), page.draw(groups)
    assert one == other
    assert "somebody" in one
    assert "10.5x" in one


@pytest.mark.parametrize("name", ["build_dota", "eval", "model", "read_voc", "semantic_points"])
def test_recorded_results_name_machine_date_and_versions(repository, name):
    told = json.loads((repository / f"benchmarks/results/{name}.json").read_text())
    assert told["date"]
    assert told["command"]
    assert told["machine"]["cores"]
    for one in told["figures"]:
        if one["peer"] and one["peer"] != "ourselves, one by one":
            assert any(c.isdigit() for c in one["peer_version"]), one
