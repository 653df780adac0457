"""What learns in each phase, against names written down here; violations are caught."""

import re

import pytest
import torch

from earthmarker.errors import EarthMarkerError
from earthmarker.training import PHASES, prepare, train
from earthmarker.training import run as run_module
from earthmarker.training.phases import changed, check, digests, plain, trainable
from earthmarker.training.store import load

ATTENTION = {
    f"model.language_model.layers.{layer}.self_attn.{matrix}_proj" for layer in (0, 1) for matrix in "qkvo"
}
EXPECTED = {
    "align": {
        "model.projector.boundary",
        *(f"model.projector.layers.{i}.{kind}" for i in (0, 1) for kind in ("weight", "bias")),
    },
    "spatial": {f"{name}.weight" for name in ATTENTION},
    "rsvp": {f"base_model.model.{name}.lora_{side}.default.weight" for name in ATTENTION for side in "AB"},
}


@pytest.mark.parametrize("phase", PHASES)
def test_the_phase_learns_these_and_no_others(tiny_folder, phase):
    model = prepare(load(tiny_folder)[0], PHASES[phase])
    assert trainable(model) == EXPECTED[phase]
    assert {n for n, p in model.named_parameters() if p.requires_grad} == EXPECTED[phase]


def test_the_sets_are_disjoint_by_name():
    names = [name for phase in EXPECTED.values() for name in phase]
    assert len(names) == len(set(names))
    for name in names:
        claimed = [p.name for p in PHASES.values() if re.fullmatch(p.trainable, name)]
        assert len(claimed) == 1


def test_dinov2_has_layers_of_the_same_names_and_they_never_learn(tiny_folder):
    for phase in PHASES.values():
        model = prepare(load(tiny_folder)[0], phase)
        encoders = [(n, p) for n, p in model.named_parameters() if ".mov." in n]
        assert any(re.search(r"(q_proj|query)\.weight", n) for n, _ in encoders)
        assert not any(p.requires_grad or "lora" in n for n, p in encoders)


@pytest.mark.parametrize(
    ("wrapped", "name"),
    [
        ("module.model.projector.boundary", "model.projector.boundary"),
        ("_orig_mod.module.model.lm_head.weight", "model.lm_head.weight"),
        ("model._fsdp_wrapped_module.layers.0._checkpoint_wrapped_module.w", "model.layers.0.w"),
        ("model.submodule.w", "model.submodule.w"),
    ],
)
def test_wrappers_leave_names_as_they_were(wrapped, name):
    assert plain(wrapped) == name


def test_an_unfrozen_tensor_is_found_by_name(tiny_folder):
    model = prepare(load(tiny_folder)[0], PHASES["align"])
    model.lm_head.weight.requires_grad_(True)
    with pytest.raises(
        EarthMarkerError, match=r"phase align: lm_head\.weight learns, but belongs to no phase"
    ):
        check(model, PHASES["align"])
    model.lm_head.weight.requires_grad_(False)
    model.model.language_model.layers[0].self_attn.q_proj.weight.requires_grad_(True)
    with pytest.raises(EarthMarkerError, match=r"q_proj\.weight learns, but belongs to \['spatial'\]"):
        check(model, PHASES["align"])
    model.requires_grad_(False)
    with pytest.raises(EarthMarkerError, match="nothing learns"):
        check(model, PHASES["align"])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_digests_see_the_smallest_change_of_what_is_frozen(tiny_folder, dtype):
    model = prepare(load(tiny_folder, dtype=dtype)[0], PHASES["align"])
    before = digests(model)
    assert before.keys() == {
        *(n for n, p in model.named_parameters() if not p.requires_grad),
        *(n for n, _ in model.named_buffers()),
    }
    weight = model.model.mov.dino.encoder.layer[0].norm1.weight
    with torch.no_grad():
        model.model.projector.boundary += 1
        assert changed(before, digests(model)) == []
        weight[0] = torch.nextafter(weight[0], torch.tensor(2.0, dtype=dtype))
    assert changed(before, digests(model)) == ["model.mov.dino.encoder.layer.0.norm1.weight"]


@pytest.mark.parametrize("phase", PHASES)
def test_a_phase_changes_its_parameters_and_nothing_else(dataset, tiny_folder, tmp_path, settings, phase):
    done = train(phase, tiny_folder, dataset, tmp_path, settings(optim={"steps": 3}))
    assert done.steps == 3
    before = load(tiny_folder)[0].state_dict()
    after = load(done.folder, merge=False)[0].state_dict()
    if phase == "rsvp":
        moved = {n for n, t in after.items() if "lora_B" in n and t.any()}
        assert moved == {n for n in EXPECTED["rsvp"] if "lora_B" in n}
        after = {n.removeprefix("base_model.model.").replace("base_layer.", ""): t for n, t in after.items()}
        assert all(torch.equal(after[n], t) for n, t in before.items())
    else:
        assert {n for n, t in before.items() if not torch.equal(after[n], t)} == EXPECTED[phase]
    assert done.trained == sum(
        p.numel()
        for n, p in prepare(load(tiny_folder)[0], PHASES[phase]).named_parameters()
        if p.requires_grad
    )
    assert done.frozen > 100


class Planted:
    """A run with a mistake planted in it."""

    @pytest.fixture
    def run(self, dataset, tiny_folder, tmp_path, settings):
        def go():
            train("align", tiny_folder, dataset, tmp_path, settings(optim={"steps": 2}))

        go.out = tmp_path
        return go


class TestViolation(Planted):
    def test_before_the_first_step(self, run, monkeypatch):
        def careless(model, phase, lora=None):
            model = prepare(model, phase, lora)
            model.model.mov.dino.embeddings.cls_token.requires_grad_(True)
            return model

        monkeypatch.setattr(run_module, "prepare", careless)
        with pytest.raises(EarthMarkerError, match=r"phase align: model\.mov\..*cls_token learns"):
            run()
        assert not (run.out / "model").exists()
        assert not (run.out / "history.jsonl").exists() or not (run.out / "history.jsonl").read_text()

    def test_after_the_last_step(self, run, monkeypatch):
        real = run_module.EarthMarkerTrainer.training_step

        def careless(self, model, *args, **kwargs):
            with torch.no_grad():
                model.lm_head.weight[0, 0] += 1e-3
            return real(self, model, *args, **kwargs)

        monkeypatch.setattr(run_module.EarthMarkerTrainer, "training_step", careless)
        with pytest.raises(EarthMarkerError, match=r"phase align changed frozen tensors: lm_head\.weight"):
            run()
        assert not (run.out / "model").exists()
