import pytest
import torch

from earthmarker.data import RowIndex
from earthmarker.inference import Answerer
from earthmarker.training.store import load


@pytest.fixture(scope="session")
def loaded(tiny_folder):
    """Model and processor; the model is changed so that greedy answers are of different lengths.

    A random head nearly never says the end of sequence; the table of embeddings is the head's here, louder.
    """
    model, processor = load(tiny_folder)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        weight = model.lm_head.weight
        weight.copy_(torch.randn(weight.shape, generator=generator))
        for parameter in model.model.language_model.parameters():
            if parameter.ndim > 1:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return model, processor


@pytest.fixture(scope="session")
def index(dataset):
    return RowIndex.read(dataset)


@pytest.fixture
def answerer(loaded):
    return Answerer(*loaded, longest=12)
