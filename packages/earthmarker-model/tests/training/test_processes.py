"""Two processes with gloo train as one does."""

import shutil
from pathlib import Path

import pytest
import torch

from earthmarker.data import GroupedSampler, RowIndex
from earthmarker.training import Settings, train
from earthmarker.training.store import load

# Sums over processes come in another order than those over passes: float32, a few steps.
TOLERANCE = {"rel": 1e-5}


def toml(epochs=2, splits=("val",), **optim):
    lines = {"batch": 6, "device_batch": 1, "lr": 1e-2, "epochs": epochs, **optim}
    given = "\n".join(f"{k} = {v!r}" for k, v in lines.items())
    return (
        f"log_steps = 1\nsave_steps = 2\nkeep = 9\n[data]\nworkers = 0\nsplits = {list(splits)}\n"
        f"[lora]\ndropout = 0.0\n[optim]\nprecision = 'fp32'\n{given}\n"
    )


@pytest.fixture
def compare(dataset, tiny_folder, tmp_path, losses, together):
    """Train in one process and in two; 12 rows, so that the last of 2 steps is whole."""

    def run(phase, text, driver=None, source=tiny_folder):
        path = tmp_path / "one.toml"
        path.write_text(text)
        one = train(phase, source, dataset, tmp_path / "one", Settings.read(path))
        arguments = ["--phase", phase, "--data", dataset, "--model", source, "--out", tmp_path / "two"]
        done = together(arguments, text, driver)
        first, second = losses(tmp_path / "one"), losses(tmp_path / "two")
        assert len(first) == one.steps
        assert second == pytest.approx(first, **TOLERANCE)
        ours, theirs = load(one.folder)[0].state_dict(), load(tmp_path / "two/model")[0].state_dict()
        for name, tensor in ours.items():
            # One step of AdamW turns a last bit of a gradient near zero into as much as the learning rate.
            torch.testing.assert_close(theirs[name], tensor, rtol=1e-3, atol=1e-3, msg=name)
        return done

    return run


def test_data_parallel(compare):
    done = compare("spatial", toml())
    assert "13,824 parameters learned" in done.stdout
    assert done.stdout.count("steps") == 1  # one process speaks


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["align", "rsvp"])
def test_data_parallel_in_the_other_phases(compare, phase):
    compare(phase, toml())


def drop_after(out, step):
    """Remove the checkpoints behind a step."""
    for path in (out / "checkpoints").glob("checkpoint-*"):
        if int(path.name.rpartition("-")[2]) > step:
            shutil.rmtree(path)


@pytest.fixture
def resume(dataset, tiny_folder, tmp_path, together):
    """Run on from the checkpoint of a step, as if the processes had been killed behind it."""

    def run(phase, text, step, driver=None):
        drop_after(tmp_path / "two", step)
        arguments = ["--phase", phase, "--data", dataset, "--model", tiny_folder, "--out", tmp_path / "two"]
        together([*arguments, "--resume"], text, driver)

    return run


@pytest.mark.slow
def test_resumed_in_the_second_epoch(dataset, tiny_folder, compare, resume, losses, tmp_path):
    """accelerate does not find the sampler under its three wrappers then; ours is told all the same."""
    sampler = GroupedSampler(RowIndex.read(dataset, splits=("train", "val")), 4)
    orders = []
    for epoch in (0, 1):
        sampler.set_epoch(epoch)
        orders.append(list(sampler)[8:])
    assert orders[0] != orders[1]
    text = toml(splits=("train", "val"), batch=4)
    compare("align", text)
    whole = losses(tmp_path / "two")
    assert len(whole) == 16
    resume("align", text, 10)
    assert losses(tmp_path / "two") == whole
    # And in one process, as the rows of a step are the same.
    drop_after(tmp_path / "two", 10)
    (tmp_path / "settings.toml").write_text(text)
    train(
        "align",
        tiny_folder,
        dataset,
        tmp_path / "two",
        Settings.read(tmp_path / "settings.toml"),
        resume=True,
    )
    assert losses(tmp_path / "two") == pytest.approx(whole, **TOLERANCE)


@pytest.mark.slow
def test_a_mistake_ends_both_processes(dataset, tiny_folder, tmp_path, together):
    arguments = ["--phase", "align", "--data", dataset, "--model", tiny_folder, "--out", tmp_path / "out"]
    done = together(arguments, toml(batch=5), check=False)
    assert done.returncode != 0
    assert "process 0: optim.batch = 5 is no multiple of device_batch * devices = 1 * 2" in done.stderr
    assert "earthmarker_cli/" not in done.stderr  # no traceback of ours


@pytest.fixture
def shard(compare, monkeypatch):
    for name, value in {
        "ACCELERATE_USE_FSDP": "true",
        "FSDP_VERSION": "2",
        "FSDP_AUTO_WRAP_POLICY": "TRANSFORMER_BASED_WRAP",
        "FSDP_RESHARD_AFTER_FORWARD": "true",
        "FSDP_STATE_DICT_TYPE": "SHARDED_STATE_DICT",
        "FSDP_TRANSFORMER_CLS_TO_WRAP": "LlamaDecoderLayer",
        "FSDP_CPU_RAM_EFFICIENT_LOADING": "false",
    }.items():
        monkeypatch.setenv(name, value)
    driver = Path(__file__).with_name("shard_on_cpus.py")
    return lambda phase, text, **kwargs: compare(phase, text, driver, **kwargs)


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["align", "spatial", "rsvp"])
def test_sharded_with_fsdp(shard, phase):
    done = shard(phase, toml())
    assert done.stderr.count("with DTensor") == 2
    for unit in ("layers.0", "layers.1", "model.mov", "embed_tokens", "lm_head"):
        assert unit in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["spatial", "rsvp"])
def test_sharded_with_fsdp_and_resumed(shard, resume, losses, tmp_path, phase):
    text = toml(splits=("train", "val"), batch=4)
    shard(phase, text)
    whole = losses(tmp_path / "two")
    resume(phase, text, 10, Path(__file__).with_name("shard_on_cpus.py"))
    assert losses(tmp_path / "two") == pytest.approx(whole, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["align", "spatial", "rsvp"])
def test_sharded_in_bfloat16(shard, dataset, tiny_folder, tmp_path, together, losses, phase):
    source = tmp_path / "half"
    model, processor = load(tiny_folder, dtype=torch.bfloat16)
    model.save_pretrained(source)
    processor.save_pretrained(source)
    arguments = ["--phase", phase, "--data", dataset, "--model", source, "--out", tmp_path / "two"]
    text = toml().replace("'fp32'", "'bf16'")
    done = together(arguments, text, Path(__file__).with_name("shard_on_cpus.py"))
    assert "with DTensor" in done.stderr
    assert all(4 < loss < 7 for loss in losses(tmp_path / "two").values())
    trained = load(tmp_path / "two/model")[0]
    assert {p.dtype for p in trained.parameters()} == {torch.bfloat16}
