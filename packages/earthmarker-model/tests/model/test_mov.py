"""The mixture of visual experts, against the encoders called by hand."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional
from transformers import ConvNextModel, Dinov2Model

from earthmarker import EarthMarkerConfig
from earthmarker.mov import MixtureOfVisualExperts, feature_fingerprint

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
DINO = {
    "model_type": "dinov2",
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 56,
}
CONVNEXT = {"model_type": "convnext", "hidden_sizes": [4, 8, 12, 16], "depths": [1, 1, 2, 1]}
TEXT = {
    "model_type": "llama",
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "vocab_size": 64,
}


def experts(streams, seed=0, **fields):
    fields = {"grid": 4, "image_size": 128, **fields}
    config = EarthMarkerConfig(
        dino_config=fields.pop("dino", DINO),
        convnext_config=fields.pop("convnext", CONVNEXT),
        text_config=TEXT,
        streams=[{"encoder": e, "size": s} for e, s in streams],
        **fields,
    )
    torch.manual_seed(seed)
    mov = MixtureOfVisualExperts(config)
    with torch.no_grad():
        for parameter in mov.parameters():
            parameter.normal_(0, 0.2)
    return mov, config


def normal(image, mean, std):
    """(side, side, 3) in 0..1 as (3, side, side), normalised."""
    return torch.from_numpy(((image - mean) / std).transpose(2, 0, 1).astype(np.float32))


def resize(bands, size, how):
    """Float bands (..., side, side) scaled by Pillow, one by one."""
    return np.stack(
        [np.asarray(Image.fromarray(b.astype(np.float32)).resize((size, size), how)) for b in bands]
    )


def by_hand(mov, image, encoder, size, grid):
    """Class token and map (grid, grid, channels) of an image (side, side, 3) in 0..1."""
    if image.shape[0] != size:
        image = resize(image.transpose(2, 0, 1), size, Image.Resampling.BICUBIC).transpose(1, 2, 0)
    with torch.no_grad():
        if encoder == "dino":
            model = Dinov2Model(mov.dino.config).eval()
            model.load_state_dict(mov.dino.state_dict())
            states = model(normal(image, MEAN, STD)[None]).last_hidden_state[0]
            side = size // 14
            whole, features = states[0], states[1:].reshape(side, side, -1)
        else:
            model = ConvNextModel(mov.convnext.config).eval()
            model.load_state_dict(mov.convnext.state_dict())
            states = model(normal(image, CLIP_MEAN, CLIP_STD)[None]).last_hidden_state[0].permute(1, 2, 0)
            norm = mov.convnext.layernorm
            features = functional.layer_norm(states, states.shape[-1:], norm.weight, norm.bias, norm.eps)
            whole = features.reshape(-1, features.shape[-1]).mean(dim=0)
    features = features.numpy()
    if features.shape[0] != grid:
        features = resize(features.transpose(2, 0, 1), grid, Image.Resampling.BILINEAR).transpose(1, 2, 0)
    return whole.numpy(), features


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(3).random((128, 128, 3))


READINGS = {
    "SPHINX-X": [("convnext", 128), ("dino", 56)],
    "multi-scale": [("convnext", 128), ("convnext", 64), ("dino", 56), ("dino", 112)],
    "dino alone": [("dino", 56)],
    "convnext alone": [("convnext", 64)],
    "the other way round": [("dino", 56), ("convnext", 128)],
}


@pytest.mark.parametrize("streams", READINGS.values(), ids=READINGS)
@pytest.mark.parametrize(("grid", "class_token"), [(4, True), (4, False), (3, True), (6, False)])
def test_features_are_those_of_the_encoders_side_by_side(image, streams, grid, class_token):
    mov, config = experts(streams, grid=grid, class_token=class_token)
    parts = [by_hand(mov, image, encoder, size, grid) for encoder, size in streams]
    rows = [np.concatenate([features for _, features in parts], axis=-1).reshape(grid * grid, -1)]
    if class_token:
        rows.insert(0, np.concatenate([whole for whole, _ in parts])[None])
    expected = np.concatenate(rows)

    got = mov(normal(image, CLIP_MEAN, CLIP_STD)[None])[0].numpy()
    assert got.shape == expected.shape == (config.image_seq_length, config.feature_size)
    assert np.abs(got - expected).max() < 2e-4 * np.abs(expected).max()
    assert np.abs(expected).std() > 0.05, "features that are all alike would prove nothing"


def test_canvases_do_not_touch_each_other(image):
    mov, _ = experts(READINGS["SPHINX-X"])
    one, two = (normal(i, CLIP_MEAN, CLIP_STD) for i in (image, image[::-1].copy()))
    together = mov(torch.stack([one, two]))
    assert torch.allclose(together[0], mov(one[None])[0], atol=1e-5)
    assert torch.allclose(together[1], mov(two[None])[0], atol=1e-5)
    assert not torch.allclose(together[0], together[1], atol=1e-2)


def test_all_norms_of_the_convnext_have_the_eps_of_the_configuration():
    mov, _ = experts(READINGS["SPHINX-X"], convnext={**CONVNEXT, "layer_norm_eps": 1e-5})
    found = {m.eps for m in mov.convnext.modules() if hasattr(m, "eps")}
    assert found == {1e-5}


def test_only_the_encoders_of_the_streams_are_built():
    mov, config = experts(READINGS["dino alone"])
    assert not hasattr(mov, "convnext") and config.feature_size == 24


def test_training_mode_does_not_reach_the_experts(tiny):
    tiny.train()
    assert tiny.training and tiny.model.projector.training
    assert not any(m.training for m in tiny.model.mov.modules())


def test_no_gradient_reaches_the_experts(tiny, ask):
    tiny.train()
    inputs = ask(0)
    tiny(**inputs, labels=inputs["input_ids"]).loss.backward()
    assert all(p.grad is None for p in tiny.model.mov.parameters())
    assert tiny.model.projector.layers[0].weight.grad.abs().sum() > 0
    assert (tiny.model.projector.boundary.grad.abs().sum(dim=-1) > 0).all()


def test_in_half_precision_features_stay_near(image):
    mov, _ = experts(READINGS["SPHINX-X"])
    canvas = normal(image, CLIP_MEAN, CLIP_STD)[None]
    exact = mov(canvas)
    half = mov.to(torch.bfloat16)(canvas)
    assert half.dtype == torch.bfloat16
    assert functional.cosine_similarity(exact.flatten(), half.float().flatten(), dim=0) > 0.995


def test_the_fingerprint_follows_all_that_features_depend_on():
    prints = {
        feature_fingerprint(*experts(streams, seed=seed, **fields))
        for streams, seed, fields in (
            (READINGS["SPHINX-X"], 0, {}),
            (READINGS["SPHINX-X"], 1, {}),
            (READINGS["the other way round"], 0, {}),
            (READINGS["SPHINX-X"], 0, {"grid": 3}),
            (READINGS["SPHINX-X"], 0, {"class_token": False}),
            ([("convnext", 64), ("dino", 56)], 0, {}),
        )
    }
    assert len(prints) == 6
    again = feature_fingerprint(*experts(READINGS["SPHINX-X"]))
    assert again in prints


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"streams": [{"encoder": "clip", "size": 8}]}, "expected"),
        ({"streams": [{"encoder": "dino"}]}, "expected"),
        ({"streams": []}, "at least one stream"),
        ({"boundary_token_ids": [1, 2]}, "four"),
        ({"streams": [{"encoder": "dino", "size": 60}]}, "14"),
        ({"streams": [{"encoder": "convnext", "size": 16}]}, "32"),
        ({"grid": 0}, "grid"),
        ({"image_size": 0}, "image_size"),
        ({"max_marks": 0}, "max_marks"),
        ({"prompt_style": {"shape": "filed"}}, "filled, outline, overlay"),
        ({"prompt_style": {"colour": "red"}}, "colour"),
    ],
)
def test_a_configuration_that_cannot_be_built_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        EarthMarkerConfig(dino_config=DINO, convnext_config=CONVNEXT, text_config=TEXT, **fields)
