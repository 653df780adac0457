"""One labelled pixel per patch: in its patch, uniform, and the same on every machine."""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning

from rsvp_builder.images.label_map import LabelCoding, LabelMap
from rsvp_builder.images.probe import UnreadableImageError
from rsvp_builder.marks import patch_points
from rsvp_builder.marks.patch_points import PatchPoints, limit_points, sample_patches

IGNORED, STRANGE = 0, 200
CODING = LabelCoding(values={IGNORED: -1} | {n: n - 1 for n in range(1, 40)})


def written(path: Path, samples: np.ndarray) -> Path:
    Image.fromarray(samples).save(path)
    return path


def sampled(path: Path, coding: LabelCoding = CODING, *, key: bytes = b"key", **how) -> PatchPoints:
    with LabelMap(path) as label_map:
        return sample_patches(label_map, coding, key=key, **how)


def edges(length: int, patch: int, mode: str) -> list[tuple[int, int]]:
    """First and last pixel, exclusive, of the patches along an edge."""
    if mode == "grid":
        return [(i * length // patch, (i + 1) * length // patch) for i in range(patch)]
    return [(start, min(start + patch, length)) for start in range(0, length, patch)]


def one_by_one(classes: np.ndarray, patch: int, mode: str, key: bytes) -> dict[int, tuple[int, int, int]]:
    """The draws as the module states them, patch by patch in plain integers: patch -> x, y, class."""
    height, width = classes.shape
    seed = int.from_bytes(blake2b(key, digest_size=16).digest(), "big")
    stream = np.random.Philox(key=seed)
    points = {}
    cells = [(row, column) for row in edges(height, patch, mode) for column in edges(width, patch, mode)]
    for number, ((y1, y2), (x1, x2)) in enumerate(cells):
        draws = [int(bits) for bits in stream.random_raw(5)]
        labelled = [(x, y) for y in range(y1, y2) for x in range(x1, x2) if classes[y, x] >= 0]
        for bits in draws[:4] if labelled else []:
            x = x1 + ((bits >> 32) * (x2 - x1) >> 32)
            y = y1 + ((bits & 0xFFFFFFFF) * (y2 - y1) >> 32)
            if classes[y, x] >= 0:
                break
        else:
            if not labelled:
                continue
            x, y = labelled[(draws[4] >> 32) * len(labelled) >> 32]
        points[number] = (x, y, int(classes[y, x]))
    return points


def as_dict(found: PatchPoints) -> dict[int, tuple[int, int, int]]:
    rows = zip(found.patch.tolist(), found.xy.tolist(), found.class_id.tolist(), strict=True)
    return {patch: (x, y, number) for patch, (x, y), number in rows}


def chi_square(observed: np.ndarray) -> float:
    expected = observed.sum() / observed.size
    return float(((observed - expected) ** 2 / expected).sum())


@pytest.fixture(scope="module")
def blobs(tmp_path_factory) -> tuple[Path, np.ndarray]:
    """A map of 200 x 150 px of blobs, some of them ignored: file and samples."""
    y, x = np.mgrid[:150, :200]
    samples = ((x // 7 + 3 * (y // 5) + (x + y) // 40) % 6).astype(np.uint8)
    return written(tmp_path_factory.mktemp("blobs") / "label.png", samples), samples


class TestPatches:
    @settings(max_examples=150)
    @given(
        width=st.integers(1, 40),
        height=st.integers(1, 40),
        patch=st.integers(1, 45),
        mode=st.sampled_from(["pixels", "grid"]),
        labelled=st.sampled_from([0, 0.02, 0.3, 0.9, 1]),
        seed=st.integers(0, 99),
    )
    def test_points_are_those_drawn_patch_by_patch(
        self, tmp_path_factory, width, height, patch, mode, labelled, seed
    ) -> None:
        rng = np.random.default_rng(seed)
        samples = rng.integers(1, 9, (height, width)) * (rng.random((height, width)) < labelled)
        samples = np.where(rng.random(samples.shape) < 0.05, STRANGE, samples).astype(np.uint8)
        path = written(tmp_path_factory.getbasetemp() / "drawn.png", samples)
        found = sampled(path, patch=patch, mode=mode)
        classes = np.where(samples == STRANGE, -2, samples.astype(int) - 1)
        expected = one_by_one(classes, patch, mode, b"key")
        assert as_dict(found) == expected
        assert found.patch.tolist() == sorted(expected)
        assert found.patches == len(edges(width, patch, mode)) * len(edges(height, patch, mode))
        assert found.unlabelled == found.patches - len(expected)
        assert (found.xy.dtype, found.class_id.dtype, found.patch.dtype) == (np.int64, np.int64, np.int64)
        assert found.xy.shape == (len(expected), 2)

    def test_every_patch_with_a_label_has_one_point_inside_itself(self, blobs) -> None:
        path, samples = blobs
        found = sampled(path)
        assert found.patches == 7 * 5
        across = edges(200, 32, "pixels")
        down = edges(150, 32, "pixels")
        with_label = 0
        for number in range(found.patches):
            (y1, y2), (x1, x2) = down[number // 7], across[number % 7]
            with_label += bool(samples[y1:y2, x1:x2].any())
            for x, y in found.xy[found.patch == number]:
                assert x1 <= x < x2
                assert y1 <= y < y2
                assert samples[y, x] > 0
        assert len(found.patch) == len(set(found.patch.tolist())) == with_label
        assert np.array_equal(found.class_id, samples[found.xy[:, 1], found.xy[:, 0]] - 1)

    def test_frames_of_a_drone_end_in_a_row_of_half_patches(self, tmp_path) -> None:
        path = written(tmp_path / "000000.png", np.ones((2160, 4096), np.uint8))
        found = sampled(path)
        assert found.patches == len(found.patch) == 128 * 68
        last = found.xy[-128:, 1]
        assert (last >= 2144).all()
        assert len(set(last.tolist())) == 16

    def test_a_map_of_one_pixel(self, tmp_path) -> None:
        path = written(tmp_path / "one.png", np.full((1, 1), 3, np.uint8))
        for how in ({}, {"patch": 1}, {"patch": 1, "mode": "grid"}):
            found = sampled(path, **how)
            assert as_dict(found) == {0: (0, 0, 2)}
            assert (found.patches, found.unlabelled, found.unknown) == (1, 0, {})

    def test_a_grid_finer_than_the_map_has_patches_without_a_pixel(self, tmp_path) -> None:
        path = written(tmp_path / "small.png", np.arange(1, 16, dtype=np.uint8).reshape(3, 5))
        found = sampled(path, patch=32, mode="grid")
        assert (found.patches, found.unlabelled) == (1024, 1024 - 15)
        assert {tuple(xy) for xy in found.xy.tolist()} == {(x, y) for x in range(5) for y in range(3)}

    def test_a_map_without_a_label_gives_nothing(self, tmp_path) -> None:
        found = sampled(written(tmp_path / "empty.png", np.zeros((70, 90), np.uint8)))
        assert (found.patches, found.unlabelled, found.unknown) == (9, 9, {})
        assert found.xy.shape == (0, 2)
        assert found.class_id.shape == found.patch.shape == (0,)

    def test_one_labelled_pixel_is_always_found(self, tmp_path) -> None:
        samples = np.zeros((64, 64), np.uint8)
        samples[50, 61] = 9
        path = written(tmp_path / "needle.png", samples)
        for key in (b"a", b"b", b"c"):
            assert as_dict(sampled(path, key=key)) == {3: (61, 50, 8)}

    def test_a_patch_without_a_side_is_refused(self, blobs) -> None:
        with pytest.raises(ValueError, match="side of 1 at least"):
            sampled(blobs[0], patch=0)

    def test_a_map_that_the_coding_cannot_mean_is_refused(self, blobs) -> None:
        with pytest.raises(UnreadableImageError, match="without a colour table, expected colours"):
            sampled(blobs[0], LabelCoding(colours={(0, 0, 0): 0}))

    def test_a_cut_off_map_is_refused(self, tmp_path) -> None:
        path = tmp_path / "label.tif"
        Image.fromarray(np.ones((90, 90), np.uint8)).save(path)
        path.write_bytes(path.read_bytes()[:-3000])
        with pytest.raises(UnreadableImageError):
            sampled(path)


class TestUniform:
    @pytest.mark.parametrize("mode", ["pixels", "grid"])
    @pytest.mark.parametrize("labelled", [64, 40, 5, 2])
    def test_labelled_pixels_of_a_patch_have_the_same_chance(self, tmp_path, labelled, mode) -> None:
        pattern = np.zeros(64, np.uint8)
        pattern[np.arange(labelled) * 37 % 64] = 1
        path = written(tmp_path / "tiled.png", np.tile(pattern.reshape(8, 8), (100, 100)))
        found = sampled(path, patch=8 if mode == "pixels" else 100, mode=mode)
        x, y = (found.xy % 8).T
        counts = np.bincount(y * 8 + x, minlength=64)
        assert (counts[pattern == 0] == 0).all()
        assert counts.sum() == 10_000
        freedom = labelled - 1
        assert chi_square(counts[pattern == 1]) < freedom + 4 * (2 * freedom) ** 0.5

    def test_neighbours_and_keys_draw_apart(self, tmp_path) -> None:
        path = written(tmp_path / "plain.png", np.ones((1600, 1600), np.uint8))
        one, two = (sampled(path, patch=16, key=key).xy % 16 for key in (b"one", b"two"))
        for left, right in ((one[:-1], one[1:]), (one, two)):
            joint = np.bincount(left[:, 0] * 16 + right[:, 0], minlength=256)
            assert chi_square(joint) < 255 + 4 * 510**0.5


class TestReproducible:
    def test_points_are_these(self, blobs) -> None:
        key = b"0\x1fPotsdam\x1ftrain/2_10"
        found = sampled(blobs[0], key=key)
        assert found.xy[:6].tolist() == [[26, 23], [48, 8], [90, 17], [104, 22], [135, 27], [179, 20]]
        assert found.class_id[:6].tolist() == [3, 3, 4, 4, 1, 4]
        assert found.patch[:6].tolist() == [0, 1, 2, 3, 4, 5]
        grid = sampled(blobs[0], patch=3, mode="grid", key=key)
        assert [tuple(xy) for xy in grid.xy.tolist()] == [
            *((13, 34), (101, 13), (199, 11)),
            *((17, 84), (66, 94), (167, 88)),
            *((62, 137), (116, 139), (150, 124)),
        ]

    @pytest.mark.parametrize("mode", ["pixels", "grid"])
    @pytest.mark.parametrize("patch", [5, 32])
    def test_how_high_bands_are_does_not_matter(self, blobs, monkeypatch, patch, mode) -> None:
        expected = as_dict(sampled(blobs[0], patch=patch, mode=mode))
        assert expected
        for band in (1, 200 * 33, 200 * 70, 1 << 40):
            for exact in (1, 3000):
                monkeypatch.setattr(patch_points, "_BAND_PIXELS", band)
                monkeypatch.setattr(patch_points, "_EXACT_PIXELS", exact)
                assert as_dict(sampled(blobs[0], patch=patch, mode=mode)) == expected

    @pytest.mark.filterwarnings("ignore", category=NotGeoreferencedWarning)
    def test_how_the_map_is_stored_does_not_matter(self, blobs, tmp_path) -> None:
        path, samples = blobs
        expected = as_dict(sampled(path))
        palette = np.array([(0, 0, 0), (0, 0, 255), (0, 255, 0), (255, 0, 0), (255, 255, 0), (0, 255, 255)])
        colours = LabelCoding(
            colours={tuple(c): i for i, c in enumerate(palette[1:].tolist())}, threshold=127
        )
        coloured = palette.astype(np.uint8)[samples]
        noisy = np.clip(coloured + np.random.default_rng(0).integers(-60, 60, coloured.shape), 0, 255)
        channel = np.dstack([np.zeros_like(samples), samples, np.zeros_like(samples)])
        alpha = np.dstack([coloured, np.full(samples.shape, 255, np.uint8)])
        index = Image.fromarray(samples)
        index.putpalette(palette.astype(np.uint8).ravel().tolist())
        index.save(tmp_path / "index.tif")
        profile = {"driver": "GTiff", "width": 200, "height": 150, "dtype": "uint8", "compress": "lzw"}
        with rasterio.open(
            tmp_path / "tiled.tif", "w", **profile, count=1, tiled=True, blockxsize=48, blockysize=80
        ) as file:
            file.write(samples, 1)
        for stored, coding in (
            (written(tmp_path / "colours.png", coloured), colours),
            (written(tmp_path / "noisy.tif", noisy.astype(np.uint8)), colours),
            (written(tmp_path / "alpha.png", alpha), colours),
            (tmp_path / "index.tif", colours),
            (tmp_path / "index.tif", CODING),
            (tmp_path / "tiled.tif", CODING),
            (written(tmp_path / "ids.png", channel), LabelCoding(values=CODING.values, band=1)),
        ):
            assert as_dict(sampled(stored, coding)) == expected


class TestUnknown:
    def test_a_value_that_fills_patches_is_told_once_a_patch(self, tmp_path) -> None:
        samples = np.ones((64, 96), np.uint8)
        samples[:, :64] = 77
        samples[:32, :32] = 99
        found = sampled(written(tmp_path / "strange.png", samples))
        assert found.unknown == {"77": 3, "99": 1}
        assert list(found.unknown) == ["77", "99"]
        assert found.patch.tolist() == [2, 5]
        assert found.unlabelled == 4

    def test_a_value_is_told_once_a_patch_in_all_bands(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setattr(patch_points, "_BAND_PIXELS", 1)
        path = written(tmp_path / "strange.png", np.full((96, 64), 77, np.uint8))
        assert sampled(path).unknown == {"77": 6}

    def test_colours_are_told_as_they_are_in_the_file(self, tmp_path) -> None:
        coloured = np.full((32, 32, 3), (9, 222, 221), np.uint8)
        coding = LabelCoding(colours={(0, 255, 255): 0})
        assert sampled(written(tmp_path / "off.png", coloured), coding).unknown == {"9,222,221": 1}

    def test_of_many_values_the_rest_is_summed_up(self, tmp_path) -> None:
        values = np.arange(50, 100, dtype=np.uint8)
        samples = np.repeat(np.kron(values, np.ones(4, np.uint8))[None], 4, axis=0)
        samples[:, :4] = 99
        found = sampled(written(tmp_path / "many.png", samples), patch=4)
        assert found.unknown == {"99": 2} | {str(n): 1 for n in range(51, 66)} | {"33 other values": 33}
        assert sum(found.unknown.values()) == found.unlabelled == 50

    def test_a_strange_pixel_costs_its_patch_nothing(self, tmp_path) -> None:
        samples = np.where(np.indices((64, 64)).sum(axis=0) % 2, 5, STRANGE).astype(np.uint8)
        found = sampled(written(tmp_path / "half.png", samples), patch=8)
        assert (found.class_id == 4).all()
        assert len(found.class_id) == 64
        assert 10 < found.unknown[str(STRANGE)] < 54  # half of the patches draw one first


class TestPotsdam:
    CODING = LabelCoding(
        colours={
            (255, 255, 255): 0,
            (0, 0, 255): 1,
            (0, 255, 255): 2,
            (0, 255, 0): 3,
            (255, 255, 0): 4,
            (255, 0, 0): 5,
        },
        threshold=127,
    )

    def test_the_real_crop(self, samples) -> None:
        path = next((samples / "isprs_raw_layout_512crops").rglob("*_label_noBoundary.tif"))
        with LabelMap(path) as label_map:
            assert (label_map.width, label_map.height) == (512, 512)
            classes = self.CODING.decode(label_map.rows(0, 512).reshape(-1, 3)).reshape(512, 512)
        with Image.open(path) as picture:
            by_pillow = np.asarray(picture)
        assert np.array_equal(classes == -1, (by_pillow == 0).all(axis=2))
        assert (classes == -1).mean() == pytest.approx(0.094, abs=0.001)
        assert classes.min() == -1
        found = sampled(path, self.CODING)
        assert as_dict(found) == one_by_one(classes, 32, "pixels", b"key")
        assert (found.patches, found.unlabelled, found.unknown) == (256, 0, {})
        grid = sampled(path, self.CODING, mode="grid")
        assert as_dict(grid) == one_by_one(classes, 32, "grid", b"key")
        assert grid.patches == 1024


class TestLimit:
    @given(
        classes=st.lists(st.integers(-1, 5), max_size=60),
        most=st.integers(0, 70),
        balance=st.booleans(),
        key=st.binary(max_size=8),
    )
    def test_kept_positions_are_some_of_all_and_as_many_as_may_be(self, classes, most, balance, key) -> None:
        kept = limit_points(np.array(classes, np.int64), most, balance=balance, key=key)
        assert kept.dtype == np.int64
        assert kept.tolist() == sorted(set(kept.tolist()) & set(range(len(classes))))
        assert len(kept) == min(most, len(classes))

    @given(classes=st.lists(st.integers(0, 5), min_size=1, max_size=60), most=st.integers(1, 60))
    def test_a_balanced_choice_serves_classes_in_turns(self, classes, most) -> None:
        kept = limit_points(np.array(classes, np.int64), most, balance=True, key=b"cap")
        there, got = Counter(classes), Counter(classes[i] for i in kept.tolist())
        turns = max(got.values())
        for number, count in there.items():
            # Whoever got fewer than the most served class has no more, or missed the last turn only.
            assert got[number] >= min(count, turns - 1)

    def test_an_unbalanced_choice_gives_every_point_the_same_chance(self) -> None:
        classes = np.repeat([0, 1], [18, 2])
        keys = (str(n).encode() for n in range(4000))
        kept = np.concatenate([limit_points(classes, 5, balance=False, key=key) for key in keys])
        counts = np.bincount(kept, minlength=20)
        assert counts.sum() == 20_000
        assert chi_square(counts) < 19 + 4 * 38**0.5

    def test_a_balanced_choice_is_fair_within_a_class_and_in_the_last_turn(self) -> None:
        classes = np.repeat([0, 1, 2], [6, 6, 6])
        keys = (str(n).encode() for n in range(4000))
        kept = np.concatenate([limit_points(classes, 4, balance=True, key=key) for key in keys])
        counts = np.bincount(kept, minlength=18)
        assert counts.sum() == 16_000
        assert chi_square(counts) < 17 + 4 * 34**0.5

    def test_the_choice_is_this(self) -> None:
        classes = np.arange(40) % 7
        assert limit_points(classes, 6, balance=False, key=b"cap").tolist() == [1, 12, 13, 16, 28, 35]
        balanced = limit_points(classes, 9, balance=True, key=b"cap")
        assert balanced.tolist() == [1, 2, 12, 13, 16, 17, 18, 28, 35]

    def test_a_negative_limit_is_refused(self) -> None:
        with pytest.raises(ValueError, match="negative"):
            limit_points(np.zeros(3, np.int64), -1, balance=False, key=b"")
