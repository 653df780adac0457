"""Predictions and references of other formats as JSON Lines. One file a format."""

from rsvp_eval.convert.run import FORMATS, Converted, convert, detect, read

__all__ = ["FORMATS", "Converted", "convert", "detect", "read"]
