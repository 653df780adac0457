"""Shared provenance, as manifests state it."""

from __future__ import annotations

import pytest

from rsvp_builder.audit.provenance import Origin, SharedProvenance, origin_of, origins, shared_provenance

DOTA1 = Origin("DOTA-v1.0", "DOTA")
DOTA2 = Origin("DOTA-v2.0", "DOTA")
ISAID = Origin("iSAID", "iSAID", ("DOTA",))
SOTA = Origin("SAMRS-SOTA", "SAMRS", ("DOTA-v2.0",))
FAST = Origin("SAMRS-FAST", "SAMRS-FAST", ("fair1m",))
FAIR = Origin("FAIR1M", "FAIR1M")
AID = Origin("AID", "AID")


@pytest.mark.parametrize(
    ("audited", "known", "expected"),
    [
        ([ISAID, DOTA1], [], [("iSAID", "DOTA-v1.0", ("DOTA",))]),
        ([DOTA1, DOTA2], [], [("DOTA-v1.0", "DOTA-v2.0", ("DOTA",))]),
        ([ISAID, SOTA], [DOTA2], [("iSAID", "SAMRS-SOTA", ("DOTA",))]),
        ([FAST, FAIR], [], [("SAMRS-FAST", "FAIR1M", ("FAIR1M",))]),
        ([AID, ISAID, FAIR], [DOTA1], []),
        ([AID], [AID], []),
        ([], [], []),
    ],
)
def test_pairs_share_a_family_directly_or_through_another(audited, known, expected):
    assert shared_provenance(audited, known) == [SharedProvenance(*pair) for pair in expected]


def test_ancestors_are_followed_and_circles_end():
    a, b, c = Origin("A", "A", ("B",)), Origin("B", "B", ("C",)), Origin("C", "C", ("A",))
    grandchild = Origin("X", "X", ("A",))
    assert shared_provenance([grandchild, c], [a, b]) == [SharedProvenance("X", "C", ("A", "B", "C"))]


def test_an_unknown_ancestor_is_shared_by_its_name():
    one, other = Origin("P", "P", ("Google Earth 2012",)), Origin("Q", "Q", ("google earth 2012",))
    assert shared_provenance([one, other]) == [SharedProvenance("P", "Q", ("Google Earth 2012",))]


def test_manifests_are_read_from_the_saved_settings(tmp_path, write_data_set, make_row):
    rows = [make_row("iSAID/train", "train/a", b"A"), make_row("Mine/train", "train/a", b"A")]
    manifests = {"iSAID": {"built_on": ["DOTA"]}, "Mine": {"family": "My family"}}
    out = write_data_set(tmp_path / "out", rows, manifests=manifests)
    assert origins([out, out]) == [Origin("Mine", "My family"), ISAID]
    (out / "settings" / "Mine.json").unlink()
    assert origins([out])[0] == Origin("Mine", "Mine")
    assert origin_of({}, "S") == Origin("S", "S")
