"""Presets with weights from local folders and files, and their parameters counted without memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import (
    Dinov2Config,
    Dinov2Model,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from earthmarker.convert import timm_to_hf
from earthmarker.errors import EarthMarkerError
from earthmarker.presets import PRESETS, build, count
from earthmarker.presets.tokenizers import byte_tokenizer
from earthmarker.training.phases import PHASES, Lora, prepare

State = dict[str, Tensor]
WIDTHS, DEPTHS = (8, 16, 24, 32), (1, 1, 1, 1)


def llama(folder: Path, dtype: torch.dtype = torch.float32, **changes: Any) -> Any:
    fields = {**PRESETS["tiny"].text, "hidden_size": 32, "vocab_size": 259, **changes}
    model = LlamaForCausalLM(LlamaConfig(**fields)).to(dtype)
    model.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return model


@pytest.fixture
def sources(tmp_path: Path, timm_state: Callable[..., State]) -> tuple[dict[str, Any], Any, Any, State]:
    """A decoder, a DINOv2 and a ConvNeXt on disk, and their weights."""
    decoder = llama(tmp_path / "text")
    dino = Dinov2Model(
        Dinov2Config(hidden_size=16, num_hidden_layers=1, num_attention_heads=4, image_size=28)
    )
    dino.save_pretrained(tmp_path / "dino")
    trunk = timm_state(WIDTHS, DEPTHS)
    save_file(trunk, tmp_path / "trunk.safetensors")
    names = {"text": tmp_path / "text", "dino": tmp_path / "dino", "convnext": tmp_path / "trunk.safetensors"}
    return names, decoder, dino, trunk


def test_weights_of_folders_and_files_are_in_the_model_exactly(sources: Any) -> None:
    names, decoder, dino, trunk = sources
    model, processor = build("tiny", **names)
    own = model.state_dict()
    used = set()
    for prefix, state in (
        ("model.language_model.", decoder.model.state_dict()),
        ("", {"lm_head.weight": decoder.lm_head.weight}),
        ("model.mov.dino.", dino.state_dict()),
        ("model.mov.convnext.", timm_to_hf(trunk)),
    ):
        for name, tensor in state.items():
            used.add(prefix + name)
            assert torch.equal(own[prefix + name][: len(tensor)], tensor), prefix + name
    left = set(own) - used
    assert left and all(name.startswith("model.projector.") for name in left)
    assert model.config.dino_config.hidden_size == 16, "the configuration of the DINOv2 that was given"
    assert model.config.text_config.hidden_size == 32
    assert own["model.language_model.embed_tokens.weight"].shape[0] == len(processor.tokenizer) == 264
    ids = torch.tensor([[0, 9, 77]])
    with torch.no_grad():
        torch.testing.assert_close(model(input_ids=ids).logits[..., :259], decoder(input_ids=ids).logits)


def test_names_as_strings_do_as_well(sources: Any) -> None:
    names, decoder, _, _ = sources
    model, _ = build("tiny", **{k: str(v) for k, v in names.items()})
    assert torch.equal(model.model.language_model.norm.weight, decoder.model.norm.weight)


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
def test_the_model_has_one_dtype_whatever_weights_are_stored_in(
    dtype: torch.dtype | None, tmp_path: Path
) -> None:
    decoder = llama(tmp_path, torch.bfloat16)
    model, _ = build("tiny", text=tmp_path, dtype=dtype)
    assert {p.dtype for p in model.parameters()} == {dtype or torch.float32}
    norm = model.model.language_model.norm.weight
    assert torch.equal(norm, decoder.model.norm.weight.to(norm.dtype))


def test_another_decoder_than_llama(tmp_path: Path) -> None:
    fields = {k: v for k, v in PRESETS["tiny"].text.items() if k != "max_position_embeddings"}
    config = Qwen3Config(**fields, head_dim=12, vocab_size=300, tie_word_embeddings=True, attention_bias=True)
    decoder = Qwen3ForCausalLM(config)
    decoder.save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    model, _ = build("tiny", text=tmp_path)
    own = model.model.language_model.state_dict()
    assert all(torch.equal(own[k], t) for k, t in decoder.model.state_dict().items())
    assert model.lm_head.weight is model.model.language_model.embed_tokens.weight
    assert len(model.lm_head.weight) == 300, "rows that the decoder has to spare are used"


def test_without_weights_nothing_is_read_but_the_tokenizer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("read weights")

    for name in ("dino_weights", "convnext_weights"):
        monkeypatch.setitem(
            PRESETS, "tiny", type(PRESETS["tiny"])(**{**vars(PRESETS["tiny"]), name: "owner/not-there"})
        )
    monkeypatch.setattr("huggingface_hub.snapshot_download", never)
    monkeypatch.setattr("transformers.PreTrainedModel.from_pretrained", never)
    byte_tokenizer().save_pretrained(tmp_path)
    model, processor = build("tiny", text=tmp_path, pretrained=False)
    one, _ = build("tiny", pretrained=False)
    assert len(processor.tokenizer) == 264
    assert all(torch.equal(t, one.state_dict()[k]) for k, t in model.state_dict().items())
    monkeypatch.undo()


def test_weights_of_the_hub_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    preset = {**vars(PRESETS["tiny"]), "convnext_weights": "timm/nothing_of_that_name"}
    monkeypatch.setitem(PRESETS, "tiny", type(PRESETS["tiny"])(**preset))
    with pytest.raises(EarthMarkerError, match=r"timm/nothing_of_that_name: .*pretrained=False"):
        build("tiny")


def test_an_encoder_that_no_stream_looks_with_is_not_loaded(sources: Any) -> None:
    names, _, _, _ = sources
    streams = [{"encoder": "convnext", "size": 128}]
    model, _ = build("tiny", dino=names["dino"], convnext=names["convnext"], streams=streams)
    assert not hasattr(model.model.mov, "dino")


def test_shapes_that_do_not_fit_are_told(sources: Any, tmp_path: Path) -> None:
    names, _, _, _ = sources
    small = {"model_type": "convnext", "hidden_sizes": [8, 8, 8, 8], "depths": [1, 1, 1, 1]}
    with pytest.raises(
        EarthMarkerError, match=r"trunk\.safetensors: .*widths \[8, 16, 24, 32\].*convnext_config"
    ):
        build("tiny", convnext=names["convnext"], convnext_config=small)
    model, _ = build(
        "tiny",
        convnext=names["convnext"],
        convnext_config={**small, "hidden_sizes": list(WIDTHS), "layer_norm_eps": 1e-5},
    )
    assert model.model.mov.convnext.layernorm.eps == 1e-5
    with pytest.raises(EarthMarkerError, match=r"dino: .*instead of.*dino_config"):
        build("tiny", dino=names["dino"], dino_config={"model_type": "dinov2", **PRESETS["tiny"].dino})
    with pytest.raises(EarthMarkerError, match="is a llama, expected a dinov2"):
        build("tiny", dino=names["text"])
    text = {"model_type": "llama", **PRESETS["tiny"].text, "vocab_size": 264}
    with pytest.raises(EarthMarkerError, match=r"text: .*expects .*name it with text"):
        build("tiny", text=names["text"], text_config=text)
    with pytest.raises(EarthMarkerError, match="its layers are not those of the configuration"):
        build("tiny", text=names["text"], text_config={**text, "num_hidden_layers": 3})


def test_a_table_may_have_fewer_rows_than_the_model_but_no_other_tensor(tmp_path: Path) -> None:
    """A narrower MLP would otherwise fill only a part of the model's."""
    llama(tmp_path, intermediate_size=64)
    wide = {"model_type": "llama", **PRESETS["tiny"].text, "hidden_size": 32, "vocab_size": 264}
    with pytest.raises(EarthMarkerError, match=r"gate_proj\.weight is \(64, 32\), .*expects \(96, 32\)"):
        build("tiny", text=tmp_path, text_config=wide)


def test_a_decoder_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    decoder = llama(tmp_path)
    state = {k: t for k, t in decoder.state_dict().items() if "layers.1.mlp.up_proj" not in k}
    decoder.save_pretrained(tmp_path, state_dict=state)
    with pytest.raises(EarthMarkerError, match=r"layers\.1\.mlp\.up_proj.* would be random"):
        build("tiny", text=tmp_path)


@pytest.mark.parametrize("changes", [{}, {"projector": "mlp"}])
def test_counts_are_those_of_the_model(changes: dict[str, Any]) -> None:
    model, _ = build("tiny", **changes)
    parts = count("tiny", lora=Lora(rank=4), **changes)
    mov, language = model.model.mov, model.model.language_model

    def size(module: Any) -> int:
        return sum(p.numel() for p in module.parameters())

    assert parts["dino"] == size(mov.dino)
    assert parts["convnext"] == size(mov.convnext)
    assert parts["projector"] == size(model.model.projector)
    assert parts["attention"] == sum(size(layer.self_attn) for layer in language.layers)
    assert parts["mlp"] == sum(size(layer.mlp) for layer in language.layers)
    assert parts["embeddings"] == size(language.embed_tokens)
    assert parts["head"] == size(model.lm_head)
    assert sum(parts.values()) - parts["lora"] == size(model)
    tuned = prepare(model, PHASES["rsvp"], Lora(rank=4))
    assert parts["lora"] == sum(p.numel() for p in tuned.parameters() if p.requires_grad)


def test_13b_is_counted_without_memory() -> None:
    count("tiny")
    tracemalloc.start()
    parts = count("13b")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6
    # Llama-2-13B as published has 13,015,864,320; here five rows more in each table.
    llama = sum(parts[k] for k in ("attention", "mlp", "norms", "embeddings", "head"))
    assert llama == 13_015_864_320 + 2 * 5 * 5120
    assert parts["attention"] == 40 * 4 * 5120 * 5120
    assert parts["projector"] == 4096 * 5120 + 3 * 5120 + 4 * 5120
    assert parts["convnext"] == pytest.approx(843.4e6, rel=1e-3)
    assert parts["dino"] == pytest.approx(304.4e6, rel=1e-3)
    assert parts["lora"] == 16 * 40 * 4 * 2 * 5120


def test_a_tied_head_has_no_parameters_of_its_own() -> None:
    parts = count("smol")
    assert parts["head"] == 0
    # SmolLM2-135M as published has 134,515,008.
    llama = sum(parts[k] for k in ("attention", "mlp", "norms", "embeddings"))
    assert llama == 134_515_008 + 5 * 576
    with pytest.raises(ValueError, match="no such field of EarthMarkerConfig: grids"):
        count("smol", grids=3)
