"""Answers of a data set: the same one by one, in batches, and after a kill."""

import json

import pytest
import torch

from earthmarker.data import RowDataset, RowIndex
from earthmarker.errors import EarthMarkerError
from earthmarker.features import FeatureStore, compute
from earthmarker.inference import Answerer, predict
from earthmarker.inference.predict import batches


def answers(path):
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len({line["id"] for line in lines}) == len(lines)
    return {line["id"]: line["prediction"] for line in lines}


@pytest.fixture(scope="module")
def undisturbed(loaded, index, tmp_path_factory):
    out = tmp_path_factory.mktemp("predict") / "predictions.jsonl"
    assert predict(Answerer(*loaded, longest=12), index, out, batch=7) == len(index)
    return out


def test_every_row_is_answered_once(undisturbed, index):
    found = answers(undisturbed)
    assert found.keys() == set(index.ids)
    # The test would be empty if all answers were the same, or all as long as they may be.
    assert len(set(found.values())) > len(index) // 2


def test_a_batch_answers_as_its_rows_one_by_one(undisturbed, answerer, index, tmp_path):
    predict(answerer, index, tmp_path / "one.jsonl", batch=1)
    assert answers(tmp_path / "one.jsonl") == answers(undisturbed)


def test_a_batch_is_of_different_lengths(index):
    lengths = [set(index.length[numbers].tolist()) for numbers in batches(index, 7)]
    assert max(map(len, lengths)) > 1


def test_again_gives_the_same_bytes_but_for_times(undisturbed, answerer, index, tmp_path):
    predict(answerer, index, tmp_path / "again.jsonl", batch=7)

    def timeless(path):
        return [{**json.loads(line), "latency_s": 0} for line in path.read_text().splitlines()]

    assert timeless(tmp_path / "again.jsonl") == timeless(undisturbed)


@pytest.mark.parametrize(
    "cut", [b"", b'{"id": "', b'{"id": "00", "prediction": "\xc3'], ids=["whole", "cut", "utf8"]
)
def test_a_run_that_was_killed_goes_on(undisturbed, answerer, index, tmp_path, cut):
    lines = undisturbed.read_bytes().splitlines(keepends=True)
    out = tmp_path / "predictions.jsonl"
    out.write_bytes(b"".join(lines[:10]) + cut)
    told = []
    answered = predict(answerer, index, out, batch=7, progress=lambda done, total: told.append((done, total)))
    assert answered == len(index) - 10
    assert told[-1] == (len(index), len(index))
    assert answers(out) == answers(undisturbed)
    assert out.read_bytes().splitlines(keepends=True)[:10] == lines[:10]


def test_what_is_answered_is_not_answered_again(undisturbed, answerer, index, tmp_path, monkeypatch):
    out = tmp_path / "predictions.jsonl"
    out.write_bytes(undisturbed.read_bytes())
    monkeypatch.setattr(Answerer, "__call__", lambda self, rows: pytest.fail("asked again"))
    assert predict(answerer, index, out, batch=7) == 0
    assert out.read_bytes() == undisturbed.read_bytes()


@pytest.mark.parametrize("line", ["nonsense", '{"prediction": "a"}', "[1]", "7"])
def test_a_file_of_something_else_is_left_alone(answerer, index, tmp_path, line):
    out = tmp_path / "notes.txt"
    out.write_text(f'{{"id": "1", "prediction": "a"}}\n{line}\n')
    with pytest.raises(EarthMarkerError, match=r"notes\.txt:2: not a line of predictions"):
        predict(answerer, index, out)
    assert out.read_text().endswith(f"{line}\n")


def test_the_lines_are_those_of_the_format(answerer, index, tmp_path):
    out = tmp_path / "new/folder/predictions.jsonl"
    predict(answerer, index, out, batch=50, name="tiny")
    for line in out.read_text().splitlines():
        entry = json.loads(line)
        assert entry.keys() == {"id", "prediction", "model", "latency_s"}
        assert entry["model"] == "tiny"
        assert entry["latency_s"] > 0


def test_a_cache_gives_the_answers_of_its_features(loaded, index, tmp_path):
    model, processor = loaded
    store = compute(model, processor, index, tmp_path / "cache")
    rows = [RowDataset(index)[i] for i in (0, 20, 40)]
    cached = Answerer(model, processor, store, longest=12)
    kept = FeatureStore(tmp_path / "cache", processor)
    features = torch.cat([kept.of(row) for row in rows])
    direct = Answerer(model, processor, longest=12).generate(
        [row.messages for row in rows], {"mov_features": features}
    )
    assert cached(rows) == direct
    # And the features are heard: with those of other rows the answers are others.
    swapped = Answerer(model, processor, longest=12).generate(
        [row.messages for row in rows], {"mov_features": features.roll(2, 0)}
    )
    assert swapped != direct


def test_out_of_memory_says_what_to_change(answerer, index, tmp_path, monkeypatch):
    def fail(self, rows):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Answerer, "__call__", fail)
    with pytest.raises(EarthMarkerError, match="answering 7 rows at a time: give a smaller --batch"):
        predict(answerer, index, tmp_path / "out.jsonl", batch=7)


def test_plans_of_batches_have_every_row_once(index):
    for batch in (1, 3, 64):
        plan = batches(index, batch)
        assert sorted(i for numbers in plan for i in numbers) == list(range(len(index)))
        assert max(len(numbers) for numbers in plan) <= batch


def test_rows_may_be_of_several_data_sets(dataset, answerer, tmp_path):
    part = RowIndex.read([dataset], tasks=["scene_classification"])
    assert predict(answerer, part, tmp_path / "out.jsonl") == len(part)
