import pytest

from earthmarker.data import RowIndex
from earthmarker.training.store import load


@pytest.fixture(scope="session")
def loaded(tiny_folder):
    """Model and processor; do not change them."""
    return load(tiny_folder)


@pytest.fixture(scope="session")
def index(dataset):
    return RowIndex.read(dataset)


@pytest.fixture(scope="session")
def cache(loaded, index, tmp_path_factory):
    """Features of all rows; do not write into it."""
    from earthmarker.features import compute

    folder = tmp_path_factory.mktemp("cache")
    compute(*loaded, index, folder, batch=5)
    return folder
