"""Recorded values are those of the references, and are found again."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from rsvp_eval import verify as verification
from rsvp_eval.verify import GOLDEN, verify


def test_every_metric_that_can_be_computed_equals_its_reference():
    checks = verify()
    assert {check.metric for check in checks} >= {"tokens", "bleu_4", "rouge_l", "cider", "s_iou (osprey)"}
    assert [check for check in checks if check.failed] == []
    for check in checks:
        assert check.difference is not None or check.verdict.startswith("not computed: ")


@pytest.mark.parametrize(
    ("path", "metric"),
    [
        (("captions", "metrics", "cider", "samples", 3), "cider"),
        (("captions", "metrics", "bleu_4", "value"), "bleu_4"),
        (("captions", "tokens", 0), "tokens"),
        (("labels", "metrics", "osprey", "s_iou", "samples", 0), "s_iou (osprey)"),
    ],
)
def test_a_value_that_differs_is_told(tmp_path, monkeypatch, path, metric):
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    place = golden
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = "other" if isinstance(place[path[-1]], str) else place[path[-1]] + 1e-6
    changed = tmp_path / "golden.json"
    changed.write_text(json.dumps(golden), encoding="utf-8")
    monkeypatch.setattr(verification, "GOLDEN", changed)
    assert [check.metric for check in verify() if check.failed] == [metric]


@pytest.mark.slow
@pytest.mark.skipif(
    shutil.which("java") is None
    or find_spec("pycocoevalcap") is None
    or find_spec("sentence_transformers") is None,
    reason="the reference implementations need Java, pycocoevalcap and sentence-transformers",
)
def test_the_recorded_values_are_what_the_references_say_today(tmp_path):
    script = tmp_path / "tests/verify/write_golden.py"
    script.parent.mkdir(parents=True)
    (tmp_path / "src/rsvp_eval").mkdir(parents=True)
    folder = tmp_path / "packages"
    folder.mkdir()
    source = Path(__file__).with_name("write_golden.py").read_text(encoding="utf-8")
    script.write_text(source, encoding="utf-8")
    subprocess.run([sys.executable, str(script)], check=True, capture_output=True, timeout=300)
    written = json.loads((tmp_path / "src/rsvp_eval/golden.json").read_text(encoding="utf-8"))
    recorded = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert written["captions"] == recorded["captions"]
    for protocol, metrics in recorded["labels"]["metrics"].items():
        for name, values in metrics.items():
            assert written["labels"]["metrics"][protocol][name]["samples"] == pytest.approx(
                values["samples"], abs=1e-6
            )
