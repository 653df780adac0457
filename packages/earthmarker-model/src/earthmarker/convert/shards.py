"""Checkpoints of LLaMA2-Accessory as they lie in folders: one file for each rank of model parallelism.

Facts from LLaMA2-Accessory's ``accessory/util/tensor_parallel.py`` and ``accessory/util/misc.py``: linear
layers whose output is split are cut along axis 0, linear layers whose input is split and the table of
embeddings along axis 1; everything else is in every file. Training saves what it trained only, so a
checkpoint of instruction tuning has no frozen encoders, and folders are read one over the other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from earthmarker.convert.weights import read_file, some
from earthmarker.errors import EarthMarkerError

_OWN = re.compile(r"consolidated\.(\d{2})-of-(\d{2})\.model\.pth")
_META = re.compile(r"consolidated\.(\d{2})\.pth")
_DIFFERENCE = re.compile(r"consolidated\.\d{2}-of-\d{2}\.model-diff\.pth")
_SPLIT: tuple[tuple[re.Pattern[str], int], ...] = (
    (re.compile(r"llma\.layers\.\d+\.(attention\.w[qkv]|feed_forward\.w[13])\.weight"), 0),
    (re.compile(r"llma\.layers\.\d+\.(attention\.wo|feed_forward\.w2)\.weight"), 1),
    (re.compile(r"llma\.output\.weight"), 0),
    (re.compile(r"llma\.tok_embeddings\.weight"), 1),
)


@dataclass
class Merged:
    """One checkpoint, whole.

    Attributes:
        state: tensors by LLaMA2-Accessory's names.
        shards: files that it was in, folder by folder.
        unequal: name to largest difference, of tensors that should be the same in every file and are not.
    """

    state: dict[str, Tensor] = field(default_factory=dict)
    shards: list[int] = field(default_factory=list)
    unequal: dict[str, float] = field(default_factory=dict)


def read_accessory(folders: Sequence[Path], tolerance: float = 0.0) -> Merged:
    """Read checkpoints and put their shards together; a later folder replaces what an earlier one has.

    Args:
        folders: with ``consolidated.NN-of-MM.model.pth``, or Meta's ``consolidated.NN.pth``.
        tolerance: how much copies of one tensor may differ between shards; the first is taken.

    Raises:
        EarthMarkerError: if there is no checkpoint, a shard is missing, shards hold other names than each
            other, have shapes that do not go together, or copies differ.
    """
    merged = Merged()
    for folder in folders:
        files, prefix = shard_files(folder)
        parts = [{prefix + k: t for k, t in read_file(file).items()} for file in files]
        for file, part in zip(files[1:], parts[1:], strict=True):
            if odd := sorted(part.keys() ^ parts[0].keys()):
                raise EarthMarkerError(
                    f"{file}: {some(odd)} in it or in {files[0].name}, but not in both; these shards are not "
                    "of one checkpoint"
                )
        for key in list(parts[0]):
            merged.state[key] = _join(key, [p.pop(key) for p in parts], folder, tolerance, merged.unequal)
        merged.shards.append(len(files))
    return merged


def shard_files(folder: Path) -> tuple[list[Path], str]:
    """Files of a checkpoint in the order of ranks, and what comes before the names in them.

    Raises:
        EarthMarkerError: if there is none, or not all of them.
    """
    names = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
    own = [m for m in map(_OWN.fullmatch, names) if m]
    meta = [m for m in map(_META.fullmatch, names) if m]
    if own and meta:
        raise EarthMarkerError(
            f"{folder}: {own[0][0]} and {meta[0][0]} are two checkpoints; keep them in two folders"
        )
    if own:
        counts = {int(m[2]) for m in own}
        expected = [f"consolidated.{i:02d}-of-{max(counts):02d}.model.pth" for i in range(max(counts))]
    else:
        expected = [f"consolidated.{i:02d}.pth" for i in range(len(meta))]
    if not expected:
        hint = (
            "; a difference to another checkpoint has to be added to it first"
            if any(map(_DIFFERENCE.fullmatch, names))
            else ""
        )
        raise EarthMarkerError(
            f"{folder}: no checkpoint of LLaMA2-Accessory: expected consolidated.00-of-NN.model.pth and so "
            f"on, or Meta's consolidated.00.pth, {'found ' + some(names) if names else 'found nothing'}{hint}"
        )
    given = [m[0] for m in own or meta]
    if given != expected:
        odd = sorted(set(expected) ^ set(given))
        raise EarthMarkerError(f"{folder}: {len(expected)} shards expected, {some(odd)} missing or too much")
    return [folder / name for name in expected], "" if own else "llma."


def _join(
    key: str, pieces: list[Tensor], folder: Path, tolerance: float, unequal: dict[str, float]
) -> Tensor:
    axis = next((a for pattern, a in _SPLIT if pattern.fullmatch(key)), None)
    first = pieces[0]
    if axis is not None:
        try:
            return torch.cat(pieces, dim=axis) if len(pieces) > 1 else first
        except (RuntimeError, IndexError) as error:
            shapes = ", ".join(str(tuple(p.shape)) for p in pieces)
            raise EarthMarkerError(
                f"{folder}: {key} has shapes {shapes} in the shards, which cannot be joined along axis {axis}"
            ) from error
    for piece in pieces[1:]:
        if piece.shape != first.shape:
            raise EarthMarkerError(
                f"{folder}: {key} is {tuple(first.shape)} in one shard and {tuple(piece.shape)} in another, "
                "but should be the same in all"
            )
        if not torch.equal(piece, first):
            difference = (piece.double() - first.double()).abs().max().item()
            # Not "greater than": a NaN is no copy of anything.
            if not difference <= tolerance:
                raise EarthMarkerError(
                    f"{folder}: {key} should be the same in every shard and differs by {difference:.3g}; "
                    "allow it with replica_tolerance, the first shard's is taken then"
                )
            unequal[key] = max(difference, unequal.get(key, 0.0))
    return first
