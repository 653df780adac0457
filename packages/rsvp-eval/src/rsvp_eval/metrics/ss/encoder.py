"""Sentence embeddings of all-MiniLM-L6-v2, without torch.

The reference is ``sentence_transformers.SentenceTransformer(folder).encode``: BERT's tokens cut at
``max_seq_length`` (256, the two special ones counted), the last layer's states averaged over the tokens, and
normalised. Texts of equal length are encoded together, so that there is no padding.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rsvp_eval.errors import EvalError
from rsvp_eval.metrics.ss import weights
from rsvp_eval.metrics.ss.bert import Array, Bert, Sizes

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_LENGTH = 256
"""``max_seq_length`` of all-MiniLM-L6-v2; its ``tokenizer.json`` says 128, which the reference overrides."""

_TOKENS_A_BATCH = 4096
_TEXTS_A_ROUND = 8192
"""Texts tokenised at a time, which bounds the memory that tokens take."""


class Encoder(Protocol):
    """What turns texts into vectors, so that their cosine is their similarity."""

    @property
    def spec(self) -> str:
        """Which encoder it is, for the result: name and hash of its weights."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of n texts, (n, d) float32."""


class MiniLM:
    """A BERT with mean pooling, all-MiniLM-L6-v2 unless other weights are named.

    Args:
        found: its weights; None for those that :func:`weights.find` finds.

    Raises:
        UnavailableError: if there are no weights, or others than those of SS that nobody asked for.
        EvalError: if the weights are not of a BERT with mean pooling.
    """

    def __init__(self, found: weights.Weights | None = None) -> None:
        found = weights.find() if found is None else found
        self.sha256 = found.sha256()
        sizes = Sizes.of(_json(found.folder / weights.CONFIG), str(found.folder / weights.CONFIG))
        self.max_length = min(_max_length(found.folder), sizes.positions)
        self._bert = Bert(sizes, _tensors(found.folder / weights.TENSORS))
        self._tokenizer = _tokenizer(found.folder / weights.TOKENIZER, self.max_length)

    @property
    def spec(self) -> str:
        """Name and first eight digits of the hash of the weights."""
        name = weights.NAME if self.sha256 == weights.SHA256 else f"other-than-{weights.NAME}"
        return f"{name} sha256={self.sha256[:8]}"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embeddings of n texts.

        Returns:
            (n, d) float32, of length 1.

        Raises:
            EvalError: if a text is not Unicode (it has half of a surrogate pair).
        """
        embeddings = np.empty((len(texts), self._bert.sizes.hidden), dtype=np.float32)
        for start in range(0, len(texts), _TEXTS_A_ROUND):
            part = texts[start : start + _TEXTS_A_ROUND]
            for rows, ids in self._batches(part):
                embeddings[start + rows] = _pooled(self._bert(ids))
        return embeddings

    def _batches(self, texts: Sequence[str]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.int32]]]:
        """Texts of one length each: their places, and their tokens."""
        for text in texts:
            _check_unicode(text)
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]
        lengths = np.array([len(ids) for ids in tokens])
        for length in np.unique(lengths):
            places = np.flatnonzero(lengths == length)
            step = max(1, _TOKENS_A_BATCH // int(length))
            for start in range(0, len(places), step):
                rows = places[start : start + step]
                yield rows, np.array([tokens[row] for row in rows], dtype=np.int32)


def load(place: str | Path | None = None) -> MiniLM:
    """The encoder of a place (see :func:`weights.find`), loaded once a process."""
    return _loaded(weights.find(place))


@functools.lru_cache(maxsize=2)
def _loaded(found: weights.Weights) -> MiniLM:
    return MiniLM(found)


def _pooled(states: Array) -> Array:
    # numpy adds up along this axis one by one, which costs digits in float32.
    mean = states.mean(axis=1, dtype=np.float64)
    length = np.linalg.norm(mean, axis=1, keepdims=True)
    pooled: Array = (mean / np.maximum(length, 1e-12)).astype(np.float32)
    return pooled


def _max_length(folder: Path) -> int:
    """Longest text in tokens, after checking that the folder's own settings are what is computed here."""
    pooling = folder / "1_Pooling" / "config.json"
    if pooling.is_file():
        modes = {key for key, on in _json(pooling).items() if key.startswith("pooling_mode_") and on is True}
        if modes != {"pooling_mode_mean_tokens"}:
            raise EvalError(
                f"{pooling}: pools by {', '.join(sorted(modes)) or 'nothing'}, expected mean_tokens."
            )
    settings = folder / "sentence_bert_config.json"
    if not settings.is_file():
        return MAX_LENGTH
    content = _json(settings)
    if content.get("do_lower_case"):
        raise EvalError(f"{settings}: do_lower_case is on; only its tokeniser may lower letters.")
    return int(content.get("max_seq_length") or MAX_LENGTH)


def _tensors(path: Path) -> Mapping[str, NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors: Mapping[str, NDArray[Any]] = load_file(path)
    except SafetensorError as e:
        raise EvalError(f"{path}: cannot be read as safetensors ({e}); download it again.") from e
    return tensors


def _tokenizer(path: Path, max_length: int) -> Tokenizer:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as e:  # the library raises no other class
        raise EvalError(f"{path}: cannot be read as a tokeniser ({e}); download it again.") from e
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return tokenizer


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as e:
        raise EvalError(f"{path}: not JSON ({e}).") from e
    if not isinstance(content, dict):
        raise EvalError(f"{path}: expected an object.")
    return content


def _check_unicode(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as e:
        raise EvalError(
            f"label {text!r}: character {e.start + 1} is half of a surrogate pair, which is not a character. "
            "Write the file in UTF-8."
        ) from e
