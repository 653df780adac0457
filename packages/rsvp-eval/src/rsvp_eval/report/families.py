"""Families of metrics as results.json names them: from stored statistics back to values."""

from __future__ import annotations

import importlib

from rsvp_eval.scores import Combine, Scores, mean

NAMES = {
    "accuracy": "Accuracy",
    "ss": "SS",
    "s_iou": "S-IoU",
    "bleu_1": "BLEU-1",
    "bleu_2": "BLEU-2",
    "bleu_3": "BLEU-3",
    "bleu_4": "BLEU-4",
    "meteor": "METEOR",
    "rouge_l": "ROUGE-L",
    "cider": "CIDEr",
    "cider_plain": "CIDEr (plain)",
    "spice": "SPICE",
    "mark_coverage": "Mark coverage",
    "mark_precision": "Mark precision",
}
"""Metrics as people write them, in the order in which tables have them."""

LOWER_IS_BETTER: frozenset[str] = frozenset()
"""Metrics of which less is better. There is none yet."""

_COMBINED = {
    "bleu": "rsvp_eval.metrics.bleu",
    "meteor": "rsvp_eval.metrics.meteor.statistics",
}
"""Modules whose ``combine`` gives the values of families that are no means."""

MEAN = "mean"


def rule_of(family: str, combine: Combine) -> str | None:
    """How results.json names the way from sums to values; None where it cannot be told from there."""
    if combine is mean:
        return MEAN
    return family if family in _COMBINED else None


def combine_by(rule: str) -> Combine | None:
    """The way from sums to values that results.json names, or None if there is no such way here."""
    if rule == MEAN:
        return mean
    if rule not in _COMBINED:
        return None
    found: Combine | None = getattr(importlib.import_module(_COMBINED[rule]), "combine", None)
    return found


def columns_of(family: str, scores: Scores) -> tuple[str, ...]:
    """What the statistics of a family count, as its module names them; else by number."""
    width = scores.statistics.shape[1]
    if scores.combine is mean:
        return (*scores.metrics, "samples")
    named = _names(family)
    if len(named) == width:
        return named
    return tuple(f"statistic_{i}" for i in range(1, width + 1))


def _names(family: str) -> tuple[str, ...]:
    if family == "bleu":
        orders = range(1, 5)
        counts = (*(f"guessed_{n}" for n in orders), *(f"correct_{n}" for n in orders))
        return (*counts, "length", "closest_length")
    if family == "meteor":
        from rsvp_eval.metrics.meteor.statistics import NAMES as METEOR

        return (*METEOR, "chunks_unless_perfect")
    return ()


def title(metric: str) -> str:
    """A metric as people write it."""
    return NAMES.get(metric, metric)


def order(metric: str) -> tuple[int, str]:
    """Sorts metrics as tables have them; those that are not known come last."""
    known = list(NAMES)
    return (known.index(metric) if metric in known else len(known), metric)
