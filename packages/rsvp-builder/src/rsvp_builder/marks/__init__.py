"""Annotations become marks: boxes, points of instances and of semantic maps, whole images."""

from typing import Literal

Difficult = Literal["keep", "drop"]
