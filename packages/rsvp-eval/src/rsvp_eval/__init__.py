"""Scores for visual-prompt predictions in remote sensing, each equal to its reference implementation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Options", "score"]

if TYPE_CHECKING:
    from rsvp_eval.api import score
    from rsvp_eval.run import Options


def __getattr__(name: str) -> Any:
    # Imported when asked for: the command line starts without polars and numpy.
    if name == "score":
        from rsvp_eval.api import score

        return score
    if name == "Options":
        from rsvp_eval.run import Options

        return Options
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
