"""The order of rows in an epoch: pictures shuffled, their rows together, batches of like length."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from earthmarker.data.index import RowIndex
from earthmarker.errors import EarthMarkerError

_POOL = 32  # batches that rows are sorted by length among


class GroupedSampler(Sampler[int]):
    """Goes through the rows of a mixture once an epoch, in whole batches: the first rows fill up the last.

    Whole batches make training the same on any number of devices, which would each need as many rows. The
    order is a function of seed and epoch alone, so that a run that stopped in the middle of an epoch
    goes on where it was by skipping numbers, not pictures. Pictures are shuffled and the rows of each stay
    within a pool of batches; within the pool rows of like length make a batch. A picture is thus decoded
    once as long as a pool's pictures are held.

    Args:
        index: the rows.
        batch: rows that a step takes at a time, over all processes.
        seed: of everything random.
        weights: how often rows come in an epoch, by ``source``, ``task`` or ``source/task``; the most exact
            name counts. 0.5 is every second row, another half every epoch; 2 is each row twice.

    Raises:
        EarthMarkerError: for a weight that is negative or names nothing, or weights that leave no row.
    """

    def __init__(
        self, index: RowIndex, batch: int, seed: int = 0, weights: Mapping[str, float] | None = None
    ) -> None:
        self.index = index
        self.batch = batch
        self.seed = seed
        self.epoch = 0
        self._weights = _weights(index, weights or {})
        self._chosen = self._order(0)
        if not len(self._chosen):
            raise EarthMarkerError("the weights of the mixture leave no row at all")

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next; trainers call this."""
        if epoch != self.epoch:
            self.epoch = epoch
            self._chosen = self._order(epoch)

    def __len__(self) -> int:
        return len(self._chosen)

    def __iter__(self) -> Iterator[int]:
        return iter(self._chosen.tolist())

    def _order(self, epoch: int) -> NDArray[np.int64]:
        bits = np.random.Philox(key=[self.seed, epoch])
        rows = _repeated(self._weights, bits)
        # Equal keys keep the rows of a picture together; raw bits do not depend on the version of numpy.
        keys = bits.random_raw(int(self.index.image.max()) + 1)
        order = rows[np.argsort(keys[self.index.image[rows]], kind="stable")]
        pool = self.batch * _POOL
        batches = []
        for start in range(0, len(order), pool):
            some = order[start : start + pool]
            some = some[np.argsort(self.index.length[some], kind="stable")]
            parts = [some[k : k + self.batch] for k in range(0, len(some), self.batch)]
            # The last batch may be short, and must stay last for the others to be whole.
            whole, short = (parts, []) if len(parts[-1]) == self.batch else (parts[:-1], parts[-1:])
            batches += [whole[k] for k in np.argsort(bits.random_raw(len(whole)), kind="stable")] + short
        if not batches:
            return order
        done = np.concatenate(batches)
        return np.concatenate([done, np.resize(done, -len(done) % self.batch)])


def _repeated(weights: NDArray[np.float64], bits: np.random.Philox) -> NDArray[np.int64]:
    """Row numbers, each as often as its weight says; fractions are drawn."""
    drawn = (bits.random_raw(len(weights)) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    times = np.floor(weights) + (drawn < weights % 1.0)
    return np.repeat(np.arange(len(weights)), times.astype(np.int64))


def _weights(index: RowIndex, given: Mapping[str, float]) -> NDArray[np.float64]:
    known = {name for source, task in index.kinds for name in (source, task, f"{source}/{task}")}
    for name, weight in given.items():
        if name not in known:
            raise EarthMarkerError(
                f"weight of '{name}': there is no such source or task; known: {sorted(known)}"
            )
        if not 0 <= weight < float("inf"):
            raise EarthMarkerError(f"weight of '{name}' is {weight}: expected 0 or more")
    of_kind = [
        given.get(f"{source}/{task}", given.get(source, given.get(task, 1.0))) for source, task in index.kinds
    ]
    return np.array(of_kind, dtype=np.float64)[index.kind]


def mixture_digest(index: RowIndex, sampler: GroupedSampler) -> str:
    """Hash of rows and weights, by which a resumed run knows that its data are the same."""
    digest = hashlib.sha256("\n".join(index.ids).encode())
    digest.update(sampler._weights.tobytes())
    digest.update(f"{sampler.seed} {sampler.batch}".encode())
    return digest.hexdigest()
