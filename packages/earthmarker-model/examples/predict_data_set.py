"""Answer every row of a data set into a file that rsvp-eval scores.

    python predict_data_set.py demo predictions.jsonl --model runs/rsvp/model
    rsvp-eval score dior_rsvg_box --data demo --predictions predictions.jsonl --out results

Stopped and started again, it goes on where it was. ``earthmarker predict`` does the same.
"""

import argparse
from pathlib import Path

from earthmarker.data import RowIndex
from earthmarker.inference import Answerer, predict, ready


def main() -> None:
    """Predict the test splits, batch by batch."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="what rsvp-build --out wrote")
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", default="preset:tiny", help="a folder, a hub id, or preset:NAME")
    parser.add_argument("--longest", type=int, default=64, help="most tokens of an answer")
    options = parser.parse_args()

    model, processor = ready(options.model)
    index = RowIndex.read(
        options.data,
        sources=["DIOR-RSVG"],
        tasks=["referring_classification_box", "referring_classification_point"],
        splits=["test"],
    )
    answered = predict(
        Answerer(model, processor, longest=options.longest),
        index,
        options.out,
        batch=8,  # a batch answers what its rows would be answered one by one
        name=options.model,
        progress=lambda done, rows: print(f"{done} of {rows}"),
    )
    print(f"{answered} rows answered now, {len(index)} in {options.out}")


if __name__ == "__main__":
    main()
