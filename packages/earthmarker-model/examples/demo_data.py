"""Make a small data set of drawn images: scenes, expressions for objects, boxes and points.

    python demo_data.py demo

Real data sets are made the same way from real releases, see packages/rsvp-builder.
"""

import sys
import tempfile
from pathlib import Path

from rsvp_builder import demo
from rsvp_builder.build import build

# One source for each phase of training: scenes, natural images with expressions, remote sensing.
SOURCES = ("AID", "RefCOCO", "RefCOCO+", "DIOR-RSVG")


def main(out: Path) -> None:
    """Draw a miniature release of each source and build it into the data set ``out``."""
    with tempfile.TemporaryDirectory() as releases:
        for source in SOURCES:
            root = Path(releases) / source
            demo.write(source, root)
            built = build(source, root, out, workers=1)
            print(f"{source}: {built.summary['rows']['written']} rows")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
