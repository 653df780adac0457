"""Accuracy under each rule, and the confusion matrix, which must agree with it."""

from __future__ import annotations

from difflib import SequenceMatcher

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsvp_eval.errors import EvalError, UnknownNameError, UsageError
from rsvp_eval.metrics.accuracy import AccuracyScorer, accuracy
from rsvp_eval.metrics.confusion import confusion
from rsvp_eval.metrics.normalizations import lhrs

PROPERTY = settings(deadline=None, derandomize=True, max_examples=100)
CLASSES = ("StorageTanks", "BareLand", "Port", "River")
ANSWERS = st.sampled_from(["storage tanks", "Bare Land.", "port", "sea", "", "riverport"]) | st.none()
SAMPLES = st.lists(st.tuples(ANSWERS, st.sampled_from(CLASSES)), max_size=20)


@pytest.mark.parametrize(
    ("normalization", "answer", "target", "right"),
    [
        ("geochat", "Storage Tanks.", "StorageTanks", True),
        ("geochat", "storagetanks", "storage tanks", True),
        ("geochat", " port\n", "Port", True),
        ("geochat", "storage-tanks", "StorageTanks", False),
        ("geochat", "port, river", "port", False),
        ("geochat", "<Region 1>: port", "port", False),
        ("geochat", "", "", False),
        ("earthmarker", "<Region 1>: Storage-tanks!", "storage_tanks", True),
        ("earthmarker", "Port", "port.", True),
        ("earthmarker", "a port", "port", False),
        ("earthmarker", "...", "?", False),
    ],
)
def test_rules(normalization, answer, target, right):
    assert accuracy([answer], [target], normalization=normalization).values() == {"accuracy": float(right)}


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ("port", "port"),
        ("river port", "river"),
        ("This is bare land", "bareland"),
        ("storage", "storagetanks"),
        ("xyz", ""),
        ("", ""),
    ],
)
def test_lhrs_takes_the_class_with_the_longest_run_of_letters(answer, named):
    assert lhrs(CLASSES).answer(answer) == named


@PROPERTY
@given(st.text("abc ", max_size=8), st.lists(st.text("abc", min_size=1, max_size=5), min_size=1, max_size=4))
def test_lhrs_agrees_with_the_longest_match_of_difflib(answer, classes):
    def run(name):
        matcher = SequenceMatcher(None, answer.strip(), name)
        return matcher.find_longest_match(0, len(answer.strip()), 0, len(name)).size

    best = max(run(name) for name in classes)
    expected = next(name for name in classes if run(name) == best) if best else ""
    if answer.strip() in classes:
        expected = answer.strip()
    assert lhrs(classes).answer(answer) == expected


def test_a_missing_answer_is_wrong_and_any_target_will_do():
    scores = accuracy([None, "port", "sea"], ["Port", ["River", "Port"], "Port"])
    assert scores.samples[:, 0].tolist() == [0.0, 1.0, 0.0]
    assert scores.spec == "accuracy normalization=geochat missing=zero"


def test_unknown_rules_and_a_missing_class_list():
    with pytest.raises(UnknownNameError, match="earthmarker"):
        accuracy(["a"], ["a"], normalization="earthmaker")
    with pytest.raises(UsageError, match="class list"):
        accuracy(["a"], ["a"], normalization="lhrs")


@PROPERTY
@given(SAMPLES, SAMPLES, st.sampled_from(["geochat", "earthmarker", "lhrs"]))
def test_parts_merge_into_the_whole(first, second, name):
    one = AccuracyScorer(normalization=name, classes=CLASSES)
    other = AccuracyScorer(normalization=name, classes=CLASSES)
    matrices = []
    for scorer, part in ((one, first), (other, second)):
        predictions, targets = [p for p, _ in part], [t for _, t in part]
        scorer.update(predictions, targets)
        matrices.append(confusion(predictions, targets, CLASSES, normalization=name))
    one.merge(other)
    both = [*first, *second]
    predictions, targets = [p for p, _ in both], [t for _, t in both]
    whole = confusion(predictions, targets, CLASSES, normalization=name)
    np.testing.assert_array_equal((matrices[0] + matrices[1]).matrix, whole.matrix)
    if both:
        assert one.compute()["accuracy"] == pytest.approx(whole.accuracy, abs=1e-12)
        alone = accuracy(predictions, targets, normalization=name, classes=CLASSES)
        np.testing.assert_array_equal(one.score().samples, alone.samples)
    else:
        assert np.isnan(whole.accuracy)


def test_confusion_by_hand():
    predictions = ["storage tanks", "port", None, "sea", "Bare land", "bareland"]
    targets = ["StorageTanks", "StorageTanks", "Port", "Port", "BareLand", "Port"]
    found = confusion(predictions, targets, CLASSES)
    assert found.matrix.tolist() == [[1, 0, 1, 0, 0], [0, 1, 0, 0, 0], [0, 1, 0, 0, 2], [0, 0, 0, 0, 0]]
    assert found.missing.tolist() == [0, 0, 1, 0]
    assert found.support.tolist() == [2, 1, 3, 0]
    assert found.predicted.tolist() == [1, 2, 1, 0]
    assert found.precision.tolist() == [1.0, 0.5, 0.0, 0.0]
    assert found.recall.tolist() == [0.5, 1.0, 0.0, 0.0]
    assert found.f1 == pytest.approx([2 / 3, 2 / 3, 0.0, 0.0])
    assert found.accuracy == pytest.approx(2 / 6)
    assert (found.macro_precision, found.macro_recall, found.macro_f1) == pytest.approx((0.5, 0.5, 4 / 9))


@PROPERTY
@given(SAMPLES.filter(bool))
def test_confusion_agrees_with_scikit_learn(samples):
    metrics = pytest.importorskip("sklearn.metrics")
    names = [*(name.lower() for name in CLASSES), "other"]

    def named(answer):
        text = (answer or "").replace(" ", "").replace(".", "").lower()
        return text if text in names else "other"

    true, predicted = [t.lower() for _, t in samples], [named(p) for p, _ in samples]
    found = confusion([p for p, _ in samples], [t for _, t in samples], CLASSES)
    np.testing.assert_array_equal(found.matrix, metrics.confusion_matrix(true, predicted, labels=names)[:-1])
    each = metrics.precision_recall_fscore_support(true, predicted, labels=names[:-1], zero_division=0)
    for ours, theirs in zip((found.precision, found.recall, found.f1, found.support), each, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)
    present = sorted(set(true))
    macro = metrics.precision_recall_fscore_support(
        true, predicted, labels=present, average="macro", zero_division=0
    )
    assert (found.macro_precision, found.macro_recall, found.macro_f1) == pytest.approx(macro[:3], abs=1e-12)


def test_bad_classes_are_told():
    with pytest.raises(EvalError, match="'Lake' is none of the 4 classes"):
        confusion(["lake"], ["Lake"], CLASSES)
    with pytest.raises(UsageError, match="'bare land' and 'BareLand' are one"):
        confusion([], [], ["bare land", "BareLand"])
    with pytest.raises(UsageError, match="empty under"):
        confusion([], [], ["."])
