"""Training steps of one side in a process of its own; prints a JSON line with the seconds of each step.

    python benchmarks/model_step.py --side ours-cached --size small --steps 3

Pixels and ids are made beforehand. A step is ``training_step`` of each side's Trainer
(``EarthMarkerTrainer``, and transformers' own for LLaVA), forward and backward; then clipping and AdamW. The
cached side reads the features of its samples from a store on disk within the step.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from model_sides import SIZES, Size, batch, learning, llava, ours

SIDES = ("ours", "ours-cached", "llava")


class _Canvas:
    """What a feature store asks of a processor."""

    def __init__(self, side: int) -> None:
        self.canvas = side


def store_of(model: Any, folder: Path, images: int) -> tuple[Any, list[bytes]]:
    """A feature store with random features of so many images, and their keys."""
    from earthmarker.features import FeatureStore

    shape = (model.config.image_seq_length, model.config.feature_size)
    store = FeatureStore.create(folder, _Canvas(model.config.image_size), "random", shape)
    keys = [hashlib.sha256(f"image {i}".encode()).digest() for i in range(images)]
    for key in keys:
        store.add([key], torch.randn(1, *shape))
    # Opened anew, as a run does: its files are mapped and not in this object.
    return FeatureStore(folder, store.processor), keys


def built(side: str, tower: str, size: Size, phase: str) -> Any:
    """The model of a side, ready for a phase."""
    peer = side == "llava"
    model = llava(size, tower=tower) if peer else ours(size, tower=tower, load_mov=side == "ours")
    return learning(model, phase).train()


def trainer_of(side: str, model: Any, folder: str) -> Any:
    """The side's Trainer, for its step alone."""
    from transformers import Trainer, TrainingArguments

    from earthmarker.training.trainer import EarthMarkerTrainer

    settings = TrainingArguments(output_dir=folder, use_cpu=True, report_to=[], disable_tqdm=True)
    if side == "llava":
        return Trainer(model=model, args=settings)
    return EarthMarkerTrainer(model=model, args=settings, sampler=None)


def main() -> None:
    """Build, step, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", choices=SIDES, required=True)
    parser.add_argument("--tower", choices=("mixture", "dino"), default="mixture")
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--phase", choices=("align", "rsvp"), default="rsvp")
    parser.add_argument("--rows", type=int, default=2, help="samples a step")
    parser.add_argument("--steps", type=int, default=3, help="timed steps, after one that is not")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    size = SIZES[options.size]
    model = built(options.side, options.tower, size, options.phase)
    learned = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=2e-5, betas=(0.9, 0.95), weight_decay=0.0)
    side = size.dino_side if options.side == "llava" or options.tower == "dino" else size.canvas
    taken = []
    with tempfile.TemporaryDirectory() as folder:
        cached = options.side == "ours-cached"
        store, keys = store_of(model, Path(folder) / "cache", 2 * options.rows) if cached else (None, [])
        trainer = trainer_of(options.side, model, folder)
        for step in range(options.steps + 1):
            inputs = batch(size, options.rows, seed=step)
            if store is None:
                inputs["pixel_values"] = torch.randn(2 * options.rows, 3, side, side)
            began, busy = time.perf_counter(), time.process_time()
            if store is not None:
                inputs["mov_features"] = torch.stack([store.get(key) for key in keys])
            optimizer.zero_grad(set_to_none=True)
            learned_tokens = (inputs["labels"] != -100).sum()
            loss = trainer.training_step(model, inputs, num_items_in_batch=learned_tokens)
            torch.nn.utils.clip_grad_norm_(learned, 1.0)
            optimizer.step()
            taken.append((time.perf_counter() - began, time.process_time() - busy))
    print(
        json.dumps(
            {
                # The first makes AdamW's state and warms up the libraries.
                "seconds": [wall for wall, _ in taken[1:]],
                "cpu": [cpu for _, cpu in taken[1:]],
                "loss": loss.item(),
                "learned": sum(p.numel() for p in learned),
                "tensors": len(learned),
                "parameters": sum(p.numel() for p in model.parameters()),
                "tokens": int(inputs["input_ids"].shape[1]),
                "attention": model.config.text_config._attn_implementation,
            }
        )
    )


if __name__ == "__main__":
    main()
