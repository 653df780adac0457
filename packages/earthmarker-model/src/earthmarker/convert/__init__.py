"""Weights of other code brought into the form of EarthMarker: timm, open_clip, DINOv2, LLaMA2-Accessory."""

from earthmarker.convert.accessory import convert_accessory
from earthmarker.convert.dinov2 import dinov2_config_of, hub_to_hf, load_dino
from earthmarker.convert.report import ConversionReport
from earthmarker.convert.timm_convnext import convnext_from_timm, load_convnext, timm_to_hf

__all__ = [
    "ConversionReport",
    "convert_accessory",
    "convnext_from_timm",
    "dinov2_config_of",
    "hub_to_hf",
    "load_convnext",
    "load_dino",
    "timm_to_hf",
]
