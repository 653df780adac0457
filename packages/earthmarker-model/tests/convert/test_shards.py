"""Shards of model parallelism are put together, or it is said what is wrong with them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from earthmarker.convert.shards import read_accessory
from earthmarker.errors import EarthMarkerError

# How LLaMA2-Accessory cuts: written out by hand, name by name.
AXES = {
    "llma.tok_embeddings.weight": 1,
    "llma.output.weight": 0,
    "llma.layers.10.attention.wq.weight": 0,
    "llma.layers.10.attention.wk.weight": 0,
    "llma.layers.10.attention.wv.weight": 0,
    "llma.layers.10.attention.wo.weight": 1,
    "llma.layers.10.feed_forward.w1.weight": 0,
    "llma.layers.10.feed_forward.w2.weight": 1,
    "llma.layers.10.feed_forward.w3.weight": 0,
}
COPIES = ("llma.norm.weight", "llma.layers.10.ffn_norm.weight", "llma.visual_proj.0.weight", "llma.start_img")


def whole(shards: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {k: torch.randn(4 * shards, 6 * shards, generator=generator) for k in (*AXES, *COPIES)}


def write(folder: Path, state: dict[str, Tensor], shards: int, name: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for rank in range(shards):
        part = {}
        for key, tensor in state.items():
            if key in AXES:
                step = tensor.shape[AXES[key]] // shards
                own = slice(rank * step, (rank + 1) * step)
                tensor = tensor[own] if AXES[key] == 0 else tensor[:, own]
            part[key] = tensor.clone()
        file = name.format(rank) if name else f"consolidated.{rank:02d}-of-{shards:02d}.model.pth"
        torch.save({"model": part}, folder / file)


@given(shards=st.integers(1, 12))
def test_what_was_cut_is_whole_again(tmp_path_factory: pytest.TempPathFactory, shards: int) -> None:
    folder = tmp_path_factory.mktemp("shards")
    write(folder, whole(shards), shards)
    merged = read_accessory([folder])
    assert merged.shards == [shards]
    assert merged.state.keys() == whole(shards).keys()
    assert all(torch.equal(t, merged.state[k]) for k, t in whole(shards).items())


def test_form_of_meta(tmp_path: Path) -> None:
    plain = {k: t for k, t in whole(2).items() if k in AXES}
    write(tmp_path / "named", plain, 2)
    (tmp_path / "meta").mkdir()
    for rank in range(2):
        part = torch.load(tmp_path / f"named/consolidated.{rank:02d}-of-02.model.pth")["model"]
        torch.save(
            {k.removeprefix("llma."): t for k, t in part.items()},
            tmp_path / f"meta/consolidated.{rank:02d}.pth",
        )
    state = read_accessory([tmp_path / "meta"]).state
    assert state.keys() == plain.keys()
    assert all(torch.equal(t, state[k]) for k, t in plain.items())


def test_a_later_folder_replaces_an_earlier_one(tmp_path: Path) -> None:
    write(tmp_path / "base", whole(2), 2)
    write(tmp_path / "tuned", {"llma.norm.weight": torch.full((3,), 5.0), "llma.new": torch.ones(1)}, 1)
    merged = read_accessory([tmp_path / "base", tmp_path / "tuned"])
    assert merged.shards == [2, 1]
    assert torch.equal(merged.state["llma.norm.weight"], torch.full((3,), 5.0))
    assert merged.state.keys() == {*whole(2), "llma.new"}


def test_copies_that_differ(tmp_path: Path) -> None:
    write(tmp_path, whole(2), 2)
    path = tmp_path / "consolidated.01-of-02.model.pth"
    part = torch.load(path)["model"]
    part["llma.norm.weight"][0, 0] += 0.25
    torch.save({"model": part}, path)
    with pytest.raises(EarthMarkerError, match=r"llma\.norm\.weight should be the same .* differs by 0\.25"):
        read_accessory([tmp_path], tolerance=0.2)
    merged = read_accessory([tmp_path], tolerance=0.3)
    assert merged.unequal == {"llma.norm.weight": pytest.approx(0.25)}
    assert torch.equal(merged.state["llma.norm.weight"], whole(2)["llma.norm.weight"]), "the first shard's"
    part["llma.norm.weight"][0, 0] = float("nan")
    torch.save({"model": part}, path)
    with pytest.raises(EarthMarkerError, match="differs by nan"):
        read_accessory([tmp_path], tolerance=1e9)
    part["llma.norm.weight"] = torch.ones(3)
    torch.save({"model": part}, path)
    with pytest.raises(EarthMarkerError, match=r"\(8, 12\) in one shard and \(3,\) in another"):
        read_accessory([tmp_path])


def test_shards_that_are_not_one_checkpoint(tmp_path: Path) -> None:
    write(tmp_path, whole(3), 3)
    path = tmp_path / "consolidated.01-of-03.model.pth"
    part = torch.load(path)["model"]
    torch.save({"model": {**part, "llma.extra": torch.ones(1)}}, path)
    with pytest.raises(
        EarthMarkerError, match=r"01-of-03\.model\.pth: llma\.extra in it or in consolidated\.00"
    ):
        read_accessory([tmp_path])
    torch.save({"model": {**part, "llma.output.weight": torch.ones(4, 5)}}, path)
    with pytest.raises(
        EarthMarkerError, match=r"llma\.output\.weight has shapes .*cannot be joined along axis 0"
    ):
        read_accessory([tmp_path])
    path.unlink()
    with pytest.raises(
        EarthMarkerError, match=r"3 shards expected, consolidated\.01-of-03\.model\.pth missing"
    ):
        read_accessory([tmp_path])


def test_folders_without_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(EarthMarkerError, match=r"expected consolidated\.00-of-NN\.model\.pth.*found nothing"):
        read_accessory([tmp_path / "none"])
    (tmp_path / "consolidated.00-of-01.model-diff.pth").touch()
    with pytest.raises(EarthMarkerError, match="has to be added to it first"):
        read_accessory([tmp_path])
    write(tmp_path, whole(1), 1)
    (tmp_path / "consolidated.00.pth").touch()
    with pytest.raises(EarthMarkerError, match="two checkpoints; keep them in two folders"):
        read_accessory([tmp_path])
