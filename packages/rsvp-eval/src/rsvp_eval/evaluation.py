"""All that one run of scoring found out, before it is written anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rsvp_eval.sample import Sample
from rsvp_eval.scores import Scores


class ConfusionMatrix(Protocol):
    """How often each class was answered with each.

    Attributes:
        classes: the c classes.
        matrix: (c, c + 1) integers: rows are what is right, columns what was answered; the last column
            counts answers that are none of the classes.
    """

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes."""

    @property
    def matrix(self) -> NDArray[np.int64]:
        """Counts."""


@dataclass(frozen=True)
class InputFile:
    """A file that went into a score.

    Attributes:
        path: as it was given.
        sha256: of its bytes.
    """

    path: str
    sha256: str


@dataclass(frozen=True)
class Evaluation:
    """One run of scoring.

    Attributes:
        task_name: task that was scored.
        task_version: its version.
        task_sha256: hash of its file.
        title: one line for people.
        kind: ``caption``, ``label`` or ``prose``.
        protocol: how labels were cleaned and aligned; None where it does not matter.
        samples: what was scored.
        scores: by family (``bleu``, ``cider``, ...); rows as ``samples``.
        missing: metrics that could not be computed, with the reason.
        counts: what was counted on the way.
        lists: ids of what was counted.
        notes: cautions for the reader of the score.
        inputs: files by role.
        seconds: time by step.
        partial: only a part of the samples was scored.
        confusion: of labels; None elsewhere.
        published: where the paper prints the score, as ``TABLE.PART``; None where it does not.
        data: folder of the data set, to take pictures from; None without one.
        splits: split that was scored by source; empty where it is not known.
        env: versions and hashes of what decided the scores besides this package.
    """

    task_name: str
    task_version: int
    task_sha256: str
    title: str
    kind: str
    protocol: str | None
    samples: Sequence[Sample]
    scores: Mapping[str, Scores]
    missing: Mapping[str, str]
    counts: Mapping[str, int]
    lists: Mapping[str, Sequence[str]]
    notes: Sequence[str]
    inputs: Mapping[str, InputFile]
    seconds: Mapping[str, float]
    partial: bool
    confusion: ConfusionMatrix | None
    published: str | None
    data: Path | None
    splits: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
