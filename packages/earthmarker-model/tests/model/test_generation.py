"""Answers do not depend on how they are computed."""

import pytest
import torch
from torch.nn import functional

from earthmarker import EarthMarkerForConditionalGeneration

LENGTH = 12


def new(model, inputs, **kwargs):
    made = model.generate(**inputs, max_new_tokens=LENGTH, min_new_tokens=LENGTH, **kwargs)
    return made[:, inputs["input_ids"].shape[1] :]


def test_a_batch_gives_the_answers_of_its_rows(tiny, ask):
    together = ask(0, 1, 2)
    mask = together["attention_mask"]
    assert (mask[:, -1] == 1).all() and (mask[:, 0] == 0).any(), "padding belongs on the left"
    alone = torch.cat([new(tiny, ask(n)) for n in range(3)])
    assert torch.equal(new(tiny, together), alone)
    assert len({tuple(a.tolist()) for a in alone}) == 3, "answers that are all alike would prove nothing"


def test_the_cache_changes_nothing(tiny, ask):
    inputs = ask(0, 1)
    cached = new(tiny, inputs)
    assert torch.equal(cached, new(tiny, inputs, use_cache=False))
    # Step by step by hand, with the whole sequence each time.
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    barred = [
        tiny.config.image_token_id,
        *tiny.config.boundary_token_ids,
        tiny.generation_config.eos_token_id,
    ]
    for _ in range(LENGTH):
        with torch.no_grad():
            scores = tiny(input_ids=ids, attention_mask=mask, pixel_values=inputs["pixel_values"]).logits[
                :, -1
            ]
        scores[:, barred] = -torch.inf
        ids = torch.cat([ids, scores.argmax(dim=-1, keepdim=True)], dim=1)
        mask = torch.cat([mask, torch.ones_like(mask[:, :1])], dim=1)
    assert torch.equal(cached, ids[:, -LENGTH:])


def test_placeholders_and_boundaries_are_never_answered(tiny, ask):
    barred = [tiny.config.image_token_id, *tiny.config.boundary_token_ids]
    assert sorted(tiny.generation_config.suppress_tokens) == sorted(barred)
    with torch.no_grad():
        # A head that wants nothing else.
        tiny.lm_head.weight[barred] *= 50
    inputs = ask(0, 1)
    with torch.no_grad():
        wanted = tiny(**inputs).logits[:, -1].argmax(dim=-1)
    assert torch.isin(wanted, torch.tensor(barred)).any()
    for use_cache in (True, False):
        made = tiny.generate(**inputs, max_new_tokens=LENGTH, use_cache=use_cache)[
            :, inputs["input_ids"].shape[1] :
        ]
        assert not torch.isin(made, torch.tensor(barred)).any()


def test_attention_implementations_agree(tiny, ask, tmp_path):
    tiny.save_pretrained(tmp_path)
    inputs = ask(0, 1)
    kept = inputs["attention_mask"].bool()
    found = {}
    for how in ("eager", "sdpa"):
        model = EarthMarkerForConditionalGeneration.from_pretrained(tmp_path, attn_implementation=how)
        assert model.model.language_model.config._attn_implementation == how
        assert model.model.mov.dino.config._attn_implementation == how
        with torch.no_grad():
            found[how] = model(**inputs).logits[kept]
    assert torch.allclose(found["eager"], found["sdpa"], atol=1e-4 * found["eager"].abs().max())


def test_half_precision_stays_near(tiny, ask):
    inputs = ask(0, 1)
    kept = inputs["attention_mask"].bool()
    with torch.no_grad():
        exact = tiny(**inputs).logits[kept]
        half = tiny.to(torch.bfloat16)
        got = half(**inputs).logits[kept]
    assert got.dtype == torch.bfloat16
    near = functional.cosine_similarity(exact, got.float(), dim=-1)
    assert near.mean() > 0.99 and near.min() > 0.9
    assert half.generate(**inputs, max_new_tokens=3).shape[0] == 2


def gradients(model, inputs):
    model.zero_grad()
    loss = model(**inputs, labels=inputs["input_ids"]).loss
    loss.backward()
    return loss.detach(), {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("phase", ["all", "projector"])
def test_checkpointing_gives_the_same_gradients(tiny, ask, phase):
    tiny.train()
    for name, parameter in tiny.named_parameters():
        trains = ".projector." in name if phase == "projector" else ".mov." not in name
        parameter.requires_grad_(trains)
    inputs = ask(0, 1)
    loss, plain = gradients(tiny, inputs)
    calls = []
    layer = tiny.model.language_model.layers[0].input_layernorm
    handle = layer.register_forward_hook(lambda *_: calls.append(1))
    # Earlier releases of transformers 5 have the other name only, with the same argument in front.
    enable = getattr(tiny, "activation_checkpointing_enable", None) or tiny.gradient_checkpointing_enable
    enable({"use_reentrant": False})
    again, saved = gradients(tiny, inputs)
    handle.remove()
    assert len(calls) == 2, "the layer was not run again on the way back"
    assert torch.allclose(loss, again) and plain.keys() == saved.keys() and plain
    for name, gradient in plain.items():
        assert torch.allclose(gradient, saved[name], atol=1e-6), name
    assert not any(m.training for m in tiny.model.mov.modules())


def test_without_encoders_cached_features_are_all_that_is_needed(tiny, ask, tmp_path):
    tiny.save_pretrained(tmp_path)
    inputs = ask(0, 1)
    features = tiny.model.encode(inputs["pixel_values"])
    light = EarthMarkerForConditionalGeneration.from_pretrained(tmp_path, load_mov=False)
    assert light.model.mov is None and not any(".mov." in n for n, _ in light.named_parameters())
    cached = {k: v for k, v in inputs.items() if k != "pixel_values"} | {"mov_features": features}
    assert torch.equal(new(tiny, inputs), new(light, cached))
    with pytest.raises(ValueError, match=r"without its encoders \(load_mov=False\).*mov_features"):
        light(**inputs)


def test_sampling_follows_the_seed(tiny, ask):
    inputs = ask(0)
    one, two, other = (
        (torch.manual_seed(seed), new(tiny, inputs, do_sample=True, temperature=3.0))[1] for seed in (1, 1, 2)
    )
    assert torch.equal(one, two) and not torch.equal(one, other)
