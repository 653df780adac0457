"""All metrics by name: what each is of, and how it is called."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from rsvp_eval.errors import UnknownNameError

Subject = Literal["captions", "labels", "citations"]


@dataclass(frozen=True)
class Family:
    """Metrics that are computed together.

    Attributes:
        name: how the family is asked for.
        metrics: names of its values in results.
        subject: what it scores: captions, labels, or the marks that prose cites.
        module: where its scorer is.
        scorer: name of the class there.
        summary: a line about it.
        resources: whether it needs more than this package; the module's ``missing()`` says what.
    """

    name: str
    metrics: tuple[str, ...]
    subject: Subject
    module: str
    scorer: str
    summary: str
    resources: bool = False

    def missing(self) -> str | None:
        """Why the metric cannot be computed here; None where it can."""
        if not self.resources:
            return None
        reason: str | None = importlib.import_module(self.module).missing()
        return reason

    def make(self, *args: Any, **kwargs: Any) -> Any:
        """A scorer of the family."""
        return getattr(importlib.import_module(self.module), self.scorer)(*args, **kwargs)


_BLEU = tuple(f"bleu_{n}" for n in range(1, 5))

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family("bleu", _BLEU, "captions", "rsvp_eval.metrics.bleu", "BleuScorer", "n-gram precision, 1 to 4"),
        Family(
            "meteor",
            ("meteor",),
            "captions",
            "rsvp_eval.metrics.meteor",
            "MeteorScorer",
            "METEOR 1.5: stems, synonyms and paraphrases aligned",
            resources=True,
        ),
        Family(
            "rouge_l",
            ("rouge_l",),
            "captions",
            "rsvp_eval.metrics.rouge",
            "RougeScorer",
            "longest common subsequence, beta 1.2",
        ),
        Family(
            "cider",
            ("cider",),
            "captions",
            "rsvp_eval.metrics.cider",
            "CiderScorer",
            "CIDEr-D, which papers call CIDEr",
        ),
        Family(
            "cider_plain",
            ("cider_plain",),
            "captions",
            "rsvp_eval.metrics.cider",
            "PlainCiderScorer",
            "CIDEr without clipping and length penalty",
        ),
        Family(
            "spice",
            ("spice",),
            "captions",
            "rsvp_eval.metrics.spice",
            "SpiceScorer",
            "agreement of scene graphs, by the user's own SPICE",
            resources=True,
        ),
        Family(
            "ss",
            ("ss",),
            "labels",
            "rsvp_eval.metrics.ss",
            "SSScorer",
            "semantic similarity: cosine of all-MiniLM-L6-v2",
            resources=True,
        ),
        Family(
            "s_iou",
            ("s_iou",),
            "labels",
            "rsvp_eval.metrics.s_iou",
            "SIoUScorer",
            "overlap of the labels' words",
        ),
        Family(
            "accuracy",
            ("accuracy",),
            "labels",
            "rsvp_eval.metrics.accuracy",
            "AccuracyScorer",
            "share of labels that are right",
        ),
        Family(
            "coverage",
            ("mark_coverage", "mark_precision"),
            "citations",
            "rsvp_eval.metrics.coverage",
            "CoverageScorer",
            "marks that prose cites, and that it invents",
        ),
    )
}


def families(names: Iterable[str]) -> list[Family]:
    """Families by their own names or those of their metrics, each once, in the order asked for.

    Raises:
        UnknownNameError: for a name that is neither.
    """
    of_metric = {metric: family for family in FAMILIES.values() for metric in family.metrics}
    found: dict[str, Family] = {}
    for name in names:
        family = FAMILIES.get(name) or of_metric.get(name)
        if family is None:
            raise UnknownNameError("metric", name, {*FAMILIES, *of_metric})
        found[family.name] = family
    return list(found.values())
