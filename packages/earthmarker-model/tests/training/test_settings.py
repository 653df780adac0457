"""Settings: what a file may say, and what is said of one that says something else."""

import math

import pytest

from earthmarker.errors import EarthMarkerError
from earthmarker.training import PHASES, Settings
from earthmarker.training.arguments import arguments


@pytest.mark.parametrize("phase", PHASES)
def test_shipped_settings_are_the_papers(phase, tmp_path):
    args = arguments(Settings.of_phase(phase), tmp_path)
    assert args.learning_rate == 2e-5
    assert (args.adam_beta1, args.adam_beta2, args.weight_decay) == (0.9, 0.95, 0.0)
    assert args.lr_scheduler_type == "cosine"
    assert args.get_warmup_steps(1000) == math.ceil(0.03 * 1000)
    assert args.per_device_train_batch_size * args.gradient_accumulation_steps == 64


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[optim]\nlearning_rate = 1", r"optim\.learning_rate: Extra inputs are not permitted \(read 1\)"),
        ("[optim]\nlr = 0", r"optim\.lr: Input should be greater than 0 \(read 0\)"),
        ("[optim]\nlr = 'fast'", r"optim\.lr: .*\(read 'fast'\)"),
        ("[optim]\nwarmup = 1.5", r"optim\.warmup: Input should be less than 1"),
        ("[optim]\noptimizer = 'sgd'", r"optim\.optimizer: .*'adamw'"),
        ("[data]\nweights = {A = -1}", r"data\.weights\.A: .*greater than or equal to 0"),
        ("[lora]\nrank = 0", r"lora\.rank"),
        ("[other]\nx = 1", r"other: Extra inputs"),
        ("[optim\n", "settings.toml: "),
    ],
)
def test_a_file_that_says_something_else(tmp_path, text, message):
    path = tmp_path / "settings.toml"
    path.write_text(text)
    with pytest.raises(EarthMarkerError, match=message) as raised:
        Settings.read(path)
    assert str(path) in str(raised.value)


def test_every_mistake_of_a_file_is_told(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_text("log_steps = 0\n[optim]\nlr = 0\n[lora]\nrank = 0")
    with pytest.raises(EarthMarkerError) as raised:
        Settings.read(path)
    assert len(str(raised.value).splitlines()) == 3


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(EarthMarkerError, match=r"none\.toml"):
        Settings.read(tmp_path / "none.toml")


@pytest.mark.parametrize("processes", [1, 2, 8])
def test_the_batch_is_that_of_all_devices(tmp_path, settings, processes, monkeypatch):
    monkeypatch.setattr("earthmarker.training.arguments.processes", lambda: processes)
    args = arguments(settings(optim={"batch": 64, "device_batch": 4}), tmp_path)
    assert args.gradient_accumulation_steps * 4 * processes == 64
