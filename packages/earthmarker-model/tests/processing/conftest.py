"""The processor of the tiny preset."""

import copy

import pytest
import torch

from earthmarker.presets import build

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def _processor():
    return build("tiny")[1]


@pytest.fixture
def processor(_processor):
    return copy.deepcopy(_processor)
