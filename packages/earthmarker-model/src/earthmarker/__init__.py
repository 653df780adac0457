"""EarthMarker, a visual-prompt model for remote sensing. No model code has landed yet: see README.md."""

__version__ = "0.1.0"
