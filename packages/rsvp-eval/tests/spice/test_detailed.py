"""Files that SPICE wrote: read as they are, and refused where they do not agree with themselves."""

import copy

import pytest

from rsvp_eval.errors import EvalError
from rsvp_eval.metrics.spice import detailed_scores, read_detailed


@pytest.fixture
def written(golden):
    return copy.deepcopy([sample["spice"] for sample in golden["samples"]])


def test_scores_are_those_of_the_file(written, write_json):
    scores = detailed_scores(read_detailed(write_json(written)))
    expected = [image["scores"]["All"]["f"] for image in written]
    assert scores.metrics == ("spice",)
    assert scores.samples[:, 0].tolist() == expected
    assert scores.values()["spice"] == pytest.approx(sum(expected) / len(expected), abs=1e-12)
    assert "imported" in scores.spec


def test_ids_decide_the_order(written, write_json):
    images = read_detailed(write_json(written))
    ids = [image.id for image in images]
    scores = detailed_scores(images, ids[::-1])
    assert scores.samples[:, 0].tolist() == detailed_scores(images).samples[::-1, 0].tolist()


def test_tuples_can_be_matched_anew(written, write_json, golden_synsets):
    assert len(read_detailed(write_json(written), golden_synsets)) == len(written)


def test_a_match_that_is_none_is_found(written, write_json, golden_synsets):
    image = next(i for i in written if i["scores"]["All"]["tp"] == 1 and i["scores"]["All"]["fp"] == 0)
    image["test_tuples"][0]["tuple"][0] = "quux"
    with pytest.raises(
        EvalError, match=rf"image {image['image_id']}: 0 test_tuples match ref_tuples.* say 1"
    ):
        read_detailed(write_json(written), golden_synsets)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda i: i["scores"]["All"].update(f=0.9999), "f of All is 0.9999, but .* follows from"),
        (lambda i: i["scores"]["All"].update(f=None), "f of All is None"),
        (lambda i: i["scores"]["All"].update(tp="4"), "expected whole numbers tp, fp and fn"),
        (lambda i: i["scores"].pop("All"), "expected scores of 'All'"),
        (lambda i: i.pop("ref_tuples"), "both test_tuples and ref_tuples"),
        (lambda i: i["test_tuples"][0].update(truth_value="yes"), "test_tuples: expected tuple"),
        (lambda i: i["ref_tuples"].pop(), r"but the scores say"),
        (lambda i: i.update(scores=None), "expected an object with image_id and scores"),
    ],
)
def test_an_image_that_does_not_agree_with_itself_is_named(written, write_json, change, message):
    change(written[3])
    with pytest.raises(EvalError, match=rf"spice\.json: image {written[3]['image_id']}: .*{message}"):
        read_detailed(write_json(written))


def test_a_file_without_tuples_is_taken_as_it_is(written, write_json, golden_synsets):
    for image in written:
        del image["test_tuples"], image["ref_tuples"]
    path = write_json(written)
    assert len(read_detailed(path)) == len(written)
    with pytest.raises(EvalError, match="run SPICE with -detailed"):
        read_detailed(path, golden_synsets)


def test_what_is_no_file_of_spice_is_refused(tmp_path, write_json):
    with pytest.raises(EvalError, match=r"none\.json: expected the JSON that SPICE writes"):
        read_detailed(tmp_path / "none.json")
    with pytest.raises(EvalError, match="expected a JSON array"):
        read_detailed(write_json({"image_id": 1}))
    with pytest.raises(EvalError, match="image number 1: expected an object"):
        read_detailed(write_json([4]))


def test_images_have_to_be_those_of_the_samples(written, write_json):
    images = read_detailed(write_json(written))
    ids = [image.id for image in images]
    with pytest.raises(EvalError, match="no scores of new and 1 more"):
        detailed_scores(images, [*ids, "new", "newer"])
    with pytest.raises(EvalError, match=f"not among the samples: {sorted(ids)[0]} and"):
        detailed_scores(images, [])
    with pytest.raises(EvalError, match=f"image {ids[0]} twice"):
        detailed_scores([images[0], *images])
