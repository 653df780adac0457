"""What several test files need: small releases, builds and their rows."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import settings

from rsvp_builder.demo.dota import Release, write_release

# Machines differ in speed; a slow example is no failure, and every run tries the same examples.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.load_profile("tests")


@pytest.fixture(scope="session")
def samples() -> Path:
    """Real files of public releases, where the environment has them."""
    folder = os.environ.get("RSVP_SAMPLES")
    if not folder or not Path(folder).is_dir():
        pytest.skip("RSVP_SAMPLES does not name the folder of real samples")
    return Path(folder)


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A sound miniature DOTA v2.0; do not write into it."""
    return write_release(tmp_path_factory.mktemp("release") / "DOTA")


@pytest.fixture(scope="session")
def defective(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The same with one of each defect; do not write into it."""
    return write_release(tmp_path_factory.mktemp("defective") / "DOTA", with_defects=True)


@pytest.fixture
def read_rows() -> Callable[..., list[dict[str, Any]]]:
    """Rows of a data set, without their pictures unless asked for."""

    def read(out: Path, *, pictures: bool = False) -> list[dict[str, Any]]:
        tables = [pq.read_table(path) for path in sorted(out.glob("data/*/*.parquet"))]
        table = pa.concat_tables(tables)
        return (table if pictures else table.drop_columns(["image"])).to_pylist()

    return read


@pytest.fixture
def digest() -> Callable[[Path], dict[str, str]]:
    """Hash of every file of a data set, by path. The lock holds nothing and is left out."""

    def hashes(out: Path) -> dict[str, str]:
        return {
            str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(out.rglob("*"))
            if path.is_file() and path.name != "lock"
        }

    return hashes
