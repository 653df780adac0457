"""The same against timm's own code."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from transformers import ConvNextConfig, ConvNextModel

from earthmarker.convert import load_convnext

pytestmark = pytest.mark.skipif(importlib.util.find_spec("timm") is None, reason="timm is not installed")


@pytest.fixture(scope="module")
def timm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("timm")
    script = Path(__file__).with_name("timm_reference.py")
    run = subprocess.run([sys.executable, script, folder], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return folder


@pytest.mark.parametrize(("name", "eps"), [("xxlarge", 1e-5), ("large_mlp", 1e-6), ("tiny_hnf", 1e-6)])
def test_features_are_those_of_timm(timm: Path, name: str, eps: float) -> None:
    reference = load_file(timm / f"{name}.reference")
    config = ConvNextConfig(**json.loads((timm / f"{name}.json").read_text()))
    assert config.layer_norm_eps == eps
    assert (config.hidden_sizes, config.depths, config.hidden_act) == ([8, 12, 16, 20], [1, 2, 1, 1], "gelu")
    model = ConvNextModel(config).eval()
    for module in model.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = config.layer_norm_eps
    load_convnext(model, timm / f"{name}.safetensors")
    converted = {k.removeprefix("hf."): t for k, t in reference.items() if k.startswith("hf.")}
    assert converted.keys() == model.state_dict().keys()
    assert all(torch.equal(t, converted[k]) for k, t in model.state_dict().items())
    with torch.no_grad():
        states = model(reference["pixels"]).last_hidden_state
        features = model.layernorm(states.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    assert features.std() > 1e-3
    torch.testing.assert_close(features, reference["features"], atol=1e-6, rtol=1e-5)


def test_what_transformers_cannot_compute_is_refused(timm: Path) -> None:
    dilated, activation, version2, kernel = json.loads((timm / "refused.json").read_text())
    assert "strides that were traded for dilation" in dilated
    assert "Hardswish" in activation
    assert "ConvNeXt V2" in version2
    assert "7x7" in kernel
