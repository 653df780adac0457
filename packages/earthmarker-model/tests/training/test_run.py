"""A run from end to end, and what stops one."""

import shutil

import pytest
import torch

from earthmarker.data import RowIndex
from earthmarker.errors import EarthMarkerError
from earthmarker.features import StaleCacheError, compute
from earthmarker.training import run as run_module
from earthmarker.training import train
from earthmarker.training.store import load


def test_three_phases_in_a_row(dataset, tiny_folder, tmp_path, settings, history, losses):
    source = tiny_folder
    for phase in ("align", "spatial", "rsvp"):
        out = tmp_path / phase
        done = train(
            phase, source, dataset, out, settings(optim={"epochs": 2, "batch": 8, "device_batch": 8})
        )
        log = losses(out)
        assert list(log) == list(range(1, done.steps + 1))
        assert history(out)[-1]["train_loss"] == pytest.approx(sum(log.values()) / len(log), rel=1e-5)
        assert done.loss == history(out)[-1]["train_loss"]
        source = done.folder
    first = list(losses(tmp_path / "align").values())
    last = list(losses(tmp_path / "rsvp").values())
    # Through a random decoder and head, not much can be learned.
    assert sum(last[-3:]) < sum(first[:3]) - 3 * 0.1


def test_a_library_prints_nothing(dataset, tiny_folder, tmp_path, settings, capfd):
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        train("align", tiny_folder, dataset, tmp_path, settings(optim={"steps": 2}))
    finally:
        logging.enable_progress_bar()
    assert capfd.readouterr() == ("", "")


def test_progress_is_told(dataset, tiny_folder, tmp_path, settings, losses):
    told = []
    train(
        "align",
        tiny_folder,
        dataset,
        tmp_path,
        settings(optim={"steps": 3}),
        progress=lambda *a: told.append(a),
    )
    log = losses(tmp_path)
    # The log of a step comes after its end.
    assert told == [(1, 3, None), (2, 3, log[1]), (3, 3, log[2])]


@pytest.mark.parametrize("phase", ["align", "spatial", "rsvp"])
def test_with_a_cache_the_encoders_are_not_needed(
    dataset, tiny_folder, tmp_path, settings, losses, phase, monkeypatch
):
    model, processor = load(tiny_folder)
    compute(model, processor, RowIndex.read(dataset), tmp_path / "cache")
    wanted = settings(optim={"steps": 3})
    train(phase, tiny_folder, dataset, tmp_path / "pixels", wanted)
    asked = []
    real = run_module.load
    monkeypatch.setattr(run_module, "load", lambda *a, **k: (asked.append(k), real(*a, **k))[1])
    done = train(phase, tiny_folder, dataset, tmp_path / "cached", wanted, cache=tmp_path / "cache")
    assert asked == [{"load_mov": False}]
    # Features are rounded to bfloat16.
    assert losses(tmp_path / "cached") == pytest.approx(losses(tmp_path / "pixels"), abs=5e-3)
    # What is saved has its encoders all the same.
    whole = load(done.folder)[0].model
    assert whole.mov is not None
    for name, tensor in model.model.mov.state_dict().items():
        assert torch.equal(whole.mov.state_dict()[name], tensor)


def test_a_cache_of_other_encoders_is_refused(dataset, tiny_folder, tmp_path, settings):
    model, processor = load(tiny_folder)
    with torch.no_grad():
        next(model.model.mov.parameters()).add_(1)
    compute(model, processor, RowIndex.read(dataset, sources=["UCM-Captions"]), tmp_path / "cache")
    with pytest.raises(StaleCacheError, match="other encoders"):
        train("align", tiny_folder, dataset, tmp_path / "out", settings(), cache=tmp_path / "cache")


def test_several_data_sets(dataset, tiny_folder, tmp_path, settings):
    import json

    folders = []
    for source in ("UCM-Captions", "DIOR-RSVG"):
        folders.append(tmp_path / source)
        shutil.copytree(dataset / "data" / source, folders[-1] / "data" / source)
        (folders[-1] / "dataset.json").write_text(json.dumps({"sources": {source: {}}}))
    done = train("align", tiny_folder, folders, tmp_path / "out", settings(optim={"epochs": 1}))
    rows = len(RowIndex.read(dataset, splits=["train", "val"]))
    assert done.steps == -(-rows // 4)


def test_a_damaged_shard(dataset, tiny_folder, tmp_path, settings):
    copy = tmp_path / "data"
    shutil.copytree(dataset, copy)
    for shard in copy.rglob("train*.parquet"):
        data = bytearray(shard.read_bytes())
        data[4 : len(data) // 2] = bytes(len(data) // 2 - 4)
        shard.write_bytes(data)
    with pytest.raises(EarthMarkerError, match=r"\.parquet: .*(damaged|cannot be read)"):
        train("align", tiny_folder, copy, tmp_path / "out", settings())


def test_no_such_phase(dataset, tiny_folder, tmp_path):
    with pytest.raises(EarthMarkerError, match=r"unknown phase 'two'\. Known: align, spatial, rsvp\."):
        train("two", tiny_folder, dataset, tmp_path)


def test_a_batch_that_cannot_be_split(dataset, tiny_folder, tmp_path, settings):
    with pytest.raises(EarthMarkerError, match=r"optim\.batch = 4 is no multiple .* 3 \* 1"):
        train("align", tiny_folder, dataset, tmp_path, settings(optim={"device_batch": 3}))


def test_an_optimiser_that_is_not_installed(dataset, tiny_folder, tmp_path, settings):
    with pytest.raises(EarthMarkerError, match="pip install bitsandbytes"):
        train("align", tiny_folder, dataset, tmp_path, settings(optim={"optimizer": "adamw_8bit"}))


class TestOutOfMemory:
    """The message says what to change, and only what can be changed."""

    @pytest.fixture
    def fail(self, dataset, tiny_folder, tmp_path, settings, monkeypatch):
        def go(error, phase="spatial", **optim):
            def step(self, *args, **kwargs):
                raise error

            monkeypatch.setattr(run_module.EarthMarkerTrainer, "training_step", step)
            train(phase, tiny_folder, dataset, tmp_path, settings(optim=optim))

        return go

    def test_on_a_gpu(self, fail):
        with pytest.raises(EarthMarkerError) as raised:
            fail(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"))
        for part in (
            "out of memory in phase spatial with optim.device_batch = 2",
            "halve optim.device_batch (the batch of 4 stays",
            "optim.checkpointing = true",
            "--cache",
            "adamw_8bit",
            "FSDP",
            "earthmarker plan",
        ):
            assert part in str(raised.value)

    def test_on_a_cpu(self, fail):
        error = RuntimeError(
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
        )
        with pytest.raises(EarthMarkerError, match="out of memory in phase align"):
            fail(error, "align")

    def test_nothing_is_advised_that_is_done(self, fail):
        with pytest.raises(EarthMarkerError) as raised:
            fail(torch.OutOfMemoryError(), "rsvp", device_batch=1, checkpointing=True)
        assert not any(word in str(raised.value) for word in ("halve", "checkpointing", "8bit"))

    def test_another_error_is_no_lack_of_memory(self, fail):
        with pytest.raises(RuntimeError, match="mat1 and mat2"):
            fail(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
