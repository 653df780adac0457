"""Leakage between sources, splits and evaluation sets of finished data sets.

The data flow along a line: :mod:`pictures` gives every distinct picture once, :mod:`fingerprint` says what
it looks like, :mod:`survey` gathers that in columns, :mod:`match` and :mod:`twins` find what is alike,
:mod:`provenance` what manifests say, and :mod:`leaks` and :mod:`report` write it down.
"""

from rsvp_builder.audit.leaks import load_exclusions, write_leaks
from rsvp_builder.audit.pairs import Pair, PairKind
from rsvp_builder.audit.run import Audit, run_audit

__all__ = ["Audit", "Pair", "PairKind", "load_exclusions", "run_audit", "write_leaks"]
