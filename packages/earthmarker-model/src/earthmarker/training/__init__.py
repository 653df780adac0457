"""Training in three phases with disjoint parameters."""

from earthmarker.training.phases import PHASES, Phase, prepare
from earthmarker.training.run import train
from earthmarker.training.settings import Settings

__all__ = ["PHASES", "Phase", "Settings", "prepare", "train"]
