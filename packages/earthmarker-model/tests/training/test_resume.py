"""A run that was stopped goes on to the same losses and the same weights, to the bit."""

import json
import shutil

import pytest
import torch

from earthmarker.data import GroupedSampler, RowDataset, RowIndex
from earthmarker.errors import EarthMarkerError
from earthmarker.training import Settings, train
from earthmarker.training import run as run_module
from earthmarker.training.store import load


class KilledError(Exception):
    """Stands for a kill."""


@pytest.fixture
def stop(monkeypatch):
    """Have a run die at the beginning of a pass."""

    def at(number):
        real = run_module.EarthMarkerTrainer.training_step
        passes = 0

        def step(self, *args, **kwargs):
            nonlocal passes
            passes += 1
            if passes == number:
                raise KilledError
            return real(self, *args, **kwargs)

        monkeypatch.setattr(run_module.EarthMarkerTrainer, "training_step", step)

    return at


@pytest.fixture
def order(monkeypatch):
    """Numbers of the rows in the order they are read."""
    numbers = []
    real = RowDataset.__getitem__
    monkeypatch.setattr(RowDataset, "__getitem__", lambda self, i: (numbers.append(i), real(self, i))[1])
    return numbers


# Of 6 steps an epoch: in the middle of the first, and of the second.
@pytest.mark.parametrize(("phase", "step"), [("align", 9), ("spatial", 4), ("rsvp", 9)])
def test_the_same_losses_and_weights(
    dataset, tiny_folder, tmp_path, settings, losses, stop, monkeypatch, phase, step, caplog
):
    # Dropout makes the random state count too.
    optim = {"epochs": 2, "batch": 6, "device_batch": 3}
    wanted = settings(optim=optim, lora={"dropout": 0.1}, save_steps=2)
    straight = train(phase, tiny_folder, dataset, tmp_path / "straight", wanted)
    rows = len(RowIndex.read(dataset, splits=["train", "val"]))
    assert (rows, straight.steps) == (32, 12)  # the last batch of an epoch is filled up
    with monkeypatch.context() as patch:
        stop(2 * step)
        with pytest.raises(KilledError):
            train(phase, tiny_folder, dataset, tmp_path / "cut", wanted)
        patch.undo()
    whole = losses(tmp_path / "straight")
    # The log of an interrupted run is there.
    assert losses(tmp_path / "cut") == {s: loss for s, loss in whole.items() if s < step}
    done = train(phase, tiny_folder, dataset, tmp_path / "cut", wanted, resume=True)
    assert done.steps == straight.steps
    assert losses(tmp_path / "cut") == whole
    # Nothing in a checkpoint was missing or left over.
    assert not [r for r in caplog.records if "mtime" not in r.message]
    one, other = (load(folder)[0].state_dict() for folder in (straight.folder, done.folder))
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_every_epoch_has_its_own_order(dataset, tiny_folder, tmp_path, settings, order, stop, monkeypatch):
    wanted = settings(optim={"epochs": 3, "batch": 6}, save_steps=2)
    index = RowIndex.read(dataset, splits=["train", "val"])
    sampler = GroupedSampler(index, 6, 0)
    expected = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        expected.append(list(sampler))
    assert expected[0] != expected[1] != expected[2]
    train("align", tiny_folder, dataset, tmp_path / "straight", wanted)
    assert order == [*expected[0], *expected[1], *expected[2]]
    order.clear()
    with monkeypatch.context() as patch:
        stop(3 * 9)  # in the second epoch of 6 steps, behind the checkpoint of step 8
        with pytest.raises(KilledError):
            train("align", tiny_folder, dataset, tmp_path / "cut", wanted)
        patch.undo()
    order.clear()
    train("align", tiny_folder, dataset, tmp_path / "cut", wanted, resume=True)
    # No picture of what was done is read again.
    assert order == expected[1][12:] + expected[2]


def test_a_checkpoint_that_was_being_written(dataset, tiny_folder, tmp_path, settings, losses):
    wanted = settings(optim={"steps": 6}, save_steps=2)
    train("align", tiny_folder, dataset, tmp_path / "straight", wanted)
    shutil.copytree(tmp_path / "straight", tmp_path / "cut")
    (tmp_path / "cut/checkpoints/checkpoint-6/trainer_state.json").unlink()
    assert train("align", tiny_folder, dataset, tmp_path / "cut", wanted, resume=True).steps == 6
    assert losses(tmp_path / "cut") == losses(tmp_path / "straight")


def test_a_run_that_is_done_has_nothing_left(dataset, tiny_folder, tmp_path, settings):
    wanted = settings(optim={"steps": 2}, save_steps=2)
    first = train("align", tiny_folder, dataset, tmp_path, wanted)
    again = train("align", tiny_folder, dataset, tmp_path, wanted, resume=True)
    assert again.steps == 2
    assert again.loss != again.loss
    one, other = (load(done.folder)[0].state_dict() for done in (first, again))
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())


@pytest.fixture(scope="module")
def begun(dataset, tiny_folder, tmp_path_factory):
    """A run and its settings; do not write into it."""
    wanted = {"data": {"workers": 0}, "optim": {"batch": 4, "device_batch": 2, "steps": 2}, "save_steps": 1}
    out = tmp_path_factory.mktemp("begun")
    train("rsvp", tiny_folder, dataset, out, Settings.model_validate(wanted))
    return out, wanted


def test_checkpoints_hold_what_learns_and_no_more(begun):
    from safetensors.torch import load_file

    out, _ = begun
    [first, second] = [load_file(p) for p in sorted(out.rglob("learned.safetensors"))]
    assert first.keys() == second.keys()
    assert all(".lora_" in name for name in first)
    assert not all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def test_a_checkpoint_of_another_model(begun, dataset, tiny_folder, tmp_path):
    from safetensors.torch import load_file, save_file

    out, wanted = begun
    shutil.copytree(out, tmp_path / "out")
    [path] = (tmp_path / "out").rglob("checkpoint-2/learned.safetensors")
    saved = load_file(path)
    name = min(saved)
    save_file({**saved, name: saved[name][:1]}, path)
    with pytest.raises(
        EarthMarkerError, match=r"not of this model and phase.*give the model that the run began with"
    ):
        train("rsvp", tiny_folder, dataset, tmp_path / "out", Settings.model_validate(wanted), resume=True)
    path.unlink()
    with pytest.raises(EarthMarkerError, match="sharded over GPUs"):
        train("rsvp", tiny_folder, dataset, tmp_path / "out", Settings.model_validate(wanted), resume=True)


class TestAnotherRun:
    """What is resumed must be what was begun."""

    @pytest.mark.parametrize(
        ("phase", "part", "change", "message"),
        [
            ("align", "data", {}, "phase was 'rsvp', is 'align'"),
            ("rsvp", "lora", {"rank": 4}, "lora.rank was 16, is 4"),
            ("rsvp", "optim", {"lr": 1e-3}, r"optim\.lr was 2e-05, is 0\.001"),
            ("rsvp", "optim", {"batch": 8}, "mixture was"),
            ("rsvp", "data", {"splits": ["val"]}, "mixture was"),
            ("rsvp", "data", {"weights": {"UCM-Captions": 2.0}}, "mixture was"),
        ],
    )
    def test_is_refused(self, begun, dataset, tiny_folder, phase, part, change, message):
        out, wanted = begun
        other = Settings.model_validate({**wanted, part: {**wanted.get(part, {}), **change}})
        with pytest.raises(EarthMarkerError, match=f"not the run to resume: .*{message}"):
            train(phase, tiny_folder, dataset, out, other, resume=True)

    def test_what_does_not_matter_may_differ(self, begun, dataset, tiny_folder, tmp_path):
        out, wanted = begun
        shutil.copytree(out, tmp_path / "out")
        other = {
            **wanted,
            "optim": {**wanted["optim"], "device_batch": 1, "checkpointing": True},
            "log_steps": 3,
        }
        train("rsvp", tiny_folder, dataset, tmp_path / "out", Settings.model_validate(other), resume=True)

    def test_is_not_written_over(self, begun, dataset, tiny_folder):
        out, wanted = begun
        with pytest.raises(EarthMarkerError, match=r"checkpoints of a run already; go on with it \(--resume"):
            train("rsvp", tiny_folder, dataset, out, Settings.model_validate(wanted))

    def test_nothing_to_resume(self, dataset, tiny_folder, tmp_path, settings):
        with pytest.raises(EarthMarkerError, match=r"nothing to resume there \(run\.json"):
            train("align", tiny_folder, dataset, tmp_path, settings(), resume=True)

    def test_no_whole_checkpoint(self, begun, dataset, tiny_folder, tmp_path):
        out, wanted = begun
        (tmp_path / "run.json").write_text((out / "run.json").read_text())
        (tmp_path / "checkpoints/checkpoint-1").mkdir(parents=True)
        (tmp_path / "checkpoints/checkpoint-1/trainer_state.json").write_text(json.dumps({})[:1])
        with pytest.raises(EarthMarkerError, match="no whole checkpoint"):
            train("rsvp", tiny_folder, dataset, tmp_path, Settings.model_validate(wanted), resume=True)
