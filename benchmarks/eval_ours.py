"""Our side of the caption benchmark: metrics that share a set of captions, in one process.

    eval_ours.py METRIC,METRIC,... INPUT FOLDER      metrics as `rsvp-eval metrics` names them

Tokenising comes first. Prints the seconds of each step as a JSON line; reading files and imports are not
counted. Values go to ``FOLDER/ours-METRIC.npz``, tokens to ``FOLDER/ours-tokens.jsonl``.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np


def main() -> None:
    """Runs the metrics."""
    from rsvp_eval.captions import Captions
    from rsvp_eval.metrics.registry import FAMILIES

    metrics, source, folder = sys.argv[1].split(","), Path(sys.argv[2]), Path(sys.argv[3])
    with source.open() as file:
        rows = [json.loads(line) for line in file]
    predictions, references = [row["prediction"] for row in rows], [row["references"] for row in rows]
    del rows
    captions = Captions()
    scorers = {metric: FAMILIES[metric].make(captions) for metric in metrics}
    seconds: dict[str, float] = {}
    began = time.perf_counter()
    captions.update(predictions, references)
    tokens = captions.tokens
    seconds["tokenize"] = time.perf_counter() - began
    for metric, scorer in scorers.items():
        began = time.perf_counter()
        scores = scorer.score()
        corpus = list(scores.values().values())
        seconds[metric] = time.perf_counter() - began
        np.savez(folder / f"ours-{metric}.npz", corpus=corpus, samples=scores.samples)
    own = captions.references.tolist()
    with (folder / "ours-tokens.jsonl").open("w") as file:
        spans = pairwise(captions.starts.tolist())
        for number, (begin, end) in zip(captions.predictions.tolist(), spans, strict=True):
            row = {"prediction": tokens[number], "references": [tokens[i] for i in own[begin:end]]}
            file.write(json.dumps(row) + "\n")
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
