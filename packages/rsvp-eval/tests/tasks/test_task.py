"""Task files: those that are shipped, and what is refused."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tomllib

import pytest

from rsvp_builder.catalog import shipped as manifests
from rsvp_builder.tasks import KNOWN, task
from rsvp_eval.errors import EvalError, UnknownNameError
from rsvp_eval.tasks import load, shipped
from rsvp_eval.tasks.task import FOLDER, names

SOUND = """
name = "mine"
version = 1
title = "Mine"
kind = "label"
metrics = ["ss"]
[data]
tasks = ["scene_classification"]
"""


@pytest.mark.parametrize("name", names())
def test_a_shipped_task_speaks_of_what_the_builder_makes(name):
    found = load(name)
    assert found.name == name
    assert found.sha256 == hashlib.sha256((FOLDER / f"{name}.toml").read_bytes()).hexdigest()
    assert set(found.data.tasks) <= set(KNOWN)
    if found.data.granularity:
        assert {task(asked).granularity for asked in found.data.tasks} == {found.data.granularity}
    for source in found.data.sources:
        manifest = manifests()[source]
        assert set(found.data.tasks) <= set(manifest.tasks)
        # Published scores are computed on the last choice; only a list of the user's may precede it.
        assert list(found.data.splits[-1:]) == manifest.evaluation
        assert set(found.data.splits[:-1]) <= {"test_list"}
    prose = {asked for asked in KNOWN if not task(asked).written}
    assert (found.kind == "prose") == bool(prose & set(found.data.tasks)) == ("coverage" in found.metrics)


def test_what_the_paper_reports_is_there():
    published = {found.published for found in shipped().values()} - {None}
    assert published == {
        "II.AID",
        "II.UCMerced",
        "III.NWPU-Captions",
        "IV.DIOR-RSVG.box",
        "IV.DIOR-RSVG.point",
        "V.DIOR-RSVG.box",
    }
    assert all(found.notes for found in shipped().values() if found.published)


def test_the_two_fixed_tasks_keep_what_others_script_against():
    assert load("caption").metrics == ("bleu", "meteor", "rouge_l", "cider")
    assert load("label").metrics == ("ss", "s_iou")
    assert load("label").protocol == "osprey"


def test_an_unknown_task_is_answered_with_those_there_are():
    with pytest.raises(UnknownNameError, match=r"Did you mean caption or .*Known: aid, caption"):
        load("captoin")


def test_a_file_of_ones_own(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(SOUND)
    found = load(path)
    assert found == load(str(path))
    assert (found.name, found.kind, found.alignment, found.references) == ("mine", "label", "marks", "row")
    assert found.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("kind =", "kid ="), "kid: Extra inputs are not permitted"),
        (('"label"', '"lable"'), "kind: Input should be .* \\(read 'lable'\\)"),
        (('metrics = ["ss"]', "metrics = []"), "metrics: Tuple should have at least 1 item"),
        (('metrics = ["ss"]', 'metrics = ["accuracy"]'), "metric 'accuracy' needs a normalization"),
        (("version = 1", "version = 0"), "version: Input should be greater"),
        (('"label"', '"prose"'), "kind 'prose' needs alignment 'whole'"),
        (('title = "Mine"', 'title = "Mine"\nstrip_marks = true'), "strip_marks is for kind 'prose' only"),
        (
            ('title = "Mine"', 'title = "Mine"\nreferences = "place"\nalignment = "whole"'),
            "needs alignment 'marks'",
        ),
        (('title = "Mine"', 'title = "Mine"\nprotocol = "osprei"'), "protocol: Input should be 'osprey'"),
        (('"mine"', '"other"'), "name: 'other', but the file is called 'mine'"),
        (('title = "Mine"', 'sha256 = "x"'), "sha256: is computed"),
        (("tasks = ", "tasks = ["), "not valid TOML"),
        (("tasks =", "split ="), "data.tasks: Field required"),
    ],
)
def test_a_file_that_does_not_fit_is_told_by_key(tmp_path, change, told):
    path = tmp_path / "mine.toml"
    path.write_text(SOUND.replace(*change))
    assert path.read_text() != SOUND
    with pytest.raises(EvalError, match=told) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(EvalError, match="cannot be read"):
        load(tmp_path / "none.toml")


def test_task_files_hold_only_what_differs_from_the_form():
    for name in names():
        raw = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
        assert {"name", "version", "title", "kind", "metrics", "data"} <= raw.keys()


def test_importing_tasks_and_inputs_imports_nothing_heavy():
    heavy = ("torch", "transformers", "rsvp_builder", "scipy", "pycocoevalcap", "tokenizers", "safetensors")
    code = (
        "import sys; import rsvp_eval.tasks, rsvp_eval.inputs.align, rsvp_eval.inputs.pictures, "
        f"rsvp_eval.convert; print([m for m in {heavy!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
