"""Does it learn? Three phases on drawn releases, scored on pictures that nothing has seen.

    make train-smoke

draws raw releases of three sources, builds them with rsvp-builder, warms small encoders and a small decoder
up (see encoders.py and decoder.py for what that is and is not), freezes the encoders, trains the three
phases with their own parameters, answers held-out rows, and scores them with rsvp-eval beside

* the blind baseline (the most common class) and the text-only one (the place of a mark, no picture);
* the same model with blank prompt images, which must fall back to about the blind baseline: it is the
    prompt that tells it what is asked about.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import numpy as np  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402

from earthmarker import EarthMarkerConfig, EarthMarkerForConditionalGeneration  # noqa: E402
from earthmarker.data import RowDataset, RowIndex  # noqa: E402
from earthmarker.features import FeatureStore, compute  # noqa: E402
from earthmarker.inference.batch import Answerer  # noqa: E402
from earthmarker.inference.predict import predict  # noqa: E402
from earthmarker.mov import feature_fingerprint  # noqa: E402
from earthmarker.presets.build import answer_like, processor_for  # noqa: E402
from earthmarker.processing_earthmarker import BOUNDARIES, IMAGE, SYSTEM, add_tokens  # noqa: E402
from earthmarker.training import Settings, train  # noqa: E402
from earthmarker.training.store import load  # noqa: E402
from train_smoke import decoder, encoders  # noqa: E402
from train_smoke.plot import curves  # noqa: E402
from train_smoke.releases import make  # noqa: E402
from train_smoke.scenes import scenes  # noqa: E402

BOX = "referring_classification_box"
POINT = "referring_classification_point"
CANVAS, GRID = 256, 8

PHASES: dict[str, dict[str, Any]] = {
    "align": {
        "data": {"tasks": ["image_caption", "scene_classification"]},
        "optim": {"lr": 2e-3, "epochs": 1.5},
    },
    "spatial": {"data": {"tasks": [BOX, POINT]}, "optim": {"lr": 1e-3, "epochs": 5}},
    "rsvp": {
        "data": {"tasks": [BOX, POINT]},
        "optim": {"lr": 1e-3, "epochs": 2},
        "lora": {"rank": 16, "alpha": 32, "dropout": 0.0},
    },
}


def main() -> None:
    """Run all of it and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("train-smoke-output"))
    parser.add_argument("--pictures", type=int, default=1500, help="of each source, for training")
    parser.add_argument("--held-out", type=int, default=100, help="of each source, for the scores")
    parser.add_argument("--warm-up", type=int, default=800, help="pictures for the encoders alone")
    parser.add_argument("--scale", type=float, default=1.0, help="of all numbers of epochs")
    arguments = parser.parse_args()
    Smoke(arguments).run()


class Smoke:
    """One run, step by step."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.out: Path = arguments.out
        self.arguments = arguments
        self.began = time.perf_counter()
        self.out.mkdir(parents=True, exist_ok=True)

    def log(self, text: str) -> None:
        """Print a line with the seconds since the start."""
        print(f"[{time.perf_counter() - self.began:6.0f} s] {text}", flush=True)

    def run(self) -> None:
        """Everything."""
        a = self.arguments
        training = make(self.out / "train", a.pictures, seed=10_000)
        held_out = make(self.out / "held-out", a.held_out, seed=50_000)
        self.log(f"built {training} and {held_out}")
        base = self.base(training)
        cache = self.out / "features"
        self.cache(base, (training, held_out), cache)
        source, histories = base, {}
        for phase in PHASES:
            source, histories[phase] = self.phase(phase, source, training, cache)
        curves(histories, self.out / "curves.png")
        scores = self.scores(source, held_out, training, cache)
        (self.out / "scores.json").write_text(json.dumps(scores, indent=1) + "\n")
        self.table(scores)

    def base(self, training: Path) -> Path:
        """Small encoders and a small decoder, warmed up and saved."""
        index = RowIndex.read(training)
        rows = RowDataset(index)
        learned = [rows[i] for i in range(len(rows))]
        texts = [m["content"] for row in learned for m in row.messages]
        tokenizer = decoder.tokenizer_of(
            [*texts, *([SYSTEM, "\n\n### Human: \n### Assistant: "] * len(rows))]
        )
        torch.manual_seed(0)
        config = configuration(tokenizer, add_tokens(tokenizer))
        model = EarthMarkerForConditionalGeneration(config)
        processor = processor_for(config, tokenizer)
        kept_apart = list(scenes(self.arguments.warm_up, seed=90_000))
        epochs = max(1, round(10 * self.arguments.scale))
        encoders.warm_up(
            model.model.mov, config.feature_size, canvases_of(processor), kept_apart, epochs, self.log
        )
        config.mov_fingerprint = feature_fingerprint(model.model.mov, config)
        decoder.warm_up(model, processor, learned, max(1, round(500 * self.arguments.scale)), self.log)
        answer_like(model, tokenizer)
        folder = self.out / "base"
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
        return folder

    def cache(self, base: Path, datasets: Sequence[Path], cache: Path) -> None:
        """Run the frozen encoders once over every picture and prompt."""
        model, processor = load(base)
        for data in datasets:
            store = compute(model, processor, RowIndex.read(data), cache, batch=32)
        self.log(f"{len(store)} canvases in the feature cache")

    def phase(self, name: str, source: Path, data: Path, cache: Path) -> tuple[Path, list[dict[str, Any]]]:
        """Train one phase; its settings are written beside it."""
        plan = json.loads(json.dumps(PHASES[name]))
        plan["optim"]["epochs"] *= self.arguments.scale
        plan["optim"] |= {"batch": 32, "device_batch": 32, "warmup": 0.03}
        plan["data"] |= {"splits": [], "workers": 0}
        settings = Settings.model_validate({**plan, "log_steps": 5, "save_steps": 100_000})
        out = self.out / name
        done = train(name, source, data, out, settings, cache=cache)
        lines = (out / "history.jsonl").read_text().splitlines()
        self.log(
            f"phase {name}: {done.trained:,} parameters learned in {done.steps} steps, "
            f"mean loss {done.loss:.3f}; {done.frozen} frozen tensors unchanged"
        )
        return done.folder, [json.loads(line) for line in lines]

    def scores(
        self, source: Path, held_out: Path, training: Path, cache: Path
    ) -> dict[str, dict[str, float]]:
        """Answers of the model, with prompts and with blank ones, and of the baselines, through rsvp-eval."""
        model, processor = load(source)
        store = FeatureStore(cache, processor)
        blank = Blanked(store, model, processor)
        scores: dict[str, dict[str, float]] = {}
        for task, name, kind in (
            ("referring_box", BOX, "NWPU-VHR-10"),
            ("referring_point", POINT, "NWPU-VHR-10-instances"),
        ):
            index = RowIndex.read(held_out, tasks=[name])
            for label, features in (("model", store), ("blank prompts", blank)):
                file = self.out / f"{task}-{label.replace(' ', '-')}.jsonl"
                file.unlink(missing_ok=True)
                predict(Answerer(model, processor, features, longest=64), index, file, batch=32)
                scores.setdefault(label, {})[task] = self.accuracy(task, file, held_out)
            counts: dict[str, int] = {}
            rows = RowDataset(RowIndex.read(training, tasks=[name]))
            for i in range(len(rows)):
                for line in rows[i].messages[-1]["content"].splitlines():
                    text = line.partition(": ")[2]
                    counts[text] = counts.get(text, 0) + 1
            majority = max(sorted(counts), key=counts.__getitem__)
            file = self.out / f"{task}-blind.jsonl"
            answered = RowDataset(index)
            with file.open("w") as out:
                for i in range(len(answered)):
                    row = answered[i]
                    word = "Mark" if row.granularity == "point" else "Region"
                    answer = "\n".join(f"<{word} {k}>: {majority}" for k in range(1, len(row.marks) + 1))
                    out.write(json.dumps({"id": row.id, "prediction": answer}) + "\n")
            scores.setdefault("blind", {})[task] = self.accuracy(task, file, held_out)
            self.log(f"scored {task} on {kind}")
        return scores

    def accuracy(self, task: str, predictions: Path, data: Path) -> float:
        """Accuracy by rsvp-eval, through its command line."""
        out = predictions.with_suffix("")
        command = [
            sys.executable,
            "-m",
            "rsvp_eval",
            "score",
            task,
            "-p",
            predictions,
            "--data",
            data,
            "-o",
            out,
        ]
        command += ["-m", "accuracy", "--split", "train"]
        subprocess.run(list(map(str, command)), check=True, capture_output=True)
        return float(json.loads((out / "results.json").read_text())["metrics"]["accuracy"]["value"])

    def table(self, scores: dict[str, dict[str, float]]) -> None:
        """Print the scores."""
        print(f"\naccuracy on held-out pictures   {'box':>7} {'point':>7}")
        for name, by_task in scores.items():
            print(f"{name:30}  {by_task['referring_box']:7.1%} {by_task['referring_point']:7.1%}")
        print(f"\n{time.perf_counter() - self.began:.0f} s in all; curves in {self.out / 'curves.png'}")


class Blanked:
    """Features with the prompt image replaced by an empty one."""

    def __init__(self, store: FeatureStore, model: Any, processor: Any) -> None:
        self.store = store
        empty = canvases_of(processor)([Image.new("RGB", (CANVAS, CANVAS))])
        self.blank = model.model.encode(empty)[0].to(torch.bfloat16)

    def of(self, row: Any) -> torch.Tensor:
        """(2, tokens, channels) of the row's picture and of no marks."""
        return torch.stack([self.store.of(row)[0], self.blank])


def canvases_of(processor: Any) -> Callable[[Sequence[Image.Image]], torch.Tensor]:
    """Makes canvases of pictures."""
    return lambda images: processor.image_processor(list(images), return_tensors="pt")["pixel_values"]


def configuration(tokenizer: Any, rows: int) -> EarthMarkerConfig:
    """A million parameters that see, a few million that speak."""
    return EarthMarkerConfig(
        dino_config={
            "model_type": "dinov2",
            "hidden_size": 96,
            "num_hidden_layers": 3,
            "num_attention_heads": 3,
            "image_size": 112,
            "patch_size": 14,
        },
        convnext_config={
            "model_type": "convnext",
            "hidden_sizes": [16, 32, 64, 128],
            "depths": [1, 1, 2, 1],
            "layer_norm_eps": 1e-6,
            "layer_scale_init_value": 1.0,
        },
        text_config={
            "model_type": "llama",
            "hidden_size": 128,
            "intermediate_size": 384,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "vocab_size": rows,
            "max_position_embeddings": 1024,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "pad_token_id": tokenizer.pad_token_id,
        },
        image_size=CANVAS,
        streams=[{"encoder": "convnext", "size": CANVAS}, {"encoder": "dino", "size": 112}],
        grid=GRID,
        image_token_id=tokenizer.convert_tokens_to_ids(IMAGE),
        boundary_token_ids=[tokenizer.convert_tokens_to_ids(b) for b in BOUNDARIES],
    )


if __name__ == "__main__":
    np.random.seed(0)  # nothing draws from it, and if something does, it is the same
    main()
