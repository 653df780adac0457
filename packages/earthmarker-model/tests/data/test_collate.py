"""Batches: padding, truncation, and what a worker process makes of them."""

from dataclasses import replace

import pytest
import torch
from torch.utils.data import DataLoader

from earthmarker.data import Collator, RowDataset, RowIndex
from earthmarker.data.collate import pad
from earthmarker.data.encode import IGNORED, encode
from earthmarker.errors import EarthMarkerError


@pytest.fixture(scope="module")
def rows(dataset):
    return RowDataset(RowIndex.read(dataset))


def test_a_batch_is_its_rows_padded_on_the_right(rows, processor):
    some = [rows[i] for i in (0, 25, 40)]
    batch = Collator(processor)(some)
    assert batch["pixel_values"].shape[0] == 6
    pad_id = processor.tokenizer.pad_token_id
    longest = 0
    for i, row in enumerate(some):
        ids, labels = encode(processor, row.messages)
        n, longest = len(ids), max(longest, len(ids))
        assert batch["input_ids"][i, :n].tolist() == ids.tolist()
        assert batch["labels"][i, :n].tolist() == labels.tolist()
        assert (batch["input_ids"][i, n:] == pad_id).all()
        assert (batch["labels"][i, n:] == IGNORED).all()
        assert batch["attention_mask"][i].tolist() == [1] * n + [0] * (batch["input_ids"].shape[1] - n)
    assert batch["input_ids"].shape[1] == longest


def test_padding_has_no_part_in_the_loss(rows, processor, tiny_folder):
    from earthmarker import EarthMarkerForConditionalGeneration

    model = EarthMarkerForConditionalGeneration.from_pretrained(tiny_folder)
    some = [rows[i] for i in (0, 25)]
    collate = Collator(processor)
    with torch.no_grad():
        whole = model(**collate(some)).loss
        alone = [(model(**collate([row])).loss, len(encode(processor, row.messages)[0])) for row in some]
    assert alone[0][1] != alone[1][1]
    counts = [(encode(processor, row.messages)[1] != IGNORED).sum() for row in some]
    expected = sum(float(loss) * n for (loss, _), n in zip(alone, counts, strict=True)) / sum(counts)
    assert float(whole) == pytest.approx(expected, rel=1e-5)


def test_a_long_row_loses_the_end_of_its_answer(rows, processor):
    row = replace(
        rows[0], messages=({"role": "user", "content": "?"}, {"role": "assistant", "content": "x" * 400})
    )
    ids, labels = encode(processor, row.messages)
    collate = Collator(processor, most=len(ids) - 100)
    batch = collate([row, rows[0]])
    assert collate.cut == 1
    assert batch["input_ids"].shape[1] == len(ids) - 100
    assert batch["labels"][0].tolist() == labels[:-100].tolist()
    assert (batch["input_ids"] == processor.image_token_id).sum() == 4 * processor.image_seq_length


def test_a_row_whose_answer_would_be_lost_whole_is_named(rows, processor):
    row = replace(rows[0], messages=({"role": "user", "content": "?" * 400}, rows[0].messages[1]))
    with pytest.raises(EarthMarkerError, match=rf"row {row.id}: .*raise data\.most"):
        Collator(processor, most=400)([row])


def test_no_length_is_allowed_that_cuts_images(processor):
    with pytest.raises(EarthMarkerError, match=r"data\.most = 38.*39"):
        Collator(processor, most=38)


@pytest.mark.parametrize("left", [False, True])
def test_padding_on_either_side(left):
    import numpy as np

    padded = pad([np.array([1, 2, 3]), np.array([4])], 0, left=left)
    assert padded.tolist() == [[1, 2, 3], [0, 0, 4] if left else [4, 0, 0]]
    assert padded.dtype == torch.int64


def test_worker_processes_make_the_same_batches(rows, processor):
    def batches(workers):
        loader = DataLoader(rows, batch_size=8, collate_fn=Collator(processor), num_workers=workers)
        return list(loader)

    here, there = batches(0), batches(2)
    assert len(here) == len(there) == 6
    for one, other in zip(here, there, strict=True):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)
