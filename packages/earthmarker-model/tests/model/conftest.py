"""The tiny model and what it is asked."""

import copy

import numpy as np
import pytest
import torch
from PIL import Image

from earthmarker.presets import build
from earthmarker.prompts import Box, Point

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def _built():
    model, processor = build("tiny")
    # Random weights of deviation 0.02 hardly look at anything; larger ones tell every input apart.
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0, 0.15, generator=generator)
    return model, processor


@pytest.fixture
def tiny(_built):
    """A tiny model of one's own, in evaluation mode."""
    return copy.deepcopy(_built[0])


@pytest.fixture
def processor(_built):
    return copy.deepcopy(_built[1])


@pytest.fixture(scope="session")
def pictures():
    random = np.random.default_rng(7)
    sizes = ((90, 60), (50, 80), (64, 64))
    return [Image.fromarray(random.integers(0, 256, (h, w, 3), dtype=np.uint8)) for w, h in sizes]


MARKS = ([Box(5, 5, 40, 30)], [Point(20, 20), Box(1, 1, 30, 60)], [Box(0, 0, 64, 64)])
QUESTIONS = ("What is it?", "Please identify the category of each marked region in the image.", "Hm?")


@pytest.fixture
def ask(processor, pictures):
    """Inputs for questions about pictures, by number."""

    def make(*numbers, answers=()):
        texts = []
        for place, number in enumerate(numbers):
            turns = [
                {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": QUESTIONS[number]}]}
            ]
            if answers:
                turns.append({"role": "assistant", "content": answers[place]})
            texts.append(
                processor.apply_chat_template(turns, add_generation_prompt=not answers, tokenize=False)
            )
        return processor(
            images=[pictures[n] for n in numbers],
            text=texts,
            marks=[list(MARKS[n]) for n in numbers],
            return_tensors="pt",
            padding=True,
            add_special_tokens=False,
        )

    return make
