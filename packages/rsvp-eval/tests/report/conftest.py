"""What the tests of reports share: evaluations of all kinds, made without running a metric."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rsvp_builder.build import build
from rsvp_builder.demo import write
from rsvp_builder.settings import Settings
from rsvp_eval.evaluation import Evaluation, InputFile
from rsvp_eval.metrics.bleu import bleu
from rsvp_eval.metrics.confusion import confusion
from rsvp_eval.sample import Sample
from rsvp_eval.scores import Scores

CLASSES = ("bridge", "ship", "storage tank")


def label_samples(n=30):
    """Every fifth answer is wrong, every tenth missing; two samples an image."""
    samples = []
    for i in range(n):
        truth = CLASSES[i % 3]
        answer = CLASSES[(i + 1) % 3] if i % 5 == 0 else truth
        samples.append(
            Sample(
                id=f"row{i // 2}#{i % 2 + 1}",
                row=f"row{i // 2}",
                prediction=None if i % 10 == 0 else answer,
                references=(truth,),
                image=f"DIOR-RSVG/{i // 2}",
                label=truth,
                mark=i % 2 + 1,
            )
        )
    return samples


def label_scores(samples):
    right = np.array([float(s.prediction == s.references[0]) for s in samples])
    return {
        "ss": Scores.of_means("ss", 0.25 + 0.75 * right, "ss protocol=osprey"),
        "accuracy": Scores.of_means("accuracy", right, "accuracy normalization=geochat"),
    }


@pytest.fixture
def evaluation():
    """Makes an evaluation of labels; keywords replace parts of it."""

    def make(**changes):
        samples = changes.pop("samples", None) or label_samples()
        given = {
            "task_name": "dior_rsvg_box",
            "task_version": 1,
            "task_sha256": "ab" * 32,
            "title": "Labels of boxes",
            "kind": "label",
            "protocol": "osprey",
            "samples": samples,
            "scores": label_scores(samples),
            "missing": {"spice": "no CoreNLP here"},
            "counts": {"samples": len(samples), "missing": 3, "unknown": 0},
            "lists": {"missing": [s.id for s in samples if s.prediction is None], "unknown": []},
            "notes": ["mind the protocol"],
            "inputs": {"predictions": InputFile("preds.jsonl", "cd" * 32)},
            "seconds": {"ss": 0.25},
            "partial": False,
            "confusion": confusion(
                [s.prediction for s in samples], [s.references[0] for s in samples], CLASSES
            )
            if all(s.references[0] in CLASSES for s in samples)
            else None,
            "published": "IV.DIOR-RSVG.box",
            "data": None,
            "splits": {"DIOR-RSVG": "test"},
        }
        return Evaluation(**(given | changes))

    return make


@pytest.fixture
def captions(evaluation):
    """An evaluation of captions by BLEU, whose value is no mean."""
    predictions = [
        "a ship lies near the harbor",
        "two planes stand on the apron",
        "a bridge over a river",
        "",
    ]
    references = [
        ["a large ship is near the harbor", "a ship lies in the harbor"],
        ["two planes stand on the wide apron"],
        ["there is a bridge over the river"],
        ["many storage tanks stand in rows"],
    ]
    samples = [
        Sample(str(i), str(i), p, tuple(r), image=f"image{i % 3}")
        for i, (p, r) in enumerate(zip(predictions, references, strict=True))
    ]
    scores = {
        "bleu": bleu(predictions, references, tokenized=True),
        "rouge_l": Scores.of_means("rouge_l", np.array([0.1, 1 / 3, 0.7, 0.0]), "rouge-l beta=1.2"),
    }
    return evaluation(
        samples=samples, scores=scores, kind="caption", protocol=None, title="Captions", task_name="caption"
    )


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    """A small data set with pictures; do not write into it."""
    folder = tmp_path_factory.mktemp("report")
    release = write("DIOR-RSVG", folder / "raw", seed=0)
    build("DIOR-RSVG", Path(release.root), folder / "out", Settings(tile=0), workers=1)
    return folder / "out"
