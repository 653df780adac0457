"""The planning pass: what it notes, what it does not draw twice, what it leaves out."""

from __future__ import annotations

import io
import json
from hashlib import sha256

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from rsvp_builder.captioning import planning as module
from rsvp_builder.captioning.draft import Asking
from rsvp_builder.captioning.drawing import DrawingSettings
from rsvp_builder.captioning.dry_run import estimate
from rsvp_builder.captioning.planning import Planning, drafts, entry_of
from rsvp_builder.captioning.prices import price_of, worst_usd
from rsvp_builder.captioning.request import ModelSettings
from rsvp_builder.captioning.select import Selection, waiting
from rsvp_builder.captioning.shelf import Shelf
from rsvp_builder.captioning.store import Store
from rsvp_builder.captioning.tokens import image_tokens
from rsvp_builder.dataset.layout import Folder


@pytest.fixture
def plan(pool):
    def run(out, asking, **chosen):
        planning = Planning()
        found = list(drafts(out, waiting(out, Selection(**chosen)), asking, pool, 4, planning))
        return found, planning

    return run


def test_every_row_gets_a_draft_once_and_a_second_pass_draws_nothing(out, plan, asking, monkeypatch):
    first, planning = plan(out, asking)
    assert (planning.rows, planning.drawn, planning.unusable) == (24, 24, 0)
    assert [each.place for each in first] == list(waiting(out, Selection()))
    assert len({each.draft.key for each in first}) == 24
    shelf = Shelf(out)
    for place, draft in first:
        row = shelf.row(place)
        assert draft.drawing["shown"] == [mark["index"] for mark in row["marks"]]
        assert draft.prompt_version.startswith(f"{place.task}/")

    def drawn_again(*_):
        raise AssertionError("a row was drawn a second time")

    monkeypatch.setattr(module, "draft", drawn_again)
    second, planning = plan(out, asking)
    assert second == first
    assert planning.drawn == 0


def test_a_pass_that_was_killed_in_a_line_draws_that_row_again(out, plan, asking):
    first, _ = plan(out, asking)
    for path in Folder(out).drafts.glob("*.jsonl"):
        path.write_bytes(path.read_bytes()[:-40])
    files = len(list(Folder(out).drafts.glob("*.jsonl")))
    second, planning = plan(out, asking)
    assert second == first
    assert planning.drawn == files
    assert plan(out, asking)[1].drawn == 0


@pytest.mark.parametrize(
    "other",
    [
        Asking(model=ModelSettings(model="gpt-4.1")),
        Asking(model=ModelSettings(model="gpt-4o", temperature=0.3)),
        Asking(model=ModelSettings(model="gpt-4o"), drawing=DrawingSettings(numbers=False)),
    ],
)
def test_another_way_of_asking_has_other_keys(out, plan, asking, other):
    first, _ = plan(out, asking)
    second, planning = plan(out, other)
    assert planning.drawn == 24
    assert not {each.draft.key for each in first} & {each.draft.key for each in second}


def test_a_shard_that_changed_is_drawn_anew(out, plan, asking):
    plan(out, asking)
    [shard] = (out / "planned/NWPU-VHR-10").glob("*.parquet")
    shard.touch()
    assert plan(out, asking)[1].drawn == 14


def test_a_picture_that_cannot_be_decoded_costs_its_rows_only(out, plan, asking):
    path = out / "data/NWPU-VHR-10/train-00000-of-00001.parquet"
    rows = pq.read_table(path).to_pylist()
    broken = rows[0]["image"]["bytes"]
    told = {row["image_id"] for row in rows if row["image"]["bytes"] == broken}
    for row in rows:
        if row["image"]["bytes"] == broken:
            row["image"]["bytes"] = b"no picture at all"
    pq.write_table(pa.Table.from_pylist(rows, schema=pq.read_schema(path)), path)
    found, planning = plan(out, asking)
    shelf = Shelf(out)
    hit = [place for place in waiting(out, Selection()) if shelf.row(place)["image_id"] in told]
    assert planning.unusable == len(hit) > 0
    assert {each.place for each in found} == set(waiting(out, Selection())) - set(hit)
    assert len(planning.problems) == len(hit)


def test_entries_carry_what_the_store_needs(out, plan, asking):
    price = price_of("gpt-4o")
    found, _ = plan(out, asking)
    shelf = Shelf(out)
    for each in found:
        entry = entry_of(each, asking, price)
        width, height = Image.open(io.BytesIO(shelf.subject(each.place).picture)).size
        pictures = sum(image_tokens(w, h, "high", price.image_rule) for w, h in entry.images)
        assert entry.images[0][0] / entry.images[0][1] == pytest.approx(width / height, rel=0.02)
        assert entry.input_tokens > pictures + 300  # the system's text alone is longer
        assert entry.worst_usd == worst_usd(price, entry.input_tokens, 1024, batch=False)
        assert ModelSettings(model=entry.model, **entry.parameters) == asking.model
        assert DrawingSettings(**entry.drawing["settings"]) == asking.drawing
        json.dumps(entry.drawing)


def test_an_estimate_counts_only_what_is_still_to_be_paid(out, plan, caption, asking):
    price = price_of("gpt-4o")
    everything, _ = plan(out, asking)
    before = estimate(out, everything, asking, price)
    assert (before.rows, before.requests, before.answered) == (24, 24, 0)
    entries = [entry_of(each, asking, price) for each in everything]
    assert before.input_tokens == sum(entry.input_tokens for entry in entries)
    assert before.worst_usd == pytest.approx(sum(entry.worst_usd for entry in entries))
    assert before.worst_batch_usd == pytest.approx(before.worst_usd / 2)
    assert 0 < before.batch_usd < before.online_usd < before.worst_usd
    assert before.output_tokens < before.most_output_tokens == 24 * 1024
    caption(out, tasks=("grounded_caption",))
    after = estimate(out, everything, asking, price)
    assert (after.requests, after.answered) == (9, 15)
    left = [entry for entry in entries if entry.task == "relationship_analysis"]
    assert after.input_tokens == sum(entry.input_tokens for entry in left)
    assert set(after.by_task) == {
        ("DIOR-RSVG", "relationship_analysis"),
        ("NWPU-VHR-10", "relationship_analysis"),
    }


def test_planning_again_adds_nothing_and_keeps_answers(answered, plan, asking):
    entries = [entry_of(each, asking, price_of("gpt-4o")) for each in plan(answered, asking)[0]]
    with Store(Folder(answered).store) as store:
        assert store.add(entries) == 0
        assert store.counts()["done"] == 39
        assert store.planned(only_added=True).requests == 0


def test_a_key_is_a_hash_of_the_picture_that_the_row_shows(out, plan, asking):
    """The same marks on another picture are another request."""
    found, _ = plan(out, asking, tasks=("grounded_caption",), sources=("NWPU-VHR-10",))
    shelf = Shelf(out)
    pictures = {each.draft.key: sha256(shelf.subject(each.place).picture).hexdigest() for each in found}
    path = out / "data/NWPU-VHR-10/train-00000-of-00001.parquet"
    rows = pq.read_table(path).to_pylist()
    for row in rows:
        image = Image.open(io.BytesIO(row["image"]["bytes"]))
        image.putpixel((0, 0), (1, 2, 3))
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        row["image"]["bytes"] = buffer.getvalue()
    pq.write_table(pa.Table.from_pylist(rows, schema=pq.read_schema(path)), path)
    again, _ = plan(out, asking, tasks=("grounded_caption",), sources=("NWPU-VHR-10",))
    assert len(again) == len(found)
    assert not set(pictures) & {each.draft.key for each in again}
