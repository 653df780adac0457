"""Pictures: ``probe`` reads sizes from headers, ``scene`` reads windows, ``gathered`` holds encoded ones."""

from typing import Literal

TileFormat = Literal["png", "jpeg"]
