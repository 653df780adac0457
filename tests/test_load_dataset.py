"""The contract with trainers: the data set loads with `datasets` where the raw release is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys

PROGRAM = """
import json, sys
from datasets import Features, load_dataset
out, cache = sys.argv[1:]
whole = load_dataset(out, cache_dir=cache)
row = whole["train"][0]
image = row["image"].convert("RGB")
streamed = next(iter(load_dataset(out, split="val", streaming=True)))
only = load_dataset(out, "DOTA-v2.0", split="train", cache_dir=cache,
                    filters=[("task", "==", "region_caption")])
print(json.dumps({
    "rows": {name: split.num_rows for name, split in whole.items()},
    "size": image.size, "told": [row["width"], row["height"]],
    "marks": row["marks"], "messages": row["messages"],
    "streamed": list(streamed["image"].size), "streamed_told": [streamed["width"], streamed["height"]],
    "features": whole["train"].features.to_dict(),
    "tasks": sorted(set(only["task"])),
}))
"""


def test_a_data_set_loads_with_decoded_images_after_the_raw_data_is_gone(dataset, tmp_path):
    environment = {
        **os.environ,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(dataset), str(tmp_path / "cache")],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    summary = json.loads((dataset / "ledger/DOTA-v2.0/summary.json").read_text())
    assert found["rows"] == {name: split["rows"] for name, split in summary["splits"].items()}
    assert found["size"] == found["told"]
    assert found["streamed"] == found["streamed_told"]
    assert [turn["role"] for turn in found["messages"]] == ["user", "assistant"]
    assert len(found["messages"][1]["content"].split("\n")) == len(found["marks"])
    assert found["tasks"] == ["region_caption"]

    from rsvp_builder.record import features

    assert found["features"] == features().to_dict()


def test_the_card_states_counts_licence_citation_and_terms(dataset):
    import yaml

    text = (dataset / "README.md").read_text()
    _, header, body = text.split("---\n", 2)
    metadata = yaml.safe_load(header)
    assert [c["config_name"] for c in metadata["configs"]] == ["default", "DOTA-v2.0"]
    assert metadata["license"] == "other"
    summary = json.loads((dataset / "ledger/DOTA-v2.0/summary.json").read_text())
    for split, of in summary["splits"].items():
        assert (
            f"| {split} | {of['images']:,} | {of['objects']:,} | {of['rows']:,} | {of['marks']:,} |" in body
        )
    assert "any commercial use is prohibited" in body
    assert "@article{ding2022object" in body
    assert "`marks_per_row = 20`" in body
    assert "Not verified against the release" in body


def test_settings_saved_beside_the_data_set_are_those_of_the_run(dataset):
    saved = json.loads((dataset / "settings/DOTA-v2.0.json").read_text())
    assert saved["settings"]["tile"] == 1024
    assert saved["settings"]["seed"] == 0
    assert saved["manifest"]["name"] == "DOTA-v2.0"
