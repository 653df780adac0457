"""Features are computed once: what they are, how often, and after a kill."""

import copy

import pytest
import torch

from earthmarker.data import Collator, RowDataset, RowIndex
from earthmarker.data.canvases import Canvases
from earthmarker.errors import EarthMarkerError
from earthmarker.features import FeatureStore, StaleCacheError, compute, store
from earthmarker.features.keys import picture_key, prompt_key


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_features_are_those_of_the_encoders_in_bfloat16(loaded, index, cache):
    model, processor = loaded
    rows, kept = RowDataset(index), FeatureStore(cache, processor)
    canvases = Canvases(processor)
    for i in range(0, len(index), 5):
        computed = model.model.encode(canvases.of(rows[i])).bfloat16()
        # Batches of another size may round the last bit the other way.
        torch.testing.assert_close(kept.of(rows[i]), computed, rtol=2**-7, atol=1e-3)


def test_the_loss_is_that_of_features_in_bfloat16_exactly(loaded, index, cache):
    model, processor = loaded
    rows = [RowDataset(index)[i] for i in (0, 9, 30)]
    batch = Collator(processor, FeatureStore(cache, processor))(rows)
    assert "pixel_values" not in batch
    pixels = Collator(processor)(rows)
    with torch.no_grad():
        features = model.model.encode(pixels.pop("pixel_values"))
        cached = model(**batch).loss
        assert float(cached) == pytest.approx(
            float(model(**pixels, mov_features=features.bfloat16()).loss), abs=1e-6
        )
        assert float(cached) == pytest.approx(float(model(**pixels, mov_features=features).loss), abs=1e-2)
        swapped = {**batch, "mov_features": batch["mov_features"].flip(0)}
        assert abs(float(model(**swapped).loss) - float(cached)) > 5e-5


def test_every_canvas_is_computed_once(loaded, index, tmp_path, monkeypatch):
    model, processor = copy.deepcopy(loaded[0]), loaded[1]
    seen = []
    model.model.mov.register_forward_pre_hook(lambda module, args: seen.append(len(args[0])))
    made = compute(model, processor, index, tmp_path, batch=4)
    rows = [RowDataset(index)[i] for i in range(len(index))]
    different = {picture_key(row) for row in rows} | {prompt_key(row, processor) for row in rows}
    assert sum(seen) == len(made) == len(different) < 2 * len(rows)
    assert max(seen) == 4
    compute(model, processor, index, tmp_path, batch=4)
    assert sum(seen) == len(different)


def test_a_part_of_the_rows_and_later_the_rest(loaded, dataset, index, cache, tmp_path):
    part = RowIndex.read(dataset, sources=["UCM-Captions"])
    compute(*loaded, part, tmp_path)
    kept = FeatureStore(tmp_path, loaded[1])
    with pytest.raises(EarthMarkerError, match=r"no features of row .*earthmarker cache adds"):
        kept.of(RowDataset(index)[0])
    compute(*loaded, index, tmp_path)
    assert len(FeatureStore(tmp_path, loaded[1])) == len(FeatureStore(cache, loaded[1]))


@pytest.mark.parametrize("after", [1, 2, 4])
def test_a_run_that_was_killed_goes_on(loaded, index, cache, tmp_path, after):
    calls = 0

    def killed(done, total):
        nonlocal calls
        calls += 1
        if calls == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compute(*loaded, index, tmp_path, batch=5, progress=killed)
    assert 0 < len(FeatureStore(tmp_path, loaded[1])) == 5 * after < len(FeatureStore(cache, loaded[1]))
    told = []
    compute(*loaded, index, tmp_path, batch=5, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(index), len(index))
    assert contents(tmp_path) == contents(cache)


def test_a_kill_between_a_record_and_its_key(loaded, index, cache, tmp_path):
    """Bytes without a key do not exist; they are written over."""
    for path in cache.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    keys = tmp_path / "keys.bin"
    keys.write_bytes(keys.read_bytes()[: 7 * 32 + 5])
    with (tmp_path / "features-00000.bin").open("ab") as file:
        file.write(b"torn")
    assert len(FeatureStore(tmp_path, loaded[1])) == 7
    compute(*loaded, index, tmp_path, batch=5)
    names = ("cache.json", "keys.bin")
    assert [contents(tmp_path)[n] for n in names] == [contents(cache)[n] for n in names]
    rows = RowDataset(index)
    one, other = FeatureStore(tmp_path, loaded[1]), FeatureStore(cache, loaded[1])
    for i in range(len(index)):
        torch.testing.assert_close(one.of(rows[i]), other.of(rows[i]), rtol=2**-7, atol=1e-3)


def test_a_picture_that_cannot_be_read_ends_the_run(loaded, dataset, tmp_path, monkeypatch):
    monkeypatch.setattr("PIL.Image.open", lambda file: (_ for _ in ()).throw(OSError("truncated")))
    with pytest.raises(EarthMarkerError, match=r"cannot be decoded \(truncated\)"):
        compute(*loaded, RowIndex.read(dataset), tmp_path)


class TestStale:
    """A cache of something else is refused, whoever asks."""

    def test_other_weights(self, loaded, index, cache):
        model = copy.deepcopy(loaded[0])
        with torch.no_grad():
            next(model.model.mov.parameters()).view(-1)[0] += 1e-3
        with pytest.raises(StaleCacheError, match="fingerprint"):
            compute(model, loaded[1], index, cache)

    def test_other_arrangement_of_the_same_weights(self, loaded, index, cache):
        model = copy.deepcopy(loaded[0])
        model.config.streams = [model.config.streams[0], {**model.config.streams[1], "size": 42}]
        with pytest.raises(StaleCacheError, match="fingerprint"):
            compute(model, loaded[1], index, cache)

    def test_other_canvas(self, loaded, index, cache):
        processor = copy.deepcopy(loaded[1])
        processor.image_processor.size = {"height": 64, "width": 64}
        with pytest.raises(StaleCacheError, match="canvas 128, now 64"):
            compute(loaded[0], processor, index, cache)

    def test_other_preprocessing(self, loaded, index, cache, monkeypatch):
        monkeypatch.setattr(store, "PREPROCESSING", 99)
        with pytest.raises(StaleCacheError, match=r"preprocessing \d, now 99.*in another folder"):
            compute(*loaded, index, cache)

    def test_nothing_is_written_then(self, loaded, index, cache, monkeypatch):
        before = contents(cache)
        monkeypatch.setattr(store, "PREPROCESSING", 99)
        with pytest.raises(StaleCacheError):
            compute(*loaded, index, cache)
        assert contents(cache) == before

    def test_a_model_without_encoders_knows_its_cache(self, tiny_folder, loaded, cache):
        from earthmarker.training.store import load

        model, processor = load(tiny_folder, load_mov=False)
        kept = FeatureStore(cache, processor)
        kept.check(model.config.mov_fingerprint)
        with pytest.raises(StaleCacheError):
            kept.check(None)
