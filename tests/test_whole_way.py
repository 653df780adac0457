"""Raw release -> data set -> three phases -> predictions -> scores, through every package's own door."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from datasets import load_dataset

from rsvp_builder.build import build
from rsvp_builder.demo import write
from rsvp_builder.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore:.*:FutureWarning")

SETTINGS = """
log_steps = 1

[data]
tasks = [{tasks}]
splits = ["train"]
workers = 0

[optim]
lr = 1e-3
steps = 2
batch = 2
device_batch = 2
"""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    for source in ("DIOR-RSVG", "UCMerced", "RSICD"):
        raw = folder / "raw" / source
        raw.mkdir(parents=True)
        build(source, Path(write(source, raw, seed=0).root), folder / "out", Settings(tile=0), workers=1)
    return folder / "out"


def run(*command):
    done = subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_built_is_learned_answered_and_scored(dataset, tmp_path):
    rows = load_dataset(str(dataset), split="train", streaming=True)
    assert {"image", "marks", "messages"} <= set(next(iter(rows)))

    boxes = '"referring_classification_box", "referring_classification_point"'
    model = "preset:tiny"
    for phase, tasks in (("align", '"image_caption"'), ("spatial", boxes), ("rsvp", boxes)):
        config = tmp_path / f"{phase}.toml"
        config.write_text(SETTINGS.format(tasks=tasks))
        out = tmp_path / phase
        run(
            "earthmarker_cli", "train", "--phase", phase, "--data", dataset, "--config", config,
            "--model", model, "--out", out,
        )  # fmt: skip
        losses = [json.loads(line) for line in (out / "history.jsonl").read_text().splitlines()]
        assert [entry["step"] for entry in losses if "loss" in entry] == [1, 2]
        model = out / "model"

    predictions = tmp_path / "predictions.jsonl"
    run(
        "earthmarker_cli", "predict", "--data", dataset, "--model", model, "--out", predictions,
        "--task", "referring_classification_box", "--split", "test", "--max-new-tokens", "8",
    )  # fmt: skip
    asked = load_dataset(str(dataset), split="test", streaming=True)
    wanted = {row["id"] for row in asked if row["task"] == "referring_classification_box"}
    answered = [json.loads(line) for line in predictions.read_text().splitlines()]
    assert {line["id"] for line in answered} == wanted

    out = tmp_path / "scores"
    run(
        "rsvp_eval", "score", "dior_rsvg_box", "-p", predictions, "--data", dataset, "-o", out,
        "-m", "s_iou,accuracy",
    )  # fmt: skip
    results = json.loads((out / "results.json").read_text())
    assert results["counts"]["missing"] == results["counts"]["unknown"] == 0
    assert 0 <= results["metrics"]["s_iou"]["value"] <= 1
