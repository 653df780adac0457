"""Captions to score, and the reference implementation to score them by."""

from __future__ import annotations

import importlib.util
import json
import random
import re
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from rsvp_eval.captions import Captions
from rsvp_eval.metrics import matches
from rsvp_eval.native import kernels

WORDS = re.compile(r"\w+(?:'\w+)?")


def _reference_bleu(predictions, references):
    """Corpus values, then (n, 4) values of samples."""
    from pycocoevalcap.bleu.bleu import Bleu

    corpus, samples = Bleu(4).compute_score(*_keyed(predictions, references), verbose=0)
    return np.array(corpus), np.array(samples).T


def _reference_rouge(predictions, references):
    from pycocoevalcap.rouge.rouge import Rouge

    return Rouge().compute_score(*_keyed(predictions, references))


def _reference_cider(predictions, references, sigma=6.0):
    from pycocoevalcap.cider.cider_scorer import CiderScorer

    scorer = CiderScorer(n=4, sigma=sigma)
    for prediction, own in zip(predictions, references, strict=True):
        scorer += (prediction, own)
    return scorer.compute_score()


def _keyed(predictions, references):
    return dict(enumerate(map(list, references))), {i: [text] for i, text in enumerate(predictions)}


@pytest.fixture(scope="session")
def reference():
    """The metrics of pycocoevalcap."""
    return SimpleNamespace(bleu=_reference_bleu, rouge=_reference_rouge, cider=_reference_cider)


@pytest.fixture(params=["kernel", "python"])
def path(request, monkeypatch):
    """Both ways to count n-grams, one after the other."""
    if request.param == "python":
        monkeypatch.setattr(matches, "kernels", lambda: None)
    elif kernels() is None:
        pytest.skip("the kernels were not built here (no compiler) or RSVP_EVAL_NATIVE=0 is set")
    return request.param


@pytest.fixture(scope="session")
def captions_of():
    """From lists to a set of captions that are tokens already."""

    def build(predictions, references):
        captions = Captions(None)
        captions.update(predictions, references)
        return captions

    return build


@pytest.fixture(scope="session")
def generated():
    """1,200 samples of a small vocabulary: repeated words, one word, empty, long, 1 to 6 references."""
    rng = random.Random(4)
    vocabulary = [f"w{i}" for i in range(60)]

    def caption():
        kind = rng.random()
        if kind < 0.04:
            return ""
        if kind < 0.08:
            return rng.choice(vocabulary)
        if kind < 0.12:
            return " ".join([rng.choice(vocabulary)] * rng.randrange(2, 9))
        length = rng.randrange(60, 120) if kind < 0.14 else rng.randrange(2, 20)
        return " ".join(vocabulary[min(59, int(rng.expovariate(0.12)))] for _ in range(length))

    predictions, references = [], []
    for _ in range(1200):
        own = [caption() for _ in range(rng.randrange(1, 7))]
        predictions.append(rng.choice(own) if rng.random() < 0.1 else caption())
        references.append(own)
    return predictions, references


@pytest.fixture(scope="session")
def generated_cider(generated):
    """CIDEr-D of the generated samples by the reference: of the set, and (n,) of each."""
    return _reference_cider(*generated)


@pytest.fixture(scope="session")
def coco():
    """2,000 images of COCO: one of the captions that people wrote, beside the others."""
    found = importlib.util.find_spec("pycocoevalcap")
    assert found is not None
    jar = Path(found.submodule_search_locations[0]) / "spice" / "spice-1.0.jar"
    with zipfile.ZipFile(jar) as archive:
        name = next(n for n in archive.namelist() if n.endswith("captions_val2014.json"))
        annotations = json.loads(archive.read(name))["annotations"]
    images = {}
    for one in annotations:
        images.setdefault(one["image_id"], []).append(" ".join(WORDS.findall(one["caption"].lower())))
    chosen = [images[key] for key in sorted(images)[:2000]]
    return [captions[0] for captions in chosen], [captions[1:] for captions in chosen]
