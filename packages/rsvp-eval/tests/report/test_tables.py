"""Tables: one run, several runs, and numbers that must not stand in one column."""

from __future__ import annotations

import csv
import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from rsvp_eval.errors import EvalError, UnknownNameError
from rsvp_eval.evaluation import InputFile
from rsvp_eval.report.grid import Grid
from rsvp_eval.report.runs import csv_of, read_runs, tables_of
from rsvp_eval.report.table import table_of
from rsvp_eval.report.write import write_report
from rsvp_eval.scores import Scores


def cells(markdown):
    """The rows of the first Markdown table, heads included."""
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    split = [[c.strip() for c in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]
    return [split[0], *split[2:]]


@pytest.fixture
def run(evaluation, tmp_path):
    """Writes a run of labels into a folder of that name; keywords replace parts of the evaluation."""

    def write(name, value=None, spec="ss protocol=osprey", **changes):
        if value is not None:
            changes["scores"] = {"ss": Scores.of_means("ss", np.full(30, value), spec)}
        write_report(evaluation(missing={}, **changes), tmp_path / name, draws=100, page=False)
        return tmp_path / name

    return write


def test_one_run_has_a_row_a_metric_and_its_cautions_below(evaluation, tmp_path):
    results = write_report(evaluation(), tmp_path, page=False)
    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    head, first, *_ = cells(text)
    assert head == ["Task", "n", "Metric", "↑", "Value (x100)", "±95%", "Protocol"]
    low, high = results.metrics["accuracy"].ci95
    assert first == ["dior_rsvg_box", "30", "Accuracy", "↑", "80.00", f"{(high - low) * 50:.2f}", "osprey"]
    assert "- Caution: mind the protocol" in text
    assert "- SPICE is missing: no CoreNLP here" in text
    assert "missing 3" in text
    assert cells(text)[-1][4:6] == ["–", "–"]


def test_a_partial_run_says_so_first(evaluation, tmp_path):
    results = write_report(evaluation(partial=True), tmp_path, page=False)
    assert table_of(results).notes[0].startswith("Partial")


def test_runs_of_one_task_and_spec_share_a_column_and_are_sorted(run):
    runs = read_runs([run("weak", 0.25), run("strong", 0.75)])
    (grid,) = tables_of(runs, sort="ss")
    assert grid.columns == ["Run", "n", "Protocol", "SS"]
    assert [row[0] for row in grid.rows] == ["strong", "weak"]
    assert grid.rows[0][3].startswith("75.00")
    assert [row[0] for row in tables_of(runs)[0].rows] == ["weak", "strong"]


def test_two_ways_to_compute_a_metric_never_share_a_column(run):
    runs = read_runs([run("a", 0.25), run("b", 0.75, spec="ss protocol=sphinxv")])
    (grid,) = tables_of(runs)
    assert len(grid.columns) == 5
    assert len(set(grid.columns)) == 5
    assert [row[3:] for row in grid.rows] == [["25.00 ± 0.00", "–"], ["–", "75.00 ± 0.00"]]
    assert any("ss protocol=sphinxv" in note for note in grid.notes)
    assert any("ss protocol=osprey" in note for note in grid.notes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"protocol": "strict"}, "differ in their protocol"),
        ({"partial": True}, "partial"),
        ({"splits": {"DIOR-RSVG": "val"}}, "different splits"),
        ({"inputs": {"references": InputFile("r.jsonl", "00")}}, "different references"),
    ],
)
def test_what_else_differs_is_marked(run, changes, said):
    (grid,) = tables_of(read_runs([run("plain", 0.5), run("other", 0.5, **changes)]))
    (note,) = [note for note in grid.notes if said in note]
    mark = note.split()[0]
    assert mark in grid.rows[1][0]


def test_other_predictions_are_no_difference(run):
    inputs = {"predictions": InputFile("other.jsonl", "11" * 32)}
    (grid,) = tables_of(read_runs([run("plain", 0.5), run("other", 0.5, inputs=inputs)]))
    assert [row[0] for row in grid.rows] == ["plain", "other"]


def test_tasks_have_tables_of_their_own_and_so_have_changed_task_files(run):
    paths = [run("a", 0.5), run("b", 0.5, task_name="aid"), run("c", 0.5, task_sha256="ff" * 32)]
    grids = tables_of(read_runs(paths))
    assert [[row[0] for row in grid.rows] for grid in grids] == [["a"], ["b"], ["c"]]
    assert len({grid.title for grid in grids}) == 3


def test_runs_are_named_by_what_tells_them_apart(run):
    names = [r.name for r in read_runs([run("x/out", 0.5), run("y/out", 0.5)])]
    assert names == ["x/out", "y/out"]


def test_an_unknown_metric_to_sort_by_is_refused(run):
    with pytest.raises(UnknownNameError, match="cidr"):
        tables_of(read_runs([run("a", 0.5)]), sort="cidr")


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(EvalError, match=r"results\.json"):
        read_runs([tmp_path])


def test_csv_has_full_numbers_and_the_spec_in_each_line(run):
    runs = read_runs([run("a", 1 / 3), run("b", 0.75, spec="ss protocol=sphinxv")])
    first, second = csv.DictReader(io.StringIO(csv_of(runs)))
    assert float(first["value"]) == runs[0].results.metrics["ss"].value
    assert (first["run"], first["metric"], first["spec"]) == ("a", "ss", "ss protocol=osprey")
    assert second["spec"] == "ss protocol=sphinxv"


def test_cells_are_escaped_for_every_form():
    grid = Grid("", ("a|b", "c_d & e"), (("<script>\n", "50% [red]x[/red]"),), frozenset({1}), ("1_2",))
    assert (
        grid.markdown() == "| a\\|b | c_d & e |\n|---|---:|\n| &lt;script>  | 50% [red]x[/red] |\n\n- 1_2\n"
    )
    latex = grid.latex()
    assert r"c\_d \& e" in latex
    assert r"50\% [red]x[/red]" in latex
    assert latex.count(r"\\") == 2
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(grid.terminal())
    assert "[red]x[/red]" in console.export_text()


@given(st.lists(st.lists(st.text(max_size=20), min_size=2, max_size=2), max_size=5))
def test_markdown_rows_have_as_many_cells_as_columns(rows):
    lines = [line for line in Grid("", ("a", "b"), rows).markdown().split("\n") if line.startswith("|")]
    assert len(lines) == len(rows) + 2
    for line in lines:
        bare = re.sub(r"\\.", "", line)
        assert bare.count("|") == 3
