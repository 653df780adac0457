"""Statistics of captioning, against counting the store's results one by one."""

from __future__ import annotations

from collections import Counter

import pytest

from rsvp_builder.captioning.report import statistics
from rsvp_builder.captioning.store import Store
from rsvp_builder.dataset.layout import Folder
from rsvp_builder.errors import RsvpError


@pytest.fixture
def mixed(out, caption):
    """Answers of every kind: taken at once, at the second ask, never; and two verdicts."""
    honest = caption.__globals__["honest"]

    def reply(body, claimed):
        if claimed.task == "relationship_analysis":
            return honest.completion(body, "no JSON")
        if claimed.task == "grounded_caption" and claimed.attempt == 1 and claimed.source == "DIOR-RSVG":
            return honest.completion(body, "no JSON")
        return honest.completion(body)

    caption(out, reply=reply, tasks=("relationship_analysis", "grounded_caption"))
    caption(out, most=3, tasks=("detailed_caption",))
    with Store(Folder(out).store) as store:
        keys = [result.key for result in store.results("done")]
        store.verdict(keys[0], "accept")
        store.verdict(keys[1], "reject", "no")
    return out


def test_every_table_counts_what_is_in_the_store(mixed):
    found = statistics(mixed)
    with Store(Folder(mixed).store, read_only=True) as store:
        results = [r for state in ("planned", "done", "rejected") for r in store.results(state)]
        spent = store.spent()
    assert found["requests"] == {"planned": 12, "sent": 0, "done": 18, "rejected": 9, "failed": 0}
    by_state = {(row["source"], row["task"]): row for row in found["rows"]}
    for (source, task), row in by_state.items():
        own = Counter(str(r.state) for r in results if (r.source, r.task) == (source, task))
        assert {state: row[state] for state in own} == dict(own)
    assert sum(row["accepted_by_people"] for row in found["rows"]) == 1
    assert sum(row["rejected_by_people"] for row in found["rows"]) == 1
    assert {(a["task"], a["asks"]): a["requests"] for a in found["asks"]} == {
        ("relationship_analysis", 2): 9,
        ("grounded_caption", 1): 7,
        ("grounded_caption", 2): 8,
        ("detailed_caption", 1): 3,
    }
    assert found["faults"] == {"malformed": 9 * 2 + 8}
    assert found["rejected_for"] == [{"task": "relationship_analysis", "fault": "malformed", "rows": 9}]
    assert found["spending"]["usd"] == spent.usd > 0
    assert sum(model["usd"] for model in found["models"]) == pytest.approx(spent.usd)
    lengths = sorted(len(r.text.split()) for r in results if r.text and r.task == "grounded_caption")
    [told] = [row for row in found["answer_words"] if row["task"] == "grounded_caption"]
    assert (told["answers"], told["min"], told["max"]) == (15, lengths[0], lengths[-1])
    assert told["median"] == lengths[7]  # the first that has half of fifteen up to it
    assert found["lost"] == 0
    assert found["batches"] == []


def test_without_a_store_it_says_how_to_get_one(built):
    with pytest.raises(RsvpError, match="rsvp-build caption"):
        statistics(built)
