"""The ledger's law and its way through JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvp_builder.errors import ExitCode, StrictError, UnbalancedLedgerError
from rsvp_builder.ledger import BY_DESIGN, QUARANTINE, Counts, Drop, Drops, Reason

NUMBERS = st.integers(0, 10**12)
BY_REASON = st.dictionaries(st.sampled_from([r.value for r in Reason]), st.integers(1, 10**9))


@st.composite
def balanced(draw):
    counts = Counts(
        images_written=draw(NUMBERS), objects_written=draw(NUMBERS), rows=draw(NUMBERS), marks=draw(NUMBERS)
    )
    counts.images_dropped.update(draw(BY_REASON))
    counts.objects_dropped.update(draw(BY_REASON))
    counts.images_seen = counts.images_written + counts.images_dropped.total()
    counts.objects_seen = counts.objects_written + counts.objects_dropped.total()
    return counts


def drop(reason=Reason.MALFORMED_LINE, kind="object", line: int | None = 7, value="1 2 plane"):
    return Drop(kind, reason, "train/P0001", "train/labelTxt/P0001.txt", line, value, "10 fields")


@given(balanced(), balanced())
def test_balanced_accounts_balance_and_so_does_their_sum(one, two):
    one.check("one")
    two.check("two")
    expected = {
        "images_seen": one.images_seen + two.images_seen,
        "rows": one.rows + two.rows,
        "marks": one.marks + two.marks,
        "objects_dropped": one.objects_dropped + two.objects_dropped,
        "images_dropped": one.images_dropped + two.images_dropped,
    }
    one.add(two)
    one.check("sum")
    assert {name: getattr(one, name) for name in expected} == expected


@pytest.mark.parametrize("field", ["images_seen", "images_written", "objects_seen", "objects_written"])
@given(balanced(), st.sampled_from([-1, 1]))
def test_one_too_many_or_too_few_breaks_the_law(field, counts, change):
    setattr(counts, field, getattr(counts, field) + change)
    kind = field.partition("_")[0]
    with pytest.raises(
        UnbalancedLedgerError, match=rf"^unit 3: the ledger does not balance: -?\d+ {kind} seen"
    ):
        counts.check("unit 3")


@pytest.mark.parametrize("kind", ["image", "object"])
def test_a_drop_that_is_not_seen_breaks_the_law(kind):
    counts = Counts()
    counts.drop([drop(kind=kind)])
    with pytest.raises(UnbalancedLedgerError):
        counts.check("unit")


def test_an_unbalanced_ledger_has_an_exit_code_of_its_own():
    assert UnbalancedLedgerError.exit_code == ExitCode.UNBALANCED != ExitCode.USER_ERROR


@given(balanced())
def test_counts_survive_json(counts):
    again = Counts.from_json(json.loads(json.dumps(counts.to_json())))
    assert again == counts
    again.add(Counts(images_seen=1, images_written=1))  # the counters are counters again
    again.objects_dropped["degenerate"] += 1
    assert again != counts


def test_drops_are_counted_by_kind_and_reason_and_metadata_by_none():
    counts = Counts()
    counts.drop(
        [
            drop(Reason.DEGENERATE),
            drop(Reason.DEGENERATE),
            drop(Reason.NO_OBJECTS, "image", None),
            drop(Reason.MALFORMED_LINE, "metadata"),
        ]
    )
    assert counts.objects_dropped == {"degenerate": 2}
    assert counts.images_dropped == {"no_objects": 1}


def test_adding_leaves_the_other_account_alone():
    one, two = Counts(), Counts(rows=2)
    two.drop([drop()])
    one.add(two)
    one.add(two)
    assert one.rows == 4
    assert one.objects_dropped == {"malformed_line": 2}
    assert two.objects_dropped == {"malformed_line": 1}


def test_quarantined_are_images_with_an_unreadable_file():
    counts = Counts()
    counts.drop(drop(reason, "image", None) for reason in Reason)
    counts.drop(drop(reason, "object") for reason in Reason)
    assert counts.quarantined == len(QUARANTINE) == 2
    assert counts.summary()["quarantined"] == 2


def test_the_summary_accounts_for_everything_with_reasons_sorted():
    counts = Counts(images_seen=3, images_written=1, objects_seen=5, objects_written=5, rows=4, marks=9)
    counts.drop([drop(reason, "image") for reason in (Reason.NO_OBJECTS, Reason.IMAGE_MISSING)])
    summary = counts.summary()
    assert summary == {
        "images": {"seen": 3, "written": 1, "dropped": {"image_missing": 1, "no_objects": 1}},
        "objects": {"seen": 5, "written": 5, "dropped": {}},
        "rows": {"written": 4},
        "marks": {"written": 9},
        "quarantined": 0,
    }
    assert list(summary["images"]["dropped"]) == ["image_missing", "no_objects"]
    assert json.loads(json.dumps(summary)) == summary


@pytest.mark.parametrize("reason", sorted(set(Reason) - BY_DESIGN))
def test_strict_stops_at_what_is_a_defect(reason):
    drops = Drops(strict=True)
    with pytest.raises(StrictError, match=rf"^--strict: train/labelTxt/P0001\.txt:7: {reason}") as caught:
        drops.add(drop(reason))
    assert caught.value.exit_code == ExitCode.QUARANTINED
    assert drops.entries == []


@pytest.mark.parametrize("reason", sorted(BY_DESIGN))
def test_strict_passes_what_follows_from_settings_or_release(reason):
    drops = Drops(strict=True)
    drops.add(drop(reason))
    assert [entry.reason for entry in drops.entries] == [reason]


@pytest.mark.parametrize("reason", list(Reason))
def test_without_strict_every_drop_is_collected(reason):
    drops = Drops()
    drops.add(drop(reason))
    assert len(drops.entries) == 1


def test_a_drop_reads_as_file_line_reason_value_and_expectation():
    assert str(drop()) == "train/labelTxt/P0001.txt:7: malformed_line: read '1 2 plane', expected 10 fields"
    assert str(drop(line=None, value="")) == "train/labelTxt/P0001.txt: malformed_line: expected 10 fields"


def test_control_characters_in_names_and_values_do_not_reach_the_terminal():
    drop = Drop("image", Reason.IMAGE_MISSING, "train/x", "a\x1b[2Jb\n.png", None, "\x1b[31m", "an image")
    assert str(drop).isprintable()
