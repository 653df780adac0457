"""Every example runs on the preset ``tiny`` and does what it says."""

import ast
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import load_dataset
from PIL import Image
from safetensors.torch import load_file, save_file
from trl import SFTTrainer

from earthmarker.data import RowIndex
from earthmarker.prompts.palette import colour
from earthmarker.training.store import load

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_every_example_has_a_test_and_is_listed():
    scripts = {path.name for path in EXAMPLES.glob("*.py")}
    called = {
        node.args[0].value
        for node in ast.walk(ast.parse(Path(__file__).read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "example"
    }
    assert called | {"demo_data.py"} == scripts
    assert set(re.findall(r"\]\((\w+\.py)\)", (EXAMPLES / "README.md").read_text())) == scripts
    for script in scripts:
        assert len((EXAMPLES / script).read_text().splitlines()) <= 70


def test_demo_data_has_rows_for_every_phase(data):
    rows = load_dataset(str(data), split="train").remove_columns("image")
    assert set(rows["source"]) == {"AID", "RefCOCO", "RefCOCO+", "DIOR-RSVG"}
    assert {"scene_classification", "region_caption", "referring_classification_point"} <= set(rows["task"])


def test_ask_about_marks(example, tmp_path):
    Image.new("RGB", (120, 80), "#406040").save(tmp_path / "scene.png")
    said = example("ask_about_marks.py", tmp_path / "scene.png", "--longest", 4)
    assert said.count("? Please") == 2
    assert said.count("! ") == 2
    assert "refused: mark 1: box 300 40 20 10 has no area" in said


def test_own_image(example):
    said = example("own_image.py", "--longest", 4)
    # The picture and its prompt; a canvas of tiny is 128 pixels.
    assert "canvases: (2, 3, 128, 128)" in said
    assert "answer: " in said


def test_prompt_styles(example, tmp_path):
    out = tmp_path / "styles.png"
    assert "12 styles" in example("prompt_styles.py", out)
    sheet = np.asarray(Image.open(out).convert("RGB"))
    assert sheet.shape == (3 * 282, 4 * 264, 3)
    tiles = {
        (y, x): sheet[y * 282 + 18 : y * 282 + 274, x * 264 : x * 264 + 256]
        for y in range(3)
        for x in range(4)
    }
    assert len({tile.tobytes() for tile in tiles.values()}) == 12  # no two alike

    def count(tile, paint):
        return int((tile == paint).all(axis=-1).sum())

    # Filled and in colours: the first box has 40 % x 40 % of 640 x 400 pixels, the second lies inside it.
    area = (0.4 * 640 * 0.4) * (0.4 * 400 * 0.4)
    inner = (0.1 * 640 * 0.4) * (0.15 * 400 * 0.4)
    assert count(tiles[0, 1], colour(1)) == pytest.approx(area - inner, rel=0.05)
    assert count(tiles[0, 1], colour(2)) == pytest.approx(inner, rel=0.15)
    assert count(tiles[1, 1], colour(1)) < 0.3 * area  # the outline alone
    assert count(tiles[0, 3], colour(1)) == 0  # no palette, no colours
    assert count(tiles[2, 1], (0, 0, 0)) == 0  # on the picture, not on black


def test_predict_data_set_answers_each_row_once(example, data, tmp_path):
    out = tmp_path / "predictions.jsonl"
    assert "6 rows answered now, 6 in" in example("predict_data_set.py", data, out, "--longest", 4)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    index = RowIndex.read(
        data,
        tasks=["referring_classification_box", "referring_classification_point"],
        sources=["DIOR-RSVG"],
        splits=["test"],
    )
    assert sorted(line["id"] for line in lines) == sorted(index.ids)
    assert all(set(line) == {"id", "prediction", "model", "latency_s"} for line in lines)
    before = out.read_bytes()
    assert "0 rows answered now" in example("predict_data_set.py", data, out, "--longest", 4)
    assert out.read_bytes() == before


def test_train_three_phases_then_merge_the_adapter(example, data, tmp_path):
    said = example("train_three_phases.py", data, tmp_path / "runs", "--steps", 3)  # the first is all warm-up
    assert "phase 1, align: 3 steps" in said
    start, align, spatial = (
        dict(load(folder)[0].named_parameters())
        for folder in (
            tmp_path / "runs" / "start",
            tmp_path / "runs" / "align" / "model",
            tmp_path / "runs" / "spatial" / "model",
        )
    )
    assert {name.split(".")[1] for name in start if not torch.equal(start[name], align[name])} == {
        "projector"
    }
    moved = [name for name in align if not torch.equal(align[name], spatial[name])]
    assert moved
    assert all(re.search(r"language_model\..*\.self_attn\.[qkvo]_proj", name) for name in moved)

    adapter = tmp_path / "runs" / "rsvp" / "model"
    weights = load_file(adapter / "adapter_model.safetensors")
    assert weights
    assert all("self_attn" in name and "mov" not in name for name in weights)
    # One step moves an adapter by next to nothing: make it one that must not be lost.
    torch.manual_seed(0)
    save_file(
        {name: torch.randn_like(w) * 0.1 for name, w in weights.items()},
        adapter / "adapter_model.safetensors",
    )
    said = example("merge_adapter.py", adapter, tmp_path / "merged")
    assert float(said.split()[-1]) < 1e-4
    merged = dict(load(tmp_path / "merged")[0].named_parameters())
    base = dict(load(tmp_path / "runs" / "spatial" / "model")[0].named_parameters())
    apart = {name: float((merged[name] - base[name]).detach().abs().max()) for name in base}
    assert all(
        (apart[name] > 0.01) == ("language_model" in name and "_proj" in name and "self_attn" in name)
        for name in apart
    )


# TRL sets what transformers has renamed.
@pytest.mark.filterwarnings("ignore:`gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_train_with_trl_reads_marks_and_learns_answers_only(example, data, tmp_path, monkeypatch):
    seen = []
    compute_loss = SFTTrainer.compute_loss

    def recorded(self, model, inputs, *args, **kwargs):
        seen.append(dict(inputs))
        return compute_loss(self, model, inputs, *args, **kwargs)

    monkeypatch.setattr(SFTTrainer, "compute_loss", recorded)
    assert "1 steps" in example("train_with_trl.py", data, tmp_path / "trl", "--steps", 1)
    [batch] = seen
    _, processor = load("preset:tiny")
    tokens = processor.tokenizer.convert_tokens_to_ids(["<img>", "</img>", "<vp>", "</vp>"])
    for token in tokens:
        assert ((batch["input_ids"] == token).sum(dim=1) == 1).all()  # one picture and one prompt a row
    assert len(batch["pixel_values"]) == 2 * len(batch["input_ids"])
    for ids, labels in zip(batch["input_ids"], batch["labels"], strict=True):
        learned = processor.tokenizer.decode(ids[labels != -100])
        assert learned.startswith((" <Region 1>", " <Mark 1>"))
        assert learned.endswith("</s>")
    weights = load_file(tmp_path / "trl" / "adapter_model.safetensors")
    assert weights
    assert all("language_model" in name for name in weights)
