"""Mistakes that a user can mend."""

from __future__ import annotations


class EarthMarkerError(Exception):
    """The message says what was read, where, what was expected and what to change."""
