"""Scores pairs of sentences, by the compiled kernel where there is one, else in Python, to the same bits."""

from __future__ import annotations

import ctypes
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rsvp_eval.metrics.meteor.align import align
from rsvp_eval.metrics.meteor.batch import Batch
from rsvp_eval.metrics.meteor.lexicon import Ints
from rsvp_eval.metrics.meteor.match import Candidates, Reader
from rsvp_eval.metrics.meteor.statistics import NAMES, statistics, value
from rsvp_eval.native import kernels
from rsvp_eval.scores import Floats

_FUNCTION = "rsvp_meteor"
_BLOCK = 2_000
"""Pairs a thread scores at a time."""

_ARRAYS: dict[str, type[ctypes.c_int32 | ctypes.c_int64 | ctypes.c_uint8]] = {
    "keys": ctypes.c_int32,
    "stems": ctypes.c_int32,
    "function": ctypes.c_uint8,
    "synset_starts": ctypes.c_int64,
    "synsets": ctypes.c_int32,
    "words": ctypes.c_int32,
    "starts": ctypes.c_int64,
    "phrase_starts": ctypes.c_int64,
    "phrase_first": ctypes.c_int32,
    "phrase_length": ctypes.c_int32,
    "phrases": ctypes.c_int32,
    "paraphrase_starts": ctypes.c_int64,
    "paraphrases": ctypes.c_int32,
    "head_starts": ctypes.c_int64,
    "heads": ctypes.c_int32,
    "ranks": ctypes.c_int32,
}
"""Arrays of a lexicon, its sentences and their batch, in the kernel's order."""
_COUNTS = ("key_count", "synset_count", "phrase_count")


class _Batch(ctypes.Structure):
    """A batch as the kernel sees it."""

    _fields_ = (
        *((name, ctypes.POINTER(kind)) for name, kind in _ARRAYS.items()),
        *((name, ctypes.c_int64) for name in _COUNTS),
    )


def score_pairs(
    batch: Batch, hypotheses: Ints, references: Ints, *, native: bool = True
) -> tuple[Ints, Floats]:
    """Align pairs of sentences and score them.

    Args:
        batch: the sentences.
        hypotheses: (p,) int32, number of each pair's hypothesis; best with equal ones next to each other.
        references: (p,) int32, number of each pair's reference.
        native: False takes the path in Python even where there is a kernel.

    Returns:
        (p, 23) int32 statistics in the order of :data:`.statistics.NAMES`, and (p,) float64 values.

    Raises:
        MemoryError: if there is too little memory.
    """
    library = kernels() if native else None
    if library is not None and hasattr(library, _FUNCTION):
        return _by_kernel(library, batch, hypotheses, references)
    return _in_python(batch, hypotheses, references)


def _in_python(batch: Batch, hypotheses: Ints, references: Ints) -> tuple[Ints, Floats]:
    reader = Reader(batch)
    counts = np.zeros((len(hypotheses), len(NAMES)), dtype=np.int32)
    values = np.zeros(len(hypotheses))
    for p, (h, r) in enumerate(zip(hypotheses.tolist(), references.tolist(), strict=True)):
        hypothesis, reference = reader.sentence(h), reader.sentence(r)
        candidates = Candidates(reader, hypothesis, reference)
        alignment = align(candidates, len(hypothesis.keys), len(reference.keys))
        own = statistics(hypothesis, reference, alignment)
        counts[p] = own
        values[p] = value(own)
    return counts, values


def _by_kernel(library: ctypes.CDLL, batch: Batch, hypotheses: Ints, references: Ints) -> tuple[Ints, Floats]:
    kernel = library[_FUNCTION]
    kernel.restype = ctypes.c_int
    hypotheses, references = (np.ascontiguousarray(a, dtype=np.int32) for a in (hypotheses, references))
    counts = np.zeros((len(hypotheses), len(NAMES)), dtype=np.int32)
    values = np.zeros(len(hypotheses))
    # Pointers do not keep arrays alive; this does.
    arrays = _arrays(batch)
    native = _Batch(
        **{name: _pointer(values, _ARRAYS[name]) for name, values in arrays.items()}, **_counts(batch)
    )

    def block(begin: int) -> int:
        part = slice(begin, begin + _BLOCK)
        failed: int = kernel(
            ctypes.byref(native),
            _pointer(hypotheses[part], ctypes.c_int32),
            _pointer(references[part], ctypes.c_int32),
            ctypes.c_int64(len(hypotheses[part])),
            _pointer(counts[part], ctypes.c_int32),
            _pointer(values[part], ctypes.c_double),
        )
        return failed

    begins = range(0, len(hypotheses), _BLOCK)
    # The kernel runs without the interpreter's lock.
    with ThreadPoolExecutor(max(1, min(os.cpu_count() or 1, len(begins)))) as threads:
        if any(threads.map(block, begins)):
            raise MemoryError("too little memory for METEOR's alignments; score fewer samples at a time")
    return counts, values


def _arrays(batch: Batch) -> dict[str, NDArray[Any]]:
    """The arrays of a batch as the kernel expects them."""
    fields = {**vars(batch.lexicon), **vars(batch.sentences), **vars(batch)}
    return {name: np.ascontiguousarray(fields[name], dtype=np.dtype(kind)) for name, kind in _ARRAYS.items()}


def _counts(batch: Batch) -> dict[str, int]:
    lexicon = batch.lexicon
    counts = (
        1 + int(max(lexicon.keys.max(initial=-1), lexicon.stems.max(initial=-1))),
        1 + int(lexicon.synsets.max(initial=-1)),
        len(batch.paraphrase_starts) - 1,
    )
    return dict(zip(_COUNTS, counts, strict=True))


def _pointer(values: NDArray[Any], kind: type[ctypes._SimpleCData[Any]]) -> Any:
    return values.ctypes.data_as(ctypes.POINTER(kind))
