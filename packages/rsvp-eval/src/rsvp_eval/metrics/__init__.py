"""Metrics, one family a file or folder; :mod:`.registry` has them by name."""
