"""EarthMarker for Hugging Face: a visual-prompt vision-language model for remote sensing.

Importing the package registers its classes with transformers' Auto classes, so that
``AutoModelForImageTextToText``, ``AutoProcessor`` and ``pipeline("image-text-to-text")`` know it.
"""

from __future__ import annotations

from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoModelForImageTextToText, AutoProcessor

from earthmarker.configuration_earthmarker import EarthMarkerConfig
from earthmarker.image_processing_earthmarker import EarthMarkerImageProcessor
from earthmarker.modeling_earthmarker import EarthMarkerForConditionalGeneration, EarthMarkerModel
from earthmarker.processing_earthmarker import EarthMarkerProcessor

__version__ = "0.1.0"

AutoConfig.register("earthmarker", EarthMarkerConfig)
AutoModel.register(EarthMarkerConfig, EarthMarkerModel)
AutoModelForImageTextToText.register(EarthMarkerConfig, EarthMarkerForConditionalGeneration)
AutoImageProcessor.register(EarthMarkerConfig, image_processor_classes={"pil": EarthMarkerImageProcessor})
AutoProcessor.register(EarthMarkerConfig, EarthMarkerProcessor)

__all__ = [
    "EarthMarkerConfig",
    "EarthMarkerForConditionalGeneration",
    "EarthMarkerImageProcessor",
    "EarthMarkerModel",
    "EarthMarkerProcessor",
]
