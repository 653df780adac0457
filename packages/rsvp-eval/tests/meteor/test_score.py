"""METEOR against pycocoevalcap's, which runs the jar."""

import json
import random
import shutil
import zipfile

import numpy as np
import pytest

from rsvp_eval.captions import Captions
from rsvp_eval.errors import UnavailableError
from rsvp_eval.metrics.meteor import MeteorScorer, meteor, missing, resources
from rsvp_eval.metrics.meteor.normalize import normalize
from rsvp_eval.metrics.meteor.scorer import score
from rsvp_eval.metrics.meteor.statistics import NAMES, combine
from rsvp_eval.tokenizer import ptb

EDGES = [
    ("", ["a b"]),
    ("a b", [""]),
    ("", [""]),
    ("   ", [" ", "a"]),
    (". , !", [". , !", "a"]),
    (". . .", ["a ."]),
    ("a b", ["a b", "a b c"]),
    ("a", ["b", "c", "a d"]),
    # Which of several references are as good does not show in the value, so it must in the statistics.
    ("a cat", ["dog", "dog dog", "x"]),
    ("the tree", ["the road", "a tree", "the tree", "the tree"]),
    ("a ||| b", ["a b"]),
    ("a|||b |||||| c ||||", ["a b c"]),
    ("a", ["x ||| a", "b"]),
    ("a", ["x|||a|||", "|||", "||||"]),
    ("a ,  ,b  c", ["a ,  ,b  c", "a , ,b c"]),
    ("a  ,  ,  b", ["a , , b"]),
    ("the\ttree\u00a0near  a road", ["the tree near\u3000a road"]),
    ("a rectangle-shaped u.s. house 's roof", ["a u.s. rectangle shaped house's roof"]),
    ("mr. smith is n't here .", ["mr smith isn't here."]),
    ("caf\u00e9 \u00e9t\u00e9", ["cafe\u0301 \u00e9t\u00e9"]),
    ("\u4e00\u4e8c \u2708 \U0001f6a2 ship", ["\u4e00 \u4e8c \u2708\ufe0f \U0001f6a2 ship"]),
    # Words are compared by their hash in Java only: these have the same.
    ("dogs of dog", ["dk\u00e3s of dk\u00e3"]),
    ("td\u00e1 dog house", ["the dk\u00e3 house"]),
    ("dk\u00e3", ["of dogs", "chien"]),
    ("heel", ["dk\u00e3", "dog"]),
    ("the the the the", ["the the"]),
    ("a a a a a a b", ["b a a a"]),
    ("of near front of of are are near", ["of walks front of of are are close"]),
    (" ".join(["car"] * 70), [" ".join(["cars", "car"] * 35)]),
    (" ".join(f"w{i % 37}" for i in range(400)), [" ".join(f"w{i % 41}" for i in range(300))]),
]

PLACES = ["next to", "near", "in front of", "on both sides of", "surrounded by", "close to", "along"]
ADJECTIVES = [
    "large",
    "big",
    "small",
    "green",
    "many",
    "several",
    "dense",
    "some",
    "rectangle-shaped",
    "white",
    "curved",
]
NOUNS = [
    "building",
    "buildings",
    "house",
    "houses",
    "road",
    "street",
    "trees",
    "tree",
    "plane",
    "aircraft",
    "ships",
    "harbor",
    "court",
]
VERBS = ["are", "is", "lie", "lies", "can be seen", "are parked", "is located", "stand", "were built"]


@pytest.fixture(scope="module")
def data():
    try:
        return resources.load()
    except UnavailableError as e:
        pytest.skip(str(e))


@pytest.fixture(scope="module")
def reference():
    """pycocoevalcap's METEOR, one session for all tests."""
    if shutil.which("java") is None:
        pytest.skip("no java to run METEOR's jar with")
    module = pytest.importorskip("pycocoevalcap.meteor.meteor")
    with pytest.MonkeyPatch.context() as patch:
        # A locale with a decimal comma makes the jar fail.
        patch.setenv("JAVA_TOOL_OPTIONS", "-Duser.language=en -Duser.country=US -XX:+UseSerialGC")
        patch.setenv("LC_ALL", "C.UTF-8")
        session = module.Meteor()
    yield session
    session.meteor_p.stdout.close()
    session.meteor_p.stderr.close()


def template(rng):
    def place():
        return f"{rng.choice(['a', 'the', 'some'])} {rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}"

    text = f"{place()} {rng.choice(VERBS)} {rng.choice(PLACES)} {place()}"
    if rng.random() < 0.5:
        text += f" and {rng.choice(NOUNS)} {rng.choice(PLACES)} {place()}"
    words = text.split()
    if rng.random() < 0.3:
        words.insert(rng.randrange(len(words)), rng.choice(words))
    if rng.random() < 0.3:
        at = rng.randrange(len(words))
        words[at] = words[at][: rng.randrange(len(words[at]) + 1)] + rng.choice(["", "s", "ed", "ing", "x"])
    return " ".join(words)


def templates(count, seed):
    rng = random.Random(seed)
    return [(template(rng), [template(rng) for _ in range(rng.randint(1, 5))]) for _ in range(count)]


def repeated(count, seed, paraphrases):
    """Pairs of few words many times, the one made of the other by moving, dropping and paraphrasing."""
    rng = random.Random(seed)
    vocabulary = sorted(
        {w for text in (*PLACES, *ADJECTIVES, *NOUNS, *VERBS, "a the of and , .") for w in text.split()}
    )
    samples = []
    for _ in range(count):
        few = rng.sample(vocabulary, rng.choice([2, 3, 4, 6, 10, 20]))
        words = rng.choices(few, k=rng.choice([1, 2, 3, 5, 8, 12, 20, 30]))
        other = list(words)
        for _ in range(rng.randint(0, 4)):
            kind, at = rng.randrange(4), rng.randrange(len(other) + 1)
            if kind == 0:
                other.insert(at, rng.choice(few))
            elif kind == 1:
                del other[at : at + 1]
            elif kind == 2:
                other = other[at:] + other[:at]
            elif found := paraphrases.find(other):
                first, length, phrases = rng.choice(found)
                other[first : first + length] = rng.choice(phrases).split(" ")
        pair = [" ".join(words), " ".join(other)]
        rng.shuffle(pair)
        samples.append((pair[0], pair[1:]))
    return samples


@pytest.fixture(scope="module")
def leave_one_out():
    """Images of COCO 2014 val: the first caption beside the others, tokenised, from inside SPICE's jar."""
    jar = resources.locate().jar.parent.parent / "spice" / "spice-1.0.jar"
    if not jar.is_file():
        pytest.skip(f"no captions: {jar} is not there")
    with zipfile.ZipFile(jar) as archive:
        annotations = json.loads(archive.read("coco/annotations/captions_val2014.json"))["annotations"]
    images = {}
    for annotation in annotations:
        images.setdefault(annotation["image_id"], []).append(" ".join(annotation["caption"].lower().split()))

    def take(count, seed):
        chosen = random.Random(seed).sample(sorted(images), count)
        return [(images[i][0], images[i][1:]) for i in chosen]

    return take


def scored(samples, data, **options):
    captions = Captions(None)
    captions.update([p for p, _ in samples], [r for _, r in samples])
    return score(captions, data, **options)


def asked(reference, samples):
    """The 23 statistics of each sample, their values, and the value of the set."""
    statistics = [reference._stat(p, r) for p, r in samples]
    value, values = reference.compute_score(
        {i: r for i, (_, r) in enumerate(samples)}, {i: [p] for i, (p, _) in enumerate(samples)}
    )
    return np.array([list(map(float, line.split())) for line in statistics]), np.array(values), value


def assert_equal(found, expected, samples):
    statistics, values, value = expected
    assert statistics.shape == (len(samples), len(NAMES))
    for i in np.flatnonzero((found.statistics[:, :23] != statistics).any(axis=1)):
        pytest.fail(f"{samples[i]}: {found.statistics[i].tolist()}, the jar gives {statistics[i].tolist()}")
    np.testing.assert_array_equal(found.samples[:, 0], values)
    assert found.values()["meteor"] == pytest.approx(value, abs=1e-12)


def test_edge_cases(reference, data):
    expected = asked(reference, EDGES)
    assert_equal(scored(EDGES, data), expected, EDGES)
    assert_equal(scored(EDGES, data, native=False), expected, EDGES)


@pytest.mark.parametrize("native", [True, False])
def test_captions_equal_the_reference(reference, data, leave_one_out, native):
    seed = 1 + native
    samples = leave_one_out(400, seed) + templates(250, seed) + repeated(350, seed, data.paraphrases)
    assert_equal(scored(samples, data, native=native), asked(reference, samples), samples)


def test_the_value_of_any_subset(reference, data, leave_one_out):
    samples = EDGES + templates(60, 3) + leave_one_out(60, 3)
    samples += [(p, [p]) for p, _ in templates(20, 4)]  # perfect ones, whose chunks do not count
    found = scored(samples, data)
    rng = random.Random(5)
    for count in (1, 1, 1, 2, 2, 3, 5, 10, 30, 100):
        chosen = rng.sample(range(len(samples)), count)
        *_, value = asked(reference, [samples[i] for i in chosen])
        assert found.values(np.array(chosen))["meteor"] == pytest.approx(value, abs=1e-12)


@pytest.mark.slow
def test_thousands_of_captions_equal_the_reference(reference, data, leave_one_out):
    samples = leave_one_out(13_000, 6) + templates(5_000, 6) + repeated(10_000, 6, data.paraphrases)
    expected = asked(reference, samples)
    assert_equal(scored(samples, data), expected, samples)
    assert_equal(scored(samples, data, native=False), expected, samples)


def test_values_of_resamplings(data):
    found = scored(templates(50, 7), data)
    draws = np.random.default_rng(0).integers(0, 50, size=(7, 50))
    values = combine(found.statistics[draws].sum(axis=1))
    assert values.shape == (7, 1)
    for draw, value in zip(draws, values[:, 0], strict=True):
        assert found.values(draw)["meteor"] == pytest.approx(value, abs=1e-15)


def test_parts_merge_into_the_whole(data):
    samples = templates(40, 8)
    whole, one, other = MeteorScorer(), MeteorScorer(), MeteorScorer()
    whole.update([p for p, _ in samples], [r for _, r in samples])
    for part, own in ((one, samples[:13]), (other, samples[13:])):
        part.update([p for p, _ in own], [r for _, r in own])
    rows = np.concatenate([one.score().statistics, other.score().statistics])
    one.merge(other)
    np.testing.assert_array_equal(one.score().statistics, whole.score().statistics)
    np.testing.assert_array_equal(one.score().samples, whole.score().samples)
    np.testing.assert_array_equal(rows, whole.score().statistics)
    assert one.compute() == whole.compute()


def test_a_sample_takes_its_best_reference(data):
    prediction, references = "a green tree near a road", ["two planes", "a tree near the road", "a road"]
    found = scored([(prediction, references)], data)
    alone = [scored([(prediction, [r])], data).samples[0, 0] for r in references]
    assert found.samples[0, 0] == max(alone) == alone[1]
    assert found.statistics[0, 1] == len(references[1].split())


def test_repeated_captions_are_normalised_once(data, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "rsvp_eval.metrics.meteor.scorer.normalize", lambda line: seen.append(line) or normalize(line)
    )
    scored([("a , b", ["a - c", "a , b"])] * 3, data)
    assert sorted(seen) == ["a , b", "a - c"]


def test_captions_are_tokenised_as_the_reference_has_them(data):
    predictions, references = ["A Ship.", "Two planes"], [["A ship", "the Vessel."], ["Two planes, parked."]]
    found = meteor(predictions, references)
    expected = meteor(ptb(predictions), [ptb(own) for own in references], tokenized=True)
    np.testing.assert_array_equal(found.statistics, expected.statistics)
    assert found.samples[0, 0] == 1
    assert found.metrics == MeteorScorer.metrics == ("meteor",)
    assert found.spec == f"meteor-1.5 en norm task=rank ptb=corenlp-3.4.1 data={data.sha256[:8]}"
    assert expected.spec == f"meteor-1.5 en norm task=rank tokens=given data={data.sha256[:8]}"


def test_no_samples(data):
    found = meteor([], [])
    assert found.samples.shape == (0, 1)
    assert found.values() == {"meteor": 0.0}


def test_without_the_data_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv(resources.HOME, str(tmp_path))
    assert "meteor-1.5.jar" in missing()
    with pytest.raises(UnavailableError, match=r"meteor-1\.5\.jar"):
        meteor(["a"], [["a"]])
