"""Answers to rows, so many at a time, in a process of its own; prints a JSON line with the seconds it took.

    python benchmarks/model_predict.py --preset smol --batch 8 --rows 16

Rows are made here: pictures of noise, one to three boxes, the instruction to classify them. Weights are
random and nothing ends an answer, so that each is exactly ``--tokens`` long however it is computed.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import time

import numpy as np
import torch
from PIL import Image

from earthmarker.data.rows import Row
from earthmarker.inference import Answerer
from earthmarker.presets import build
from earthmarker.prompts import Box

QUESTION = "Please identify the category of each marked region in the image."


def rows_of(count: int) -> list[Row]:
    """Rows of pictures of noise, 256 x 256, with boxes."""
    random = np.random.default_rng(0)
    made = []
    for i in range(count):
        buffer = io.BytesIO()
        Image.fromarray(random.integers(0, 256, (256, 256, 3), dtype=np.uint8)).save(buffer, "PNG")
        corners = random.uniform(0, 200, (1 + i % 3, 2))
        made.append(
            Row(
                id=f"{i:032x}",
                picture=buffer.getvalue(),
                picture_sha256=hashlib.sha256(buffer.getvalue()).hexdigest(),
                width=256,
                height=256,
                task="referring_classification_box",
                source="noise",
                granularity="region",
                marks=tuple(Box(x, y, x + 50, y + 50) for x, y in corners),
                messages=({"role": "user", "content": QUESTION},),
            )
        )
    return made


def main() -> None:
    """Build, answer, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="smol")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=64, help="length of each answer")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model, processor = build(options.preset, pretrained=False)
    model.generation_config.eos_token_id = None
    answerer = Answerer(model, processor, longest=options.tokens)
    rows = rows_of(options.rows)
    answerer.longest = 2
    answerer(rows[:1])  # warms up
    answerer.longest = options.tokens
    began, busy = time.perf_counter(), time.process_time()
    answers = [
        answer
        for start in range(0, len(rows), options.batch)
        for answer in answerer(rows[start : start + options.batch])
    ]
    taken, used = time.perf_counter() - began, time.process_time() - busy
    digest = hashlib.sha256(json.dumps(answers).encode()).hexdigest()
    print(json.dumps({"seconds": taken, "cpu": used, "rows": len(answers), "sha256": digest}))


if __name__ == "__main__":
    main()
