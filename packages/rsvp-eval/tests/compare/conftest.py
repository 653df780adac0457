"""What the tests of comparisons share: result folders made from arrays of scores."""

from __future__ import annotations

import numpy as np
import pytest

from rsvp_eval.evaluation import Evaluation
from rsvp_eval.report.write import write_report
from rsvp_eval.sample import Sample
from rsvp_eval.scores import Scores


@pytest.fixture
def folder(tmp_path):
    """Writes a result folder: a metric ``ss`` with the given values, two samples an image."""

    def write(name, values, *, ids=None, per_image=2, references=None, scores=None, **changes):
        values = np.asarray(values, dtype=float)
        ids = [f"s{i}" for i in range(len(values))] if ids is None else ids
        # An id has the same image and references in every run.
        numbers = [int(key[1:]) for key in ids]
        samples = [
            Sample(key, key, "ship", references or (f"class {n}",), image=f"image{n // per_image}")
            for key, n in zip(ids, numbers, strict=True)
        ]
        spec = changes.pop("spec", "ss protocol=osprey")
        given = {
            "task_name": "label",
            "task_version": 1,
            "task_sha256": "ab",
            "title": "Labels",
            "kind": "label",
            "protocol": "osprey",
            "samples": samples,
            "scores": {"ss": Scores.of_means("ss", values, spec)} if scores is None else scores,
            "missing": {},
            "counts": {},
            "lists": {},
            "notes": [],
            "inputs": {},
            "seconds": {},
            "partial": False,
            "confusion": None,
            "published": None,
            "data": None,
        }
        write_report(Evaluation(**(given | changes)), tmp_path / name, draws=20, page=False)
        return tmp_path / name

    return write
