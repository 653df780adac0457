"""Weights as they lie on disk or on the hub, and whether they are those of a module."""

from __future__ import annotations

import json
import pickle
import re
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from earthmarker.errors import EarthMarkerError

State = dict[str, Tensor]

_PICKLES = (".bin", ".pt", ".pth")
_SUFFIXES = (".safetensors", *_PICKLES)
# In the order of preference. A hub repository often holds the same weights in several of these; they are
# gigabytes, so one kind is fetched, not all.
_KINDS: tuple[tuple[str, ...], ...] = (
    ("model.safetensors", "model-*.safetensors", "model.safetensors.index.json"),
    ("open_clip_model.safetensors",),
    ("open_clip_pytorch_model.safetensors",),
    ("pytorch_model.bin", "pytorch_model-*.bin", "pytorch_model.bin.index.json"),
    ("open_clip_pytorch_model.bin",),
)


def read_state(source: str | Path) -> State:
    """Read the tensors of a checkpoint into memory of the CPU.

    Args:
        source: a ``.safetensors``, ``.bin``, ``.pt`` or ``.pth`` file, a folder with one, or a hub id
            ``owner/name``.

    Raises:
        EarthMarkerError: if there is nothing, nothing that can be read, or more than one candidate.
    """
    path = Path(source)
    if path.is_file():
        return read_file(path)
    state: State = {}
    for file in _files(path if path.is_dir() else _fetch(str(source))):
        part = read_file(file)
        if twice := sorted(state.keys() & part.keys()):
            raise EarthMarkerError(f"{file}: {some(twice)} {_is(twice)} in another file of the folder too")
        state |= part
    return state


def read_file(path: Path) -> State:
    """Read the tensors of one file.

    A pickle is read with ``weights_only``: nothing in it is run. ``state_dict`` and ``model`` around the
    tensors are taken off, as is ``module.`` before every name.

    Raises:
        EarthMarkerError: if it is no such file, is damaged, or holds other things than tensors.
    """
    try:
        content: Any = _load(path)
    except (OSError, SafetensorError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
        first = str(error).strip().split("\n", 1)[0][:200]
        raise EarthMarkerError(
            f"{path}: cannot be read ({type(error).__name__}: {first}); expected tensors by name, in a "
            ".safetensors file or saved with torch.save(model.state_dict(), path). Whole pickled models are "
            "not read, since that would run code from the file"
        ) from error
    while isinstance(content, dict):
        inner = next((content[k] for k in ("state_dict", "model") if isinstance(content.get(k), dict)), None)
        if inner is None:
            break
        content = inner
    if not isinstance(content, dict) or not content:
        kind = "an empty dictionary" if content == {} else type(content).__name__
        raise EarthMarkerError(f"{path}: holds {kind}, expected tensors by name")
    if other := [str(k) for k, v in content.items() if not isinstance(v, Tensor)]:
        raise EarthMarkerError(f"{path}: {some(other)} {_is(other)} not tensors; save the state_dict alone")
    if all(k.startswith("module.") for k in content):
        content = {k.removeprefix("module."): v for k, v in content.items()}
    return dict(content)


def _load(path: Path) -> Any:
    if path.suffix == ".safetensors":
        return load_file(path)
    if path.suffix not in _PICKLES:
        raise ValueError(f"the name ends with '{path.suffix}', none of {', '.join(_SUFFIXES)}")
    # Mapped, so that what is not used is not read; torch's format of before 1.6 cannot be.
    return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))


def _files(folder: Path) -> list[Path]:
    """The file, or the files of an index, that hold the weights of a folder."""
    for whole, *split in _KINDS:
        if (folder / whole).is_file():
            return [folder / whole]
        for index in split:
            if "*" not in index and (folder / index).is_file():
                names = sorted(set(json.loads((folder / index).read_bytes())["weight_map"].values()))
                if missing := [n for n in names if not (folder / n).is_file()]:
                    raise EarthMarkerError(f"{folder}: {some(missing)} of {index} not there")
                return [folder / name for name in names]
    loose = sorted(p for p in folder.iterdir() if p.suffix in _SUFFIXES)
    if len(loose) != 1:
        found = f"found {some([p.name for p in loose])}" if loose else "found none"
        raise EarthMarkerError(
            f"{folder}: expected one file of weights ({', '.join(whole for whole, *_ in _KINDS)}, or any "
            f"single {', '.join(_SUFFIXES)}), {found}; name the file itself"
        )
    return loose


def _fetch(name: str) -> Path:
    """Folder of a hub repository, fetched if it is not cached."""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", name) or name.startswith(".") or name.endswith(_SUFFIXES):
        raise EarthMarkerError(f"{name}: no such file or folder, and no hub id (owner/name) either")
    from huggingface_hub import snapshot_download

    for kind in _KINDS:
        try:
            folder = Path(snapshot_download(name, allow_patterns=[*kind, "config.json"]))
        except (OSError, ValueError) as error:
            first = str(error).strip().split("\n", 1)[0][:200]
            raise EarthMarkerError(
                f"{name}: no such file or folder here, and the hub did not give it ({type(error).__name__}: "
                f"{first}). Without a network, download it elsewhere and name its folder, or build without "
                "weights (pretrained=False)"
            ) from error
        if any(p.suffix in _SUFFIXES for p in folder.iterdir()):
            return folder
    raise EarthMarkerError(f"{name}: the repository has none of {', '.join(w for w, *_ in _KINDS)}")


def misfit(expected: Mapping[str, Any], given: Mapping[str, Any]) -> str:
    """How tensors differ from those of a module, by name and shape.

    Args:
        expected: name to tensor, or anything with a ``shape``.
        given: the same.

    Returns:
        A clause for a message, empty if there is no difference.
    """
    clauses = []
    if missing := sorted(expected.keys() - given.keys()):
        clauses.append(f"{some(missing)} {_is(missing)} missing")
    if unknown := sorted(given.keys() - expected.keys()):
        clauses.append(f"{some(unknown)} {_is(unknown)} not known there")
    wrong = [
        f"{k} is {tuple(given[k].shape)} instead of {tuple(expected[k].shape)}"
        for k in sorted(expected.keys() & given.keys())
        if tuple(given[k].shape) != tuple(expected[k].shape)
    ]
    if wrong:
        clauses.append(some(wrong))
    return "; ".join(clauses)


def some(names: Iterable[str], most: int = 4) -> str:
    """A few names and how many more there are."""
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
