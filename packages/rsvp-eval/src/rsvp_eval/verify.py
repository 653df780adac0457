"""Recorded values of the reference implementations, computed again.

``golden.json`` beside this file was written by the reference implementations (pycocoevalcap 1.2 and its jars,
sentence-transformers) from captions and labels made up for it, by ``tests/verify/write_golden.py``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from rsvp_eval.captions import Captions
from rsvp_eval.errors import EvalError
from rsvp_eval.metrics.registry import FAMILIES
from rsvp_eval.scores import Scores

GOLDEN = Path(__file__).with_name("golden.json")

TOLERANCE = {"ss": 1e-6}
"""Largest difference that is none; 1e-9 for all others. Embeddings are float32."""


@dataclass(frozen=True)
class Check:
    """One metric, recomputed.

    Attributes:
        metric: its name.
        values: values compared, of samples and of the corpus.
        difference: the largest; None where the metric could not be computed.
        verdict: in words.
        failed: whether a value differs.
    """

    metric: str
    values: int
    difference: float | None
    verdict: str
    failed: bool = False


def verify() -> list[Check]:
    """Compare every metric that has recorded values and can be computed here."""
    golden: dict[str, Any] = json.loads(GOLDEN.read_text(encoding="utf-8"))
    captions = Captions()
    captions.update(golden["captions"]["predictions"], golden["captions"]["references"])
    checks = [_tokens(captions, golden["captions"]["tokens"])]
    for name in ("bleu", "rouge_l", "cider", "meteor"):
        checks += _family(name, partial(_captions, name, captions), golden["captions"]["metrics"])
    for protocol, recorded in golden["labels"]["metrics"].items():
        for name in ("s_iou", "ss"):
            score = partial(_labels, name, protocol, golden["labels"])
            checks += _family(name, score, recorded, f" ({protocol})")
    return checks


def _captions(name: str, captions: Captions) -> Scores:
    scores: Scores = FAMILIES[name].make(captions).score()
    return scores


def _labels(name: str, protocol: str, given: dict[str, Any]) -> Scores:
    scorer = FAMILIES[name].make(protocol=protocol)
    scorer.update(given["predictions"], given["targets"])
    scores: Scores = scorer.score()
    return scores


def _tokens(captions: Captions, recorded: list[str]) -> Check:
    tokens = captions.tokens
    found = [tokens[i] for i in captions.predictions]
    wrong = sum(a != b for a, b in zip(found, recorded, strict=True))
    verdict = "equal" if not wrong else f"{wrong} captions are tokenised in another way"
    return Check("tokens", len(recorded), float(wrong), verdict, bool(wrong))


def _family(
    name: str, score: Callable[[], Scores], recorded: dict[str, Any], suffix: str = ""
) -> list[Check]:
    """Compare each value of a family."""
    family = FAMILIES[name]
    reason = family.missing()
    if reason is None:
        try:
            scores = score()
        except EvalError as error:
            reason = str(error)
    if reason is not None:
        return [
            Check(m + suffix, 0, None, f"not computed: {reason}") for m in family.metrics if m in recorded
        ]
    checks = []
    values = scores.values()
    for column, metric in enumerate(scores.metrics):
        if metric not in recorded:
            continue
        known = np.array([*recorded[metric]["samples"], recorded[metric]["value"]])
        found = np.array([*scores.samples[:, column], values[metric]])
        difference = float(np.abs(known - found).max())
        failed = not difference <= TOLERANCE.get(metric, 1e-9)
        checks.append(
            Check(metric + suffix, len(known), difference, "differs" if failed else "equal", failed)
        )
    return checks
