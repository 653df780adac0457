"""Half precision, and what is told to FSDP."""

from itertools import pairwise

import pytest
import torch

from earthmarker.training import PHASES, prepare, train
from earthmarker.training import run as run_module
from earthmarker.training.devices import dtypes, mix, restore, shard_by_layer
from earthmarker.training.store import load


@pytest.fixture(scope="module")
def half_folder(tiny_folder, tmp_path_factory):
    """Preset tiny, saved in bfloat16."""
    folder = tmp_path_factory.mktemp("half")
    model, processor = load(tiny_folder, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("half", [True, False])
@pytest.mark.parametrize("source", ["tiny_folder", "half_folder"])
def test_what_learns_is_float32(request, phase, half, source):
    model = load(request.getfixturevalue(source))[0]
    encoders = {p.dtype for p in model.model.mov.parameters()}
    before = dtypes(model)
    model = prepare(model, PHASES[phase])
    mix(model, half=half)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            assert parameter.dtype == torch.float32, name
        elif ".mov." in name:
            assert {parameter.dtype} == encoders, name
        else:
            assert parameter.dtype == (torch.bfloat16 if half else torch.float32), name
    if phase != "rsvp":
        state = {n: p.detach() for n, p in model.named_parameters()}
        restore(model, state, before)
        assert dtypes(model) == before == {n: t.dtype for n, t in state.items()}


@pytest.mark.parametrize("phase", PHASES)
def test_a_checkpoint_in_bfloat16_trains_and_stays_one(
    dataset, half_folder, tmp_path, settings, losses, phase
):
    done = train(phase, half_folder, dataset, tmp_path, settings(optim={"precision": "bf16", "steps": 3}))
    assert all(4 < loss < 7 for loss in losses(tmp_path).values())
    trained, base = load(done.folder)[0], load(half_folder)[0]
    assert dtypes(trained) == dtypes(base)
    assert trained.config.dtype == base.config.dtype == torch.bfloat16


def test_bfloat16_loss_is_near_that_of_float32(dataset, tiny_folder, tmp_path, settings, losses):
    for name in ("fp32", "bf16"):
        train(
            "spatial", tiny_folder, dataset, tmp_path / name, settings(optim={"precision": name, "steps": 4})
        )
    assert losses(tmp_path / "bf16") == pytest.approx(losses(tmp_path / "fp32"), abs=0.02)
    assert losses(tmp_path / "bf16") != losses(tmp_path / "fp32")


def test_updates_smaller_than_bfloat16_add_up(dataset, half_folder, tmp_path, settings, monkeypatch):
    """A step of AdamW is about the learning rate: here far less than from 1 to the next bfloat16."""
    seen = []
    real = run_module.EarthMarkerTrainer.training_step

    def step(self, model, *args, **kwargs):
        seen.append(model.model.projector.layers[1].weight.detach().clone())
        return real(self, model, *args, **kwargs)

    monkeypatch.setattr(run_module.EarthMarkerTrainer, "training_step", step)
    optim = {"precision": "bf16", "steps": 4, "lr": 1e-5, "warmup": 0, "schedule": "constant_with_warmup"}
    train("align", half_folder, dataset, tmp_path, settings(optim={**optim, "device_batch": 4}))
    assert torch.equal(seen[0], torch.ones_like(seen[0]))
    assert [t.dtype for t in seen] == [torch.float32] * 4
    moved = [(after - before).abs().max().item() for before, after in pairwise(seen)]
    assert moved == pytest.approx([1e-5] * 3, rel=0.3)
    assert torch.equal(seen[-1].bfloat16(), seen[0].bfloat16())


def test_checkpointing_changes_no_loss(dataset, tiny_folder, tmp_path, settings, losses):
    for name, checkpointing in (("kept", False), ("recomputed", True)):
        wanted = settings(optim={"steps": 3, "checkpointing": checkpointing})
        train("align", tiny_folder, dataset, tmp_path / name, wanted)
    assert losses(tmp_path / "recomputed") == pytest.approx(losses(tmp_path / "kept"), rel=1e-6)


class TestFsdp:
    """The modules that FSDP shards by themselves come from the decoder."""

    def test_layers_and_encoders(self, tiny_folder, monkeypatch):
        monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
        monkeypatch.setenv("FSDP_TRANSFORMER_CLS_TO_WRAP", "OtherLayer")
        for phase in PHASES.values():
            shard_by_layer(prepare(load(tiny_folder)[0], phase))
            assert self.wrapped() == {"LlamaDecoderLayer", "MixtureOfVisualExperts"}

    def test_without_encoders(self, tiny_folder, monkeypatch):
        monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
        monkeypatch.setenv("FSDP_TRANSFORMER_CLS_TO_WRAP", "")
        shard_by_layer(load(tiny_folder, load_mov=False)[0])
        assert self.wrapped() == {"LlamaDecoderLayer"}

    def test_another_decoder(self, monkeypatch):
        from earthmarker import EarthMarkerForConditionalGeneration
        from earthmarker.presets import preset
        from earthmarker.presets.count import bare_config

        config = bare_config(preset("tiny"))
        text = {**config.text_config.to_dict(), "model_type": "qwen3", "head_dim": 12}
        config = bare_config(preset("tiny"), text_config=text)
        monkeypatch.setenv("ACCELERATE_USE_FSDP", "1")
        monkeypatch.setenv("FSDP_TRANSFORMER_CLS_TO_WRAP", "")
        shard_by_layer(EarthMarkerForConditionalGeneration(config))
        assert self.wrapped() == {"Qwen3DecoderLayer", "MixtureOfVisualExperts"}

    def test_only_where_fsdp_is_on(self, tiny_folder, monkeypatch):
        monkeypatch.delenv("ACCELERATE_USE_FSDP", raising=False)
        monkeypatch.setenv("FSDP_TRANSFORMER_CLS_TO_WRAP", "OtherLayer")
        shard_by_layer(load(tiny_folder)[0])
        assert self.wrapped() == {"OtherLayer"}

    @staticmethod
    def wrapped():
        import os

        return set(os.environ["FSDP_TRANSFORMER_CLS_TO_WRAP"].split(","))
