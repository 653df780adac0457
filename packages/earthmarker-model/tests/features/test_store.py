"""Records on disk: round trip, many files, damage, worker processes."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from earthmarker.data import Collator, RowDataset
from earthmarker.errors import EarthMarkerError
from earthmarker.features import FeatureStore, store
from earthmarker.features.keys import picture_key, prompt_key
from earthmarker.prompts import Box, Mask, Point, Polygon


class Canvas:
    """As much of a processor as a cache of no rows needs."""

    canvas = 8


def key(i):
    return hashlib.sha256(str(i).encode()).digest()


@given(sizes=st.lists(st.integers(1, 7), max_size=6), records=st.integers(1, 5), reopened=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_what_goes_in_comes_out(tmp_path_factory, sizes, records, reopened):
    folder = tmp_path_factory.mktemp("store")
    made = torch.randn(sum(sizes), 2, 3, generator=torch.manual_seed(0)).bfloat16()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "RECORDS", records)
        kept = FeatureStore.create(folder, Canvas(), "f", (2, 3))
        done = 0
        for size in sizes:
            if reopened:
                kept = FeatureStore.create(folder, Canvas(), "f", (2, 3))
            kept.add([key(i) for i in range(done, done + size)], made[done : done + size])
            done += size
            for i in range(done):
                assert torch.equal(kept.get(key(i)), made[i])
        assert len(kept) == done
        assert key(done) not in kept
        assert len(list(folder.glob("features-*.bin"))) == -(-done // records)


def test_records_are_of_one_shape(tmp_path):
    kept = FeatureStore.create(tmp_path, Canvas(), "f", (2, 3))
    with pytest.raises(EarthMarkerError, match=r"features of \(3, 2\), but the cache holds \(2, 3\)"):
        kept.add([key(0)], torch.zeros(1, 3, 2))


def test_no_cache_there(tmp_path):
    with pytest.raises(EarthMarkerError, match=r"no feature cache there.*make one: earthmarker cache"):
        FeatureStore(tmp_path, Canvas())


@pytest.mark.parametrize("text", ["", "{}", '{"tokens": 2}', "[1]"])
def test_a_damaged_description(tmp_path, text):
    (tmp_path / "cache.json").write_text(text)
    with pytest.raises(EarthMarkerError, match="no feature cache there"):
        FeatureStore(tmp_path, Canvas())


def test_keys_that_are_gone(tmp_path):
    FeatureStore.create(tmp_path, Canvas(), "f", (2, 3))
    (tmp_path / "keys.bin").unlink()
    with pytest.raises(EarthMarkerError, match=r"keys\.bin"):
        FeatureStore(tmp_path, Canvas())


@pytest.mark.parametrize("left", [0, 11])
def test_records_that_are_gone(tmp_path, left):
    kept = FeatureStore.create(tmp_path, Canvas(), "f", (2, 3))
    kept.add([key(0)], torch.zeros(1, 2, 3))
    path = tmp_path / "features-00000.bin"
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(EarthMarkerError, match=r"features-00000\.bin: shorter than its 1 records"):
        FeatureStore(tmp_path, Canvas())


def test_worker_processes_read_what_this_one_reads(loaded, index, cache):
    rows, processor = RowDataset(index), loaded[1]

    def batches(workers):
        collate = Collator(processor, FeatureStore(cache, processor))
        return [b["mov_features"] for b in DataLoader(rows, 8, collate_fn=collate, num_workers=workers)]

    for one, other in zip(batches(0), batches(2), strict=True):
        assert torch.equal(one, other)


class TestKeys:
    """What lies on the canvas decides the key, and nothing else does."""

    @pytest.fixture
    def row(self, index):
        return RowDataset(index)[0]

    def test_a_picture_is_its_bytes(self, row):
        assert picture_key(row) == hashlib.sha256(row.picture).digest()

    def test_prompts_of_other_marks_differ(self, row, loaded):
        mask = np.zeros((row.height, row.width), bool)
        mask[:9, :9] = True
        other = mask.copy()
        other[0, 0] = False
        marks = [
            (),
            (Box(0, 0, 9, 9),),
            (Box(0, 0, 9, 8),),
            (Point(0, 0),),
            (Polygon(((0, 0), (9, 0), (9, 9), (0, 9))),),
            (Mask(mask),),
            (Mask(other),),
            (Box(0, 0, 9, 9), Point(1, 1)),
            (Point(1, 1), Box(0, 0, 9, 9)),
        ]
        keys = [prompt_key(replace(row, marks=m), loaded[1]) for m in marks]
        assert len(set(keys)) == len(marks)

    def test_prompts_do_not_depend_on_the_picture(self, row, loaded):
        assert prompt_key(row, loaded[1]) == prompt_key(replace(row, picture_sha256="0"), loaded[1])
        assert prompt_key(row, loaded[1]) != prompt_key(replace(row, width=row.width + 1), loaded[1])

    def test_but_in_the_overlay_style_they_do(self, row, tiny_folder):
        from earthmarker import EarthMarkerProcessor

        processor = EarthMarkerProcessor.from_pretrained(tiny_folder)
        plain = prompt_key(row, processor)
        processor.prompt_style = {"shape": "overlay"}
        overlay = prompt_key(row, processor)
        assert len({plain, overlay, prompt_key(replace(row, picture_sha256="0"), processor)}) == 3
