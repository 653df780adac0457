"""What is said of a folder that is no model, or not one of this kind."""

import json
import shutil

import pytest

from earthmarker.errors import EarthMarkerError
from earthmarker.inference import ready
from earthmarker.training.store import load


@pytest.fixture
def copy(tiny_folder, tmp_path):
    shutil.copytree(tiny_folder, tmp_path / "model")
    return tmp_path / "model"


def test_a_model_is_ready(tiny_folder):
    model, _ = ready(tiny_folder, device="cpu")
    assert not model.training


@pytest.mark.parametrize("gone", ["tokenizer.json", "processor_config.json"])
def test_no_tokenizer(copy, gone):
    (copy / gone).unlink()
    with pytest.raises(EarthMarkerError, match=r"no processor with a tokenizer there.*tokenizer\.json"):
        load(copy)


def test_no_model_at_all(tmp_path):
    with pytest.raises(EarthMarkerError, match=str(tmp_path)):
        load(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config.update(grid=3),
        lambda config: config["text_config"].update(hidden_size=64),
        lambda config: config["text_config"].update(num_hidden_layers=3),
        lambda config: config.update(projector="mlp"),
    ],
    ids=["grid", "width", "depth", "projector"],
)
def test_weights_of_another_configuration(copy, change):
    path = copy / "config.json"
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))
    with pytest.raises(
        EarthMarkerError, match=rf"{copy}: .*(of this configuration|save model and processor)"
    ):
        load(copy)


def test_without_encoders_their_weights_are_not_missed(copy):
    assert load(copy, load_mov=False)[0].model.mov is None
    assert load("preset:tiny", load_mov=False)[0].model.mov is None


def test_damaged_weights(copy):
    path = copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(EarthMarkerError, match=f"{copy}: "):
        load(copy)


def test_an_unknown_preset():
    with pytest.raises(EarthMarkerError, match=r"unknown preset 'tinny'\. Did you mean tiny"):
        load("preset:tinny")


def test_no_such_device(tiny_folder):
    with pytest.raises(EarthMarkerError, match="device 'cuda:7'"):
        ready(tiny_folder, device="cuda:7")
    with pytest.raises(EarthMarkerError, match="device 'gpu'"):
        ready(tiny_folder, device="gpu")


def test_an_adapter_whose_base_is_gone(copy, tmp_path):
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(
        json.dumps({"base_model_name_or_path": str(tmp_path / "none")})
    )
    with pytest.raises(EarthMarkerError, match=r"the adapter's base cannot be loaded.*none"):
        load(adapter)
    (adapter / "adapter_config.json").write_text("{")
    with pytest.raises(EarthMarkerError, match=r"adapter_config\.json"):
        load(adapter)
