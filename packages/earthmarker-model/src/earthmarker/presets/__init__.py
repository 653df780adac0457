"""Ready-made sizes, from a toy for tests to the paper's 13 B."""

from earthmarker.presets.build import build
from earthmarker.presets.count import count
from earthmarker.presets.sizes import PRESETS, Preset, preset

__all__ = ["PRESETS", "Preset", "build", "count", "preset"]
