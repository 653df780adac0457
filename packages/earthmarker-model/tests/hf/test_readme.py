"""The snippets of the README run, in the order in which they stand there."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

README = Path(__file__).parents[2] / "README.md"
SECTIONS = ("Model", "Visual prompts", "Use from transformers")

# peft 0.21 uses a name that transformers 5.23 has given up.
pytestmark = pytest.mark.filterwarnings("ignore:`(is_)?gradient_checkpointing:FutureWarning")


def snippets(section):
    text = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", README.read_text(encoding="utf-8"), re.M | re.S)[1]
    return re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)


def test_snippets_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    Image.fromarray(pixels).save("scene.png")
    names = {}
    for section in SECTIONS:
        found = snippets(section)
        assert found, section
        for number, code in enumerate(found, 1):
            exec(compile(code, f"README.md: {section}, snippet {number}", "exec"), names)
    assert "17 tokens an image, 64 channels" in capsys.readouterr().out
    assert names["prompt"].size == (512, 512) and names["row"][0]["content"][1]["kind"] == "prompt"
    assert (tmp_path / "my-earthmarker" / "model.safetensors").is_file()


def test_the_table_of_fields_has_the_defaults_of_the_configuration():
    from earthmarker import EarthMarkerConfig

    config = EarthMarkerConfig()
    assert [(s["encoder"], s["size"]) for s in config.streams] == [("convnext", 512), ("dino", 224)]
    assert (config.grid, config.class_token, config.projector) == (16, True, "linear")
    assert (config.max_marks, config.load_mov, config.text_config.model_type) == (20, True, "llama")
    assert config.image_seq_length == 257 and config.feature_size == 3072 + 1024
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", README.read_text(encoding="utf-8"), re.M)
    named = [name for name, _ in rows if name in EarthMarkerConfig.__dataclass_fields__]
    assert len(named) == 8
