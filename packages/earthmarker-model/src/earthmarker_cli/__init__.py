"""The command line, ``earthmarker``.

A package of its own, since importing ``earthmarker`` imports torch and transformers: help and usage errors
need neither. Commands import what they need when they run.
"""
