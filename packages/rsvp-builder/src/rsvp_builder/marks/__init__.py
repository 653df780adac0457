"""Annotations become marks: ``boxes`` places objects on frames."""

from typing import Literal

Difficult = Literal["keep", "drop"]
