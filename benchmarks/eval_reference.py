"""The reference's side of the caption benchmark: one step of pycocoevalcap in a process of its own.

    eval_reference.py tokenize INPUT FOLDER      makes FOLDER/reference-tokens.jsonl, which the others read
    eval_reference.py bleu|rouge_l|cider|meteor INPUT FOLDER

Prints the seconds of the call as a JSON line; reading files and imports are not counted, the start of a
metric's Java is. Values go to ``FOLDER/reference-STEP.npz``.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Captions = dict[int, list[Any]]


def read(path: Path) -> tuple[Captions, Captions]:
    """Predictions and references as pycocoevalcap takes them."""
    predictions: Captions = {}
    references: Captions = {}
    with path.open() as file:
        for index, line in enumerate(file):
            row = json.loads(line)
            predictions[index] = [row["prediction"]]
            references[index] = row["references"]
    return predictions, references


def tokenize(predictions: Captions, references: Captions, folder: Path) -> float:
    """Tokenises both and keeps the tokens; returns the seconds it took."""
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    given = [
        {key: [{"caption": text} for text in texts] for key, texts in captions.items()}
        for captions in (references, predictions)
    ]
    began = time.perf_counter()
    tokenizer = PTBTokenizer()
    own, predicted = (tokenizer.tokenize(captions) for captions in given)
    took = time.perf_counter() - began
    with (folder / "reference-tokens.jsonl").open("w") as file:
        for key, tokens in predicted.items():
            file.write(json.dumps({"prediction": tokens[0], "references": own[key]}) + "\n")
    return took


def _bleu(predictions: Captions, references: Captions) -> tuple[Any, Any]:
    from pycocoevalcap.bleu.bleu import Bleu

    return Bleu(4).compute_score(references, predictions, verbose=0)


def _rouge(predictions: Captions, references: Captions) -> tuple[Any, Any]:
    from pycocoevalcap.rouge.rouge import Rouge

    return Rouge().compute_score(references, predictions)


def _cider(predictions: Captions, references: Captions) -> tuple[Any, Any]:
    from pycocoevalcap.cider.cider import Cider

    return Cider().compute_score(references, predictions)


def _meteor(predictions: Captions, references: Captions) -> tuple[Any, Any]:
    from pycocoevalcap.meteor.meteor import Meteor

    return Meteor().compute_score(references, predictions)


STEPS: dict[str, Callable[[Captions, Captions], tuple[Any, Any]]] = {
    "bleu": _bleu,
    "rouge_l": _rouge,
    "cider": _cider,
    "meteor": _meteor,
}


def main() -> None:
    """Runs one step."""
    step, source, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    if step == "tokenize":
        took = tokenize(*read(source), folder)
    else:
        predictions, references = read(folder / "reference-tokens.jsonl")
        began = time.perf_counter()
        corpus, samples = STEPS[step](predictions, references)
        took = time.perf_counter() - began
        each = np.asarray(samples, dtype=np.float64).reshape(-1, len(predictions)).T
        np.savez(folder / f"reference-{step}.npz", corpus=np.atleast_1d(corpus), samples=each)
    print(json.dumps({"seconds": {step: took}}))


if __name__ == "__main__":
    main()
