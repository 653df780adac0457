"""A scene of 400 megapixels: above every limit of Pillow's, and far above the memory that a build may use."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from rsvp_builder.dataset.validate import validate
from rsvp_builder.demo.dota import DrawnObject, label_text

SIDE = 20_000

PROGRAM = """
import json, sys
from pathlib import Path
from rsvp_builder.build import build
root, out = map(Path, sys.argv[1:])
summary = build("DOTA", root, out, workers=1).summary
# Not ru_maxrss: it starts at what the parent had when it forked.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps([summary, int(status["VmHWM"].split()[0]) / 1024]))
"""


@pytest.mark.slow
def test_a_scene_of_400_megapixels_is_tiled_in_the_memory_of_a_few_rows(tmp_path, read_rows):
    rng = np.random.default_rng(0)
    images, labels = tmp_path / "raw/train/images", tmp_path / "raw/train/labelTxt-v2.0"
    images.mkdir(parents=True)
    labels.mkdir()
    scene = np.full((SIDE, SIDE), 60, np.uint8)
    objects = []
    for x, y in rng.integers(50, SIDE - 150, (400, 2)).tolist():
        scene[y : y + 60, x : x + 100] = 200
        objects.append(DrawnObject((x, y, x + 100, y, x + 100, y + 60, x, y + 60), "ship", 0))
    Image.fromarray(scene).save(images / "P10000.png", compress_level=1)
    del scene
    text = label_text(objects, image_source=None, gsd=None, header=False)
    (labels / "P10000.txt").write_bytes(text)

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "raw"), str(tmp_path / "out")],
        capture_output=True, text=True, check=True, timeout=600,
    )  # fmt: skip
    summary, peak_mb = json.loads(done.stdout)
    assert summary["objects"] == {"seen": 400, "written": 400, "dropped": {}}
    assert peak_mb < 500
    assert validate(tmp_path / "out", decode=True).problems == []
    for row in read_rows(tmp_path / "out", pictures=True)[:20]:
        tile = np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])))
        for mark in row["marks"]:
            x1, y1, x2, y2 = map(int, mark["xyxy"])
            assert (tile[y1:y2, x1:x2] == 200).all()
