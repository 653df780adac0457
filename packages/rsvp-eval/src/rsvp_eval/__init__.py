"""Scores for visual-prompt predictions in remote sensing. No metric has landed yet: see README.md."""

__version__ = "0.1.0"
