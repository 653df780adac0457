"""Pictures gathered in one piece of memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvp_builder.images.gathered import Gathered


@given(st.lists(st.lists(st.binary(max_size=300), max_size=8), max_size=5))
def test_every_group_reads_back_as_it_was_put_in(groups):
    gathered = Gathered()
    for group in groups:
        gathered.clear()
        for picture in group:
            gathered.add(picture)
        assert gathered.array().to_pylist() == group
        assert len(gathered) == len(group)
        assert gathered.size == sum(map(len, group))


@given(contents=st.lists(st.binary(max_size=5000), min_size=1, max_size=5))
def test_files_and_bytes_mix(tmp_path_factory, contents):
    folder = tmp_path_factory.mktemp("files")
    gathered = Gathered()
    for number, content in enumerate(contents):
        path = folder / str(number)
        path.write_bytes(content)
        gathered.add(path)
        gathered.add(content[::-1])
    assert gathered.array().to_pylist() == [c for content in contents for c in (content, content[::-1])]


def test_a_missing_file_adds_nothing(tmp_path):
    gathered = Gathered()
    gathered.add(b"one")
    with pytest.raises(FileNotFoundError):
        gathered.add(tmp_path / "none")
    assert gathered.array().to_pylist() == [b"one"]
