"""Weights from files, folders and hub ids; what cannot be read says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from earthmarker.convert.weights import misfit, read_state
from earthmarker.errors import EarthMarkerError

STATE = {"a": torch.arange(6.0).view(2, 3), "b.c": torch.tensor([1.5], dtype=torch.bfloat16)}


def same(read: dict[str, Tensor]) -> bool:
    return read.keys() == STATE.keys() and all(
        torch.equal(read[k], t) and read[k].dtype == t.dtype for k, t in STATE.items()
    )


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "w.bin", "w.pth"])
def test_a_file_is_read_by_its_ending(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    save_file(STATE, path) if path.suffix == ".safetensors" else torch.save(STATE, path)
    assert same(read_state(path))
    assert same(read_state(str(tmp_path))), "the only file of weights in a folder"


def test_what_training_code_puts_around_is_taken_off(tmp_path: Path) -> None:
    torch.save({"epoch": 3, "state_dict": {f"module.{k}": t for k, t in STATE.items()}}, tmp_path / "w.pt")
    assert same(read_state(tmp_path / "w.pt"))


def test_the_format_of_before_zip_files_is_read(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "w.pt", _use_new_zipfile_serialization=False)
    assert same(read_state(tmp_path / "w.pt"))


def test_an_index_names_the_files(tmp_path: Path) -> None:
    for i, key in enumerate(STATE):
        save_file({key: STATE[key]}, tmp_path / f"model-{i}.safetensors")
    index = {"weight_map": {key: f"model-{i}.safetensors" for i, key in enumerate(STATE)}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    assert same(read_state(tmp_path))
    (tmp_path / "model-1.safetensors").unlink()
    with pytest.raises(EarthMarkerError, match=r"model-1\.safetensors of model\.safetensors\.index"):
        read_state(tmp_path)


def test_a_hub_repository_is_fetched_in_one_kind_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, list[str]]] = []

    def fetch(name: str, allow_patterns: list[str]) -> str:
        asked.append((name, allow_patterns))
        if "pytorch_model.bin" in allow_patterns:
            torch.save(STATE, tmp_path / "pytorch_model.bin")
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", fetch)
    assert same(read_state("owner/name"))
    assert {name for name, _ in asked} == {"owner/name"}
    assert "model.safetensors" in asked[0][1] and "pytorch_model.bin" in asked[-1][1]
    assert "open_clip_pytorch_model.bin" not in str(asked), "what comes after the first kind is not fetched"


def test_without_a_network_the_message_says_what_to_do() -> None:
    with pytest.raises(EarthMarkerError, match=r"timm/nothing_of_that_name: .*Without a network.*pretrained"):
        read_state("timm/nothing_of_that_name")


@pytest.mark.parametrize("name", ["weights/x.pt", "./nothing", "/no/such/folder", "plain"])
def test_a_path_that_is_not_there_is_not_asked_of_the_hub(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> str:
        raise AssertionError("asked the hub")

    monkeypatch.setattr("huggingface_hub.snapshot_download", never)
    with pytest.raises(EarthMarkerError, match="no such file or folder"):
        read_state(name)


class Trap:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("trap-was-sprung"),))


def test_code_in_a_pickle_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"a": torch.zeros(1), "b": Trap()}, "w.pt")
    with pytest.raises(EarthMarkerError, match=r"w\.pt: cannot be read .*would run code"):
        read_state(tmp_path / "w.pt")
    assert not Path("trap-was-sprung").exists()


def test_bad_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"\x05\0\0\0\0\0\0\0hello")
    with pytest.raises(EarthMarkerError, match=r"a\.safetensors: cannot be read"):
        read_state(tmp_path / "a.safetensors")
    (tmp_path / "cut.pt").write_bytes(b"PK\x03\x04")
    with pytest.raises(EarthMarkerError, match=r"cut\.pt: cannot be read"):
        read_state(tmp_path / "cut.pt")
    (tmp_path / "x.txt").write_text("no")
    with pytest.raises(EarthMarkerError, match=r"'\.txt', none of \.safetensors"):
        read_state(tmp_path / "x.txt")
    with pytest.raises(EarthMarkerError, match=r"expected one file.*a\.safetensors, cut\.pt"):
        read_state(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(EarthMarkerError, match="found none"):
        read_state(tmp_path / "empty")
    torch.save({}, tmp_path / "cut.pt")
    with pytest.raises(EarthMarkerError, match="an empty dictionary"):
        read_state(tmp_path / "cut.pt")
    torch.save({"a": torch.zeros(1), "epoch": 3}, tmp_path / "cut.pt")
    with pytest.raises(EarthMarkerError, match="epoch is not tensors"):
        read_state(tmp_path / "cut.pt")


def test_misfit_names_what_is_missing_unknown_and_of_another_shape() -> None:
    one, two = torch.zeros(1), torch.zeros(2)
    assert misfit({"a": one, "b": two}, {"a": one, "b": two}) == ""
    text = misfit({"a": one, "b": one}, {"b": two, "c": one})
    assert text == "a is missing; c is not known there; b is (2,) instead of (1,)"
    many = misfit({f"k{i}": one for i in range(9)}, {})
    assert many == "k0, k1, k2, k3 and 5 more are missing"
