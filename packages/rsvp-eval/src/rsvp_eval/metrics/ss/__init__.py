"""SS: cosine of the sentence embeddings of two labels by all-MiniLM-L6-v2.

The encoder lower-cases what it is given, and an empty label has an embedding like any other: unlike S-IoU, SS
of an empty answer is not 0, and that of two empty labels is 1. So it is in the reference, Osprey's
``osprey/eval/lvis_paco_eval.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from rsvp_eval.errors import EvalError
from rsvp_eval.metrics.label_scorer import ProtocolScorer
from rsvp_eval.metrics.labels import Labels, Pairs
from rsvp_eval.metrics.protocols import Protocol
from rsvp_eval.metrics.ss.weights import missing
from rsvp_eval.scores import Floats, Scores

if TYPE_CHECKING:
    from rsvp_eval.metrics.ss.encoder import Encoder

__all__ = ["SSScorer", "missing", "ss"]

_PAIRS_AT_A_TIME = 16384


class SSScorer(ProtocolScorer):
    """SS over a growing set of labels.

    Labels are encoded when they are scored first, and their embeddings kept. Cosines carry the noise of
    float32: encoded in other company, the same pair may differ by some 1e-7.

    Args:
        labels: samples to begin with, see :class:`LabelScorer`.
        protocol: its name, or one of one's own.
        encoder: what embeds the labels; None for all-MiniLM-L6-v2, which is loaded when it is first needed.

    Raises:
        UnknownNameError: if there is no protocol of that name.
    """

    metrics: ClassVar[tuple[str, ...]] = ("ss",)

    def __init__(
        self,
        labels: Labels | None = None,
        *,
        protocol: str | Protocol = "osprey",
        encoder: Encoder | None = None,
    ) -> None:
        super().__init__(labels, protocol=protocol)
        self._encoder = encoder
        self._embeddings: dict[str, Floats] = {}

    @property
    def encoder(self) -> Encoder:
        """What embeds the labels.

        Raises:
            UnavailableError: if all-MiniLM-L6-v2 is not to be found.
        """
        if self._encoder is not None:
            return self._encoder
        from rsvp_eval.metrics.ss import encoder

        return encoder.load()

    @property
    def rules(self) -> tuple[object, ...]:
        """Protocol and encoder."""
        return (self.protocol, None if self._encoder is None else self._encoder.spec)

    @property
    def spec(self) -> str:
        """Protocol, what becomes of missing predictions, and encoder."""
        missing = self.protocol.missing.replace(" ", "-")
        return f"ss protocol={self.protocol.name} missing={missing} encoder={self.encoder.spec}"

    def merge(self, other: Self) -> None:
        """Take in the samples of another scorer, and the embeddings that it has.

        Raises:
            ValueError: if the other one scores by other rules.
        """
        super().merge(other)
        self._embeddings = {**other._embeddings, **self._embeddings}

    def similarities(self, pairs: Pairs) -> Floats:
        """Cosine of each distinct pair, (p,) float64.

        Raises:
            EvalError: if the encoder gives a label no embedding of a length.
            UnavailableError: if there is no encoder.
        """
        self._encode([text for text in pairs.texts if text not in self._embeddings])
        if not pairs.texts:
            return np.zeros(0)
        embeddings = np.stack([self._embeddings[text] for text in pairs.texts])
        cosines = np.empty(len(pairs.predictions))
        for start in range(0, len(cosines), _PAIRS_AT_A_TIME):
            part = slice(start, start + _PAIRS_AT_A_TIME)
            predicted, true = embeddings[pairs.predictions[part]], embeddings[pairs.targets[part]]
            np.einsum("ij,ij->i", predicted, true, out=cosines[part])
        return np.clip(cosines, -1.0, 1.0)

    def _encode(self, texts: Sequence[str]) -> None:
        if not texts:
            return
        embeddings = np.asarray(self.encoder.encode(texts), dtype=np.float64)
        if embeddings.ndim != 2 or len(embeddings) != len(texts):
            raise ValueError(f"the encoder gave {embeddings.shape} for {len(texts)} labels, expected (n, d)")
        lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
        bad = np.flatnonzero(~(np.isfinite(lengths[:, 0]) & (lengths[:, 0] > 0)))
        if len(bad):
            raise EvalError(
                f"label {texts[bad[0]]!r}: the encoder gave an embedding of length {lengths[bad[0], 0]}, so "
                f"that no cosine is defined ({len(bad)} of {len(texts)} labels). Check the weights: "
                f"{self.encoder.spec}."
            )
        self._embeddings.update(zip(texts, embeddings / lengths, strict=True))


def ss(
    predictions: Iterable[str | None],
    targets: Iterable[str | Sequence[str]],
    *,
    protocol: str | Protocol = "osprey",
    encoder: Encoder | None = None,
) -> Scores:
    """SS of labels.

    Args:
        predictions: answers about one mark each; None where there is none.
        targets: the right label of each, or several any of which is right.
        protocol: ``osprey``, ``sphinxv``, ``videorefer`` or ``strict``.
        encoder: what embeds the labels; None for all-MiniLM-L6-v2.

    Raises:
        EvalError: if a label has no embedding.
        UnavailableError: if all-MiniLM-L6-v2 is not to be found.
        UnknownNameError: if there is no protocol of that name.
        ValueError: if the two differ in length or a sample has no target.
    """
    scorer = SSScorer(Labels(), protocol=protocol, encoder=encoder)
    scorer.update(predictions, targets)
    return scorer.score()
