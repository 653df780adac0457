"""The published tables: the numbers as noted, our rows beside them, and why they may not be compared."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from rsvp_eval.evaluation import Evaluation
from rsvp_eval.paper.beside import UNVERIFIED, paper_tables
from rsvp_eval.paper.tables import Published, earthmarker
from rsvp_eval.report.build import results_of
from rsvp_eval.report.families import NAMES
from rsvp_eval.report.runs import Run
from rsvp_eval.sample import Sample
from rsvp_eval.scores import Scores
from rsvp_eval.tasks.task import shipped


@pytest.fixture
def run():
    """Makes a run of a shipped task with n equal samples of value 0.5."""

    def make(task, *, name="mine", n=8, metrics=("ss", "s_iou"), spec="spec", **changes):
        found = shipped()[task]
        samples = [Sample(str(i), str(i), "x", ("y",), image=str(i)) for i in range(n)]
        given = {
            "task_name": found.name,
            "task_version": found.version,
            "task_sha256": found.sha256,
            "title": found.title,
            "kind": found.kind,
            "protocol": found.protocol,
            "samples": samples,
            "scores": {m: Scores.of_means(m, np.full(n, 0.5), spec) for m in metrics},
            "missing": {},
            "counts": {},
            "lists": {},
            "notes": [],
            "inputs": {},
            "seconds": {},
            "partial": False,
            "confusion": None,
            "published": found.published,
            "data": None,
            "splits": dict.fromkeys(found.data.sources, "test"),
        }
        return Run(name, results_of(Evaluation(**(given | changes)), draws=20))

    return make


def grid(grids, number):
    (found,) = [g for g in grids if g.title.startswith(f"Table {number}.")]
    return found


def said(grids, number, of="[1]"):
    return [note for note in grid(grids, number).notes if note.startswith(of)]


def test_the_numbers_are_those_of_the_paper():
    paper = earthmarker()

    def own(published):
        (row,) = [r for r in paper.part(published).rows if r.method == "EarthMarker"]
        assert not row.second_hand
        return " ".join(row.values[m] for m in paper.part(published).metrics)

    assert own("II.AID") == "77.97"
    assert own("II.UCMerced") == "86.52"
    assert own("III.NWPU-Captions") == "84.4 73.1 62.9 54.3 37.5 70.0 162.9 26.8"
    assert own("IV.DIOR-RSVG.box") == "98.37 97.24"
    assert own("IV.DIOR-RSVG.point") == "95.96 93.49"
    assert own("V.DIOR-RSVG.box") == "57.14 48.60 43.06 38.59 31.97 60.46 379.25 59.87"
    assert own("V.DIOR-RSVG.point") == "57.45 49.23 43.88 39.46 32.26 61.51 400.76 61.03"


def test_the_tables_cite_the_paper():
    grids = paper_tables([])
    assert len(grids) == 4
    assert all("arXiv:2407.13596" in found.notes[0] for found in grids)
    assert "W. Zhang" in grids[0].notes[0]
    assert "10.1109/TGRS.2024.3523505" in grids[0].notes[0]


def test_every_published_key_of_a_task_is_a_table_and_metrics_are_known():
    paper = earthmarker()
    keys = [task.published for task in shipped().values() if task.published is not None]
    assert len(keys) >= 6
    assert all(paper.part(key) is not None for key in keys)
    parts = [part for table in paper.tables for part in table.parts]
    assert {metric for part in parts for metric in part.metrics} <= NAMES.keys()
    assert paper.part("II.nothing") is None


def test_numbers_of_second_hand_are_marked_and_their_source_told():
    found = grid(paper_tables([]), "IV")
    cells = {row[0]: row[1:] for row in found.rows}
    assert cells["EarthGPT"][:2] == [f"94.64{UNVERIFIED}", f"90.16{UNVERIFIED}"]
    assert any(note.startswith(f"{UNVERIFIED} EarthGPT: by subtraction") for note in found.notes)
    assert UNVERIFIED not in "".join(cells["EarthMarker"])
    with pytest.raises(ValidationError, match="have a source"):
        Published(method="m", second_hand={"ss": "1"})
    with pytest.raises(ValidationError, match="confirmed or of second hand"):
        Published(method="m", values={"ss": "1"}, second_hand={"ss": "1"}, source="s")


def test_our_rows_stand_in_their_own_columns(run):
    grids = paper_tables([run("dior_rsvg_point")])
    row = grid(grids, "IV").rows[-1]
    assert row[0] == "ours: mine [1]"
    assert row[1:] == ["", "", "50.00 ± 0.00", "50.00 ± 0.00"]
    assert all("ours" not in r[0] for number in ("II", "III", "V") for r in grid(grids, number).rows)


def test_stacked_tables_have_our_row_below_the_published_one(run):
    metrics = ("meteor", "cider")
    found = grid(paper_tables([run("dior_rsvg_caption_box", metrics=metrics)]), "V")
    assert [row[:2] for row in found.rows] == [
        ["EarthMarker", "box"],
        ["ours: mine [1]", "box"],
        ["EarthMarker", "point"],
    ]
    assert found.rows[1][6:] == ["50.00 ± 0.00", "–", "50.00 ± 0.00", "–"]


def test_a_run_under_the_published_conditions_has_only_the_caveats(run):
    notes = said(paper_tables([run("dior_rsvg_box", n=7500)]), "IV")
    assert "nothing in its results differs" in notes[0]
    assert len(notes) > 1
    assert all("with care" in note for note in notes[1:])


@pytest.mark.parametrize(
    ("task", "changes", "reason"),
    [
        ("dior_rsvg_box", {"partial": True}, "partial run"),
        ("dior_rsvg_box", {"task_sha256": "00"}, "other task: its file is not the one of task dior_rsvg_box"),
        ("dior_rsvg_box", {"task_name": "mine"}, "other task: its file is not the one of task mine"),
        ("dior_rsvg_box", {"n": 9}, "9 samples, the published one has 7,500"),
        ("dior_rsvg_box", {"protocol": "sphinxv"}, "other protocol: sphinxv, the paper's is osprey"),
        ("dior_rsvg_box", {"splits": {"DIOR-RSVG": "val"}}, "other split: val of DIOR-RSVG"),
        ("dior_rsvg_box", {"splits": {}}, "which split was scored is not recorded"),
        ("dior_rsvg_box", {"metrics": ("ss",)}, "S-IoU was not asked for"),
        ("aid", {"splits": {"AID": "test20_seed0"}}, "a seeded draw that is nobody's published split"),
        ("aid", {}, "the published one has 3,000 (unverified)"),
        ("nwpu_captions", {"missing": {"spice": "no models"}}, "SPICE is missing: no models"),
        (
            "nwpu_captions",
            {"metrics": ("cider",), "spec": "cider-d idf=file:x"},
            "other document frequencies",
        ),
        ("nwpu_captions", {"metrics": ("cider",), "spec": "cider-d idf=corpus"}, "it is another scale"),
    ],
)
def test_what_is_not_comparable_is_told_with_its_reason(run, task, changes, reason):
    found = run(task, **changes)
    number = found.results.task.published.partition(".")[0]
    notes = said(paper_tables([found]), number)
    assert any("not comparable" in note and reason in note for note in notes)


def test_the_known_traps_are_told():
    notes = {g.title.split(".")[0]: " ".join(g.notes) for g in paper_tables([])}
    assert "CIDEr (0-5)" in notes["Table III"]
    assert earthmarker().part("II.UCMerced").n == 2100
    assert earthmarker().part("II.AID").splits == ("test_list",)


def test_cautions_of_the_run_are_told_too(run):
    notes = said(paper_tables([run("dior_rsvg_box", n=7500, notes=["4 rows have no answer"])]), "IV")
    assert notes[-1] == "[1] caution of the run: 4 rows have no answer"
    assert not any("nothing in its results differs" in note for note in notes)


def test_samples_that_a_metric_leaves_out_are_told(run):
    found = run("dior_rsvg_box")
    metrics = {"ss": found.results.metrics["ss"].model_copy(update={"n": 5})} | {
        "s_iou": found.results.metrics["s_iou"]
    }
    fewer = Run(found.name, found.results.model_copy(update={"metrics": metrics}))
    assert any("SS is over 5 of 8 samples" in note for note in said(paper_tables([fewer]), "IV"))


def test_several_runs_are_numbered(run):
    grids = paper_tables([run("dior_rsvg_box", name="a"), run("dior_rsvg_point", name="b")])
    assert [r[0] for r in grid(grids, "IV").rows if "ours" in r[0]] == ["ours: a [1]", "ours: b [2]"]
    assert said(grids, "IV", "[2]")


def test_runs_that_the_paper_has_no_table_for_are_told(run):
    strays = paper_tables([run("region_caption", name="mine"), run("scene", name="odd", published="II.Mars")])
    assert "mine: the paper prints no score of task region_caption" in strays[-1].notes
    assert "odd: the paper has no table II.Mars; see task scene" in strays[-1].notes
