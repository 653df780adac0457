"""Where the damages, the trials and the parsers lie: the quick tests of the package use the same."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
FINDINGS = HERE / "findings"
"""Inputs that showed a defect; nothing in it is committed."""

sys.path.insert(0, str(HERE.parent / "packages/rsvp-builder/tests/hostile"))
