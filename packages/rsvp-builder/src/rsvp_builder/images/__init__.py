"""Pictures: ``probe`` reads sizes from headers, ``scene`` reads and encodes windows."""

from typing import Literal

TileFormat = Literal["png", "jpeg"]
