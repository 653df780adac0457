"""Writes what timm's own ConvNeXt computes; run as a program of its own.

timm imports torchvision for things that no ConvNeXt has (data sets, transforms, frozen batch norm). Where it
is not installed, empty classes stand in for it, so that the reference is timm's own code all the same; they
stay in this process.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import json
import sys
import types
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from earthmarker.convert import convnext_from_timm
from earthmarker.errors import EarthMarkerError

SIZES = {"depths": (1, 2, 1, 1), "dims": (8, 12, 16, 20)}


class _Anything(type):
    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = _Anything(name, (), {})
        setattr(cls, name, value)
        return value


class _StandIn(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name.split(".")[0] == "torchvision":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: Any) -> types.ModuleType:
        module = types.ModuleType(spec.name)
        module.__path__ = []
        module.__getattr__ = lambda name: getattr(_Anything("torchvision", (), {}), name)  # type: ignore[method-assign]
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        pass


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(3)
    if importlib.util.find_spec("torchvision") is None:
        sys.meta_path.insert(0, _StandIn())
    from timm.models import convnext

    makers = {
        "xxlarge": convnext.convnext_xxlarge,
        "large_mlp": convnext.convnext_large_mlp,
        "tiny_hnf": convnext.convnext_tiny_hnf,
    }
    for name, make in makers.items():
        model = make(num_classes=5, **SIZES).eval()
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.05)
        pixels = torch.randn(2, 3, 64, 64) * 0.1
        config, state = convnext_from_timm(model)
        with torch.no_grad():
            if name == "tiny_hnf":
                features = model.forward_features(pixels)
            else:
                # What SPHINX makes of open_clip's trunk: the head with its norm and nothing behind.
                features = model.head.norm(model.forward_features(pixels))
        save_file(model.state_dict(), folder / f"{name}.safetensors")
        converted = {f"hf.{k}": t.clone() for k, t in state.items()}
        save_file(
            {"pixels": pixels, "features": features.contiguous(), **converted}, folder / f"{name}.reference"
        )
        (folder / f"{name}.json").write_text(json.dumps(config.to_dict()))
    refused = []
    for changes in (
        {"output_stride": 16},
        {"act_layer": "hard_swish"},
        {"use_grn": True},
        {"kernel_sizes": 3},
    ):
        try:
            config, state = convnext_from_timm(convnext.ConvNeXt(**SIZES, **changes))
            refused.append("")
        except EarthMarkerError as error:
            refused.append(str(error))
    (folder / "refused.json").write_text(json.dumps(refused))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
