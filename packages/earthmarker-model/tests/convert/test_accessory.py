"""Made-up checkpoints in the layout of LLaMA2-Accessory become models that compute the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from earthmarker import EarthMarkerConfig, EarthMarkerForConditionalGeneration, EarthMarkerProcessor
from earthmarker.convert import ConversionReport, convert_accessory, hub_to_hf, timm_to_hf
from earthmarker.errors import EarthMarkerError

State = dict[str, Tensor]
Write = Callable[..., Path]

ROWS, WIDTH, INNER, LAYERS, HEADS, KV_HEADS, EPS, THETA = 259, 24, 40, 2, 6, 2, 1e-5, 1e4
# Heads of DINOv2 have 64 channels, so this is a width that tells its one head.
CONVNEXT, DEPTHS, DINO = (4, 6, 8, 10), (1, 1, 2, 1), 64
CHANNELS = CONVNEXT[-1] + DINO


@pytest.fixture(scope="session")
def llma() -> State:
    """Decoder, projection and boundaries by LLaMA2-Accessory's names."""
    generator = torch.Generator().manual_seed(11)

    def random(*shape: int, scale: float = 0.2, mean: float = 0.0) -> Tensor:
        return torch.randn(shape, generator=generator) * scale + mean

    keys = KV_HEADS * WIDTH // HEADS
    state = {
        "llma.tok_embeddings.weight": random(ROWS, WIDTH, scale=1.0),
        "llma.norm.weight": random(WIDTH, mean=1.0),
        "llma.output.weight": random(ROWS, WIDTH),
        "llma.visual_proj.0.weight": random(WIDTH, CHANNELS),
        "llma.visual_proj.0.bias": random(WIDTH),
        "llma.visual_proj.1.weight": random(WIDTH, mean=1.0),
        "llma.visual_proj.1.bias": random(WIDTH),
        "llma.start_img": random(1, 1, WIDTH, scale=1.0),
        "llma.end_img": random(1, 1, WIDTH, scale=1.0),
    }
    for i in range(LAYERS):
        layer = f"llma.layers.{i}"
        state |= {
            f"{layer}.attention.wq.weight": random(WIDTH, WIDTH, scale=0.5),
            f"{layer}.attention.wk.weight": random(keys, WIDTH, scale=0.5),
            f"{layer}.attention.wv.weight": random(keys, WIDTH),
            f"{layer}.attention.wo.weight": random(WIDTH, WIDTH),
            f"{layer}.feed_forward.w1.weight": random(INNER, WIDTH),
            f"{layer}.feed_forward.w2.weight": random(WIDTH, INNER),
            f"{layer}.feed_forward.w3.weight": random(INNER, WIDTH),
            f"{layer}.attention_norm.weight": random(WIDTH, mean=1.0),
            f"{layer}.ffn_norm.weight": random(WIDTH, mean=1.0),
        }
    return state


@pytest.fixture(scope="session")
def encoders(timm_state: Callable[..., State], hub_dino: Callable[..., State]) -> State:
    trunk, dino = timm_state(CONVNEXT, DEPTHS), hub_dino(DINO, 1, 4, swiglu=True)
    named = {f"llma.openclip_convnext_xxl.{k}": t for k, t in trunk.items()}
    return named | {f"llma.dinov2_vitg14.{k}": t for k, t in dino.items()}


def decoder(state: State, h: Tensor) -> Tensor:
    """Logits of LLaMA2-Accessory's decoder, from its facts: (length, width) to (length, rows)."""

    def norm(x: Tensor, name: str) -> Tensor:
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + EPS) * state[f"{name}.weight"]

    def linear(x: Tensor, name: str) -> Tensor:
        return x @ state[f"{name}.weight"].T

    length, width = len(h), WIDTH // HEADS
    frequencies = THETA ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    turns = torch.outer(torch.arange(length, dtype=torch.float64), frequencies)
    turns = torch.polar(torch.ones_like(turns), turns)[:, None]

    def turned(x: Tensor) -> Tensor:
        pairs = torch.view_as_complex(x.double().reshape(length, -1, width // 2, 2).contiguous())
        return torch.view_as_real(pairs * turns).flatten(2).float()

    ahead = torch.ones(length, length, dtype=torch.bool).triu(1)
    for i in range(LAYERS):
        layer = f"llma.layers.{i}"
        x = norm(h, f"{layer}.attention_norm")
        q = turned(linear(x, f"{layer}.attention.wq"))
        k = turned(linear(x, f"{layer}.attention.wk"))
        v = linear(x, f"{layer}.attention.wv").reshape(length, KV_HEADS, width)
        k, v = (t.repeat_interleave(HEADS // KV_HEADS, dim=1) for t in (k, v))
        scores = torch.einsum("ihc,jhc->hij", q, k) / width**0.5
        y = torch.einsum("hij,jhc->ihc", scores.masked_fill(ahead, -torch.inf).softmax(-1), v)
        h = h + linear(y.flatten(1), f"{layer}.attention.wo")
        x = norm(h, f"{layer}.ffn_norm")
        gate = linear(x, f"{layer}.feed_forward.w1")
        h = h + linear(
            gate * gate.sigmoid() * linear(x, f"{layer}.feed_forward.w3"), f"{layer}.feed_forward.w2"
        )
    return linear(norm(h, "llma.norm"), "llma.output")


def projected(state: State, features: Tensor) -> Tensor:
    """Linear and LayerNorm over the channels: (tokens, channels) to (tokens, width)."""
    x = features @ state["llma.visual_proj.0.weight"].T + state["llma.visual_proj.0.bias"]
    x = (x - x.mean(-1, keepdim=True)) / torch.sqrt(x.var(-1, keepdim=True, unbiased=False) + 1e-5)
    return x * state["llma.visual_proj.1.weight"] + state["llma.visual_proj.1.bias"]


def load(folder: Path) -> tuple[Any, Any]:
    model = EarthMarkerForConditionalGeneration.from_pretrained(folder)
    return model.eval(), EarthMarkerProcessor.from_pretrained(folder)


@pytest.fixture(scope="module")
def converted(
    write: Write, llma: State, encoders: State, words: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, ConversionReport]:
    """Two shards with everything in them, converted without a preset or configuration."""
    folder = tmp_path_factory.mktemp("accessory")
    write(folder / "in", llma | encoders)
    return folder / "out", convert_accessory(folder / "in", folder / "out", tokenizer=words)


def test_logits_are_those_of_the_original_arithmetic(
    converted: tuple[Path, ConversionReport], llma: State
) -> None:
    model, _ = load(converted[0])
    ids = torch.tensor([0, 5, 77, 200, 258, 3, 3, 100])
    with torch.no_grad():
        logits = model(input_ids=ids[None]).logits[0]
    expected = decoder(llma, llma["llma.tok_embeddings.weight"][ids])
    assert expected.std() > 0.5
    torch.testing.assert_close(logits[:, :ROWS], expected, atol=1e-4, rtol=1e-4)


def test_logits_with_an_image_are_those_of_the_original_arithmetic(
    converted: tuple[Path, ConversionReport], llma: State
) -> None:
    model, _ = load(converted[0])
    config = model.config
    assert config.streams == [{"encoder": "convnext", "size": 512}, {"encoder": "dino", "size": 224}]
    features = torch.randn(1, config.image_seq_length, CHANNELS)
    start, end = config.boundary_token_ids[:2]
    text = torch.tensor([9, 40, 200])
    ids = torch.cat([
        torch.tensor([0, start]),
        torch.full((config.image_seq_length,), config.image_token_id),
        torch.tensor([end]),
        text,
    ])  # fmt: skip
    with torch.no_grad():
        logits = model(input_ids=ids[None], mov_features=features).logits[0]
    table = llma["llma.tok_embeddings.weight"]
    sequence = torch.cat([
        table[:1],
        llma["llma.start_img"][0],
        projected(llma, features[0]),
        llma["llma.end_img"][0],
        table[text],
    ])  # fmt: skip
    expected = decoder(llma, sequence)
    torch.testing.assert_close(logits[:, :ROWS], expected, atol=2e-4, rtol=1e-4)


def test_encoders_are_those_of_the_checkpoint(
    converted: tuple[Path, ConversionReport], encoders: State
) -> None:
    model, _ = load(converted[0])
    own = model.model.mov.state_dict()
    trunk = {k.removeprefix("llma.openclip_convnext_xxl."): t for k, t in encoders.items() if "convnext" in k}
    dino = {k.removeprefix("llma.dinov2_vitg14."): t for k, t in encoders.items() if "dinov2" in k}
    given = {f"convnext.{k}": t for k, t in timm_to_hf(trunk).items()}
    given |= {f"dino.{k}": t for k, t in hub_to_hf(dino).items()}
    assert own.keys() == given.keys()
    assert all(torch.equal(t, given[k]) for k, t in own.items())
    assert {m.eps for m in model.model.mov.convnext.modules() if hasattr(m, "eps")} == {1e-5}


def test_the_account_names_every_tensor(
    converted: tuple[Path, ConversionReport], llma: State, encoders: State
) -> None:
    out, report = converted
    model, _ = load(out)
    assert report.used.keys() == llma.keys() | encoders.keys()
    assert report.unused == {}
    assert report.shards == [2]
    assert report.initialised == [
        "model.language_model.embed_tokens.weight[259:264]",
        "lm_head.weight[259:264]",
        "model.projector.boundary[2]",
        "model.projector.boundary[3]",
    ]
    named = {name.split("[")[0] for names in report.used.values() for name in names}
    assert named == set(model.state_dict())
    assert report.parameters == sum(p.numel() for p in model.parameters())
    saved = json.loads((out / "conversion.json").read_text())
    assert saved["used"]["llma.start_img"] == ["model.projector.boundary[0]"]
    assert (
        "random, not in the checkpoint: model.language_model.embed_tokens.weight[259:264]" in report.summary()
    )


def test_prompt_boundaries_and_new_rows_are_random_but_the_same_for_a_seed(
    write: Write,
    converted: tuple[Path, ConversionReport],
    llma: State,
    encoders: State,
    words: Path,
    tmp_path: Path,
) -> None:
    model, _ = load(converted[0])
    boundary, head = model.model.projector.boundary, model.lm_head.weight
    assert 0.5 < boundary[2:].std() < 2
    assert 0.005 < head[ROWS:].std() < 0.05, "on the scale of what the decoder would be initialised with"
    write(tmp_path / "in", llma | encoders, shards=1)
    convert_accessory(tmp_path / "in", tmp_path / "out", tokenizer=words)
    again, _ = load(tmp_path / "out")
    assert all(torch.equal(t, again.state_dict()[k]) for k, t in model.state_dict().items())
    assert model.config.mov_fingerprint == again.config.mov_fingerprint is not None


def test_the_processor_comes_along(converted: tuple[Path, ConversionReport]) -> None:
    from PIL import Image

    model, processor = load(converted[0])
    text = "<s><img><image></img> What?"
    inputs = processor(images=Image.new("RGB", (40, 30), (9, 99, 9)), text=text, boxes=[[1, 2, 30, 20]])
    inputs = processor.tokenizer.pad(
        {k: inputs[k] for k in ("input_ids", "attention_mask")}, return_tensors="pt"
    )
    holes = int((inputs["input_ids"] == model.config.image_token_id).sum())
    assert holes == 2 * model.config.image_seq_length


def test_training_saves_no_encoders_so_they_are_taken_from_elsewhere(
    write: Write, llma: State, encoders: State, words: Path, tmp_path: Path
) -> None:
    write(tmp_path / "in", llma)
    with pytest.raises(EarthMarkerError, match=r"no dino .*saves no frozen encoders"):
        convert_accessory(tmp_path / "in", tmp_path / "out", tokenizer=words)
    dino = {k.removeprefix("llma.dinov2_vitg14."): t for k, t in encoders.items() if "dinov2" in k}
    trunk = {k.removeprefix("llma.openclip_convnext_xxl."): t for k, t in encoders.items() if "convnext" in k}
    torch.save(dino, tmp_path / "dino.pth")
    save_file(trunk, tmp_path / "trunk.safetensors")
    sources = {"dino": tmp_path / "dino.pth", "convnext": tmp_path / "trunk.safetensors"}
    report = convert_accessory(tmp_path / "in", tmp_path / "out", tokenizer=words, **sources)
    assert report.loaded == {k: str(v) for k, v in sources.items()}
    model, _ = load(tmp_path / "out")
    assert torch.equal(model.model.mov.convnext.layernorm.bias, trunk["head.norm.bias"])
    assert torch.equal(model.model.mov.dino.embeddings.cls_token, dino["cls_token"])
    write(tmp_path / "all", llma | encoders)
    with pytest.raises(EarthMarkerError, match="has a dino already"):
        convert_accessory(tmp_path / "all", tmp_path / "new", tokenizer=words, **sources)


def test_a_base_and_what_was_trained_on_it(
    write: Write, llma: State, encoders: State, words: Path, tmp_path: Path
) -> None:
    base = {k: t for k, t in llma.items() if "visual_proj" not in k and "_img" not in k}
    write(tmp_path / "base", base | encoders)
    tuned = {k: t + 1 for k, t in llma.items() if "visual_proj" in k}
    write(tmp_path / "tuned", tuned, shards=1, params=None)
    with pytest.raises(EarthMarkerError, match=r"no projection \(llma\.visual_proj\)"):
        convert_accessory(tmp_path / "base", tmp_path / "out", tokenizer=words)
    report = convert_accessory([tmp_path / "base", tmp_path / "tuned"], tmp_path / "out", tokenizer=words)
    model, _ = load(tmp_path / "out")
    assert torch.equal(model.model.projector.layers[0].bias, tuned["llma.visual_proj.0.bias"])
    # The first stage of LLaMA2-Accessory trains and saves visual_proj alone.
    assert "model.projector.boundary[0]" in report.initialised
    assert report.shards == [2, 1]


def test_parts_left_out_are_random_and_said_to_be(
    write: Write, llma: State, encoders: State, words: Path, tmp_path: Path
) -> None:
    write(tmp_path / "in", llma | encoders)
    report = convert_accessory(
        tmp_path / "in", tmp_path / "out", tokenizer=words, without=["projector", "dino"]
    )
    assert "model.mov.dino.*" in report.initialised and "model.projector.layers.*" in report.initialised
    assert report.unused["llma.start_img"] == "projector left out as asked"
    assert report.unused["llma.dinov2_vitg14.cls_token"] == "dino left out as asked"
    assert report.used.keys() | report.unused.keys() == llma.keys() | encoders.keys()
    model, _ = load(tmp_path / "out")
    layers = model.model.projector.layers
    assert not torch.equal(layers[0].bias, llma["llma.visual_proj.0.bias"])
    assert torch.equal(layers[1].weight, torch.ones(WIDTH))
    with pytest.raises(EarthMarkerError, match="expected any of projector, dino, convnext"):
        convert_accessory(tmp_path / "in", tmp_path / "new", tokenizer=words, without=["decoder"])


def test_nothing_is_dropped_unsaid(
    write: Write, llma: State, encoders: State, words: Path, tmp_path: Path
) -> None:
    state = {**llma, **encoders, "llma.layers.0.attention.lora_wq.weight": torch.ones(2)}
    write(tmp_path / "in", {**state, "llma.rope.freqs": torch.ones(2)})
    with pytest.raises(
        EarthMarkerError, match=r"llma\.layers\.0\.attention\.lora_wq\.weight, which has no place"
    ):
        convert_accessory(tmp_path / "in", tmp_path / "out", tokenizer=words)
    assert not (tmp_path / "out").exists()
    report = convert_accessory(
        tmp_path / "in", tmp_path / "out", tokenizer=words, ignore=["llma.layers.0.attention.lora_"]
    )
    assert report.unused == {
        "llma.layers.0.attention.lora_wq.weight": "ignored as asked",
        "llma.rope.freqs": "computed, not stored",
    }


def test_a_sphinx_of_four_encoders_gives_its_decoder_and_says_why_no_projection(
    write: Write, llma: State, encoders: State, words: Path, tmp_path: Path
) -> None:
    wide = torch.ones(WIDTH, CHANNELS + 16)
    state = {**llma, **encoders, "llma.visual_proj.0.weight": wide, "llma.clip.visual.proj": torch.ones(2, 2)}
    write(tmp_path / "in", {**state, "llma.qformer_proj.0.bias": torch.ones(2)})
    with pytest.raises(
        EarthMarkerError, match=r"\(24, 90\) instead of \(24, 74\); .*CLIP ViT or a Q-Former too"
    ):
        convert_accessory(tmp_path / "in", tmp_path / "out", tokenizer=words)
    report = convert_accessory(tmp_path / "in", tmp_path / "out", tokenizer=words, without=["projector"])
    assert report.unused["llma.clip.visual.proj"] == report.unused["llma.qformer_proj.0.bias"]
    model, _ = load(tmp_path / "out")
    assert torch.equal(model.model.language_model.norm.weight, llma["llma.norm.weight"])


def test_a_tied_head(write: Write, llma: State, encoders: State, words: Path, tmp_path: Path) -> None:
    tied = {k: t for k, t in llma.items() if k != "llma.output.weight"} | encoders
    write(tmp_path / "in", tied)
    convert_accessory(tmp_path / "in", tmp_path / "out", tokenizer=words)
    model, _ = load(tmp_path / "out")
    assert model.config.tie_word_embeddings
    assert model.lm_head.weight is model.model.language_model.embed_tokens.weight
    assert torch.equal(model.lm_head.weight[:ROWS], llma["llma.tok_embeddings.weight"])
    write(tmp_path / "same", {**tied, "llma.output.weight": tied["llma.tok_embeddings.weight"]})
    report = convert_accessory(tmp_path / "same", tmp_path / "b", config=model.config, tokenizer=words)
    assert report.used["llma.output.weight"] == ["lm_head.weight"]
    write(tmp_path / "other", llma | encoders)
    with pytest.raises(EarthMarkerError, match="ties the head to the embeddings, but"):
        convert_accessory(tmp_path / "other", tmp_path / "c", config=model.config, tokenizer=words)
    untied = EarthMarkerConfig.from_dict({
        **model.config.to_dict(),
        "tie_word_embeddings": False,
        "text_config": {**model.config.text_config.to_dict(), "tie_word_embeddings": False},
    })  # fmt: skip
    with pytest.raises(EarthMarkerError, match=r"no head \(llma\.output\.weight\)"):
        convert_accessory(tmp_path / "in", tmp_path / "d", config=untied, tokenizer=words)


def test_dtype(write: Write, llma: State, encoders: State, words: Path, tmp_path: Path) -> None:
    half = {k: t.to(torch.bfloat16) for k, t in (llma | encoders).items()}
    write(tmp_path / "in", half)
    convert_accessory(tmp_path / "in", tmp_path / "out", tokenizer=words)
    model, _ = load(tmp_path / "out")
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
    convert_accessory(tmp_path / "in", tmp_path / "full", tokenizer=words, dtype=torch.float32)
    full, _ = load(tmp_path / "full")
    assert {p.dtype for p in full.parameters()} == {torch.float32}
    assert torch.equal(full.model.language_model.norm.weight, half["llma.norm.weight"].float())


def test_tokenizers_that_do_not_fit(
    write: Write, llma: State, encoders: State, words: Path, tmp_path: Path
) -> None:
    write(tmp_path / "in", llma | encoders)
    with pytest.raises(
        EarthMarkerError, match=r"no tokenizer that transformers reads .*give the folder or hub id"
    ):
        convert_accessory(tmp_path / "in", tmp_path / "out")
    few = {**llma, **{k: llma[k][:200] for k in ("llma.tok_embeddings.weight", "llma.output.weight")}}
    write(tmp_path / "few", few | encoders)
    with pytest.raises(
        EarthMarkerError, match="the tokenizer has 259 tokens, the checkpoint embeddings of 200"
    ):
        convert_accessory(tmp_path / "few", tmp_path / "out", tokenizer=words)


def test_nothing_is_written_over(
    write: Write, llma: State, encoders: State, words: Path, tmp_path: Path
) -> None:
    write(tmp_path / "in", llma | encoders)
    with pytest.raises(EarthMarkerError, match="is there already"):
        convert_accessory(tmp_path / "in", tmp_path / "in", tokenizer=words)
