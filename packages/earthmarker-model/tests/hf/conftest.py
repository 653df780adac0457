"""A tiny model in a folder, as a user would have it."""

import copy

import numpy as np
import pytest
import torch
from PIL import Image

from earthmarker.presets import build

torch.set_num_threads(1)

BOXES = [[[5, 5, 40, 30], [50, 20, 90, 50]], [[5, 5, 45, 60]]]
TEXTS = ["<img><image></img> What is <Region 2>?", "<img><image></img> Please identify each marked region."]


@pytest.fixture(scope="session")
def _built():
    model, processor = build("tiny", prompt_style={"shape": "outline"}, max_marks=7)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        # Random weights of deviation 0.02 hardly look at anything; larger ones tell every input apart.
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.15, generator=generator)
    return model, processor


@pytest.fixture(scope="session")
def folder(_built, tmp_path_factory):
    path = tmp_path_factory.mktemp("model")
    for part in _built:
        part.save_pretrained(path)
    return path


@pytest.fixture
def model(_built):
    return copy.deepcopy(_built[0])


@pytest.fixture
def processor(_built):
    return copy.deepcopy(_built[1])


@pytest.fixture(scope="session")
def pictures():
    random = np.random.default_rng(5)
    return [
        Image.fromarray(random.integers(0, 256, (h, w, 3), dtype=np.uint8)) for w, h in ((100, 60), (50, 80))
    ]


@pytest.fixture
def asked(pictures):
    """What a processor is given."""
    return {"images": pictures, "text": TEXTS, "boxes": BOXES, "padding": True, "return_tensors": "pt"}


@pytest.fixture
def inputs(processor, asked):
    return processor(**asked)
