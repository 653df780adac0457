"""Writes golden.json anew from SPICE's jar: ``python packages/rsvp-eval/tests/spice/make_golden.py``.

Needs pycocoevalcap and a JDK. The synsets are renumbered, since only which words share one matters.
"""

import json
import runpy
from pathlib import Path

from rsvp_eval.metrics.spice.home import synonyms
from rsvp_eval.metrics.spice.tuples import lookup_form

shared = runpy.run_path(str(Path(__file__).with_name("conftest.py")))
EDGES = [
    {"candidate": [], "references": [[]]},
    {"candidate": [], "references": [[["car"]]]},
    {"candidate": [["car"]], "references": [[], []]},
    {"candidate": [["car", "red"], ["auto", "crimson"]], "references": [[["machine", "ruby"]]]},
    {"candidate": [["man", "car", "be drive"]], "references": [[["person", "auto", "drive"]]]},
    {
        "candidate": [["road", "house", "hold"], ["road", "house", "own"]],
        "references": [[["road", "house", "have"]]],
    },
    {"candidate": [["zorb", "plit", "be be on"]], "references": [[["zorb", "plit", "be on"]]]},
    {"candidate": [["zorb", "zug"]], "references": [[["Zorb", "zug"]]]},
    {"candidate": [["car", "red"], ["road", "white"]], "references": [[["auto", "red"], ["road", "two"]]]},
    {"candidate": [["Trucks"]], "references": [[["lorry"]]]},
    {"candidate": [["tennis court"]], "references": [[["tennis_courts"]]]},
]
samples = EDGES + shared["made_up"](0, 24) + shared["made_up"](1, 8, shared["DENSE"])
written = shared["drive"](samples, shared["ALL_HASH_ALIKE"])

words = {w for s in samples for caption in (s["candidate"], *s["references"]) for t in caption for w in t}
forms = {lookup_form(form) for word in words for form in (word, word.removeprefix("be "))}
found = {form: synonyms()(form) for form in sorted(forms)}
numbers = {synset: i for i, synset in enumerate(sorted(set().union(*found.values())))}
golden = {
    "made_by": "python packages/rsvp-eval/tests/spice/make_golden.py",
    "made_with": "spice-1.0.jar of pycocoevalcap 1.2, Java option -XX:hashCode=2",
    "synsets": {form: sorted(numbers[s] for s in ids) for form, ids in found.items() if ids},
    "words": {name: sorted(forms.intersection(listed)) for name, listed in written["words"].items()},
    "samples": [{**s, "spice": r} for s, r in zip(samples, written["results"], strict=True)],
}
lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in golden.items() if k != "samples"]
rows = ",\n  ".join(json.dumps(s, separators=(",", ":")) for s in golden["samples"])
Path(__file__).with_name("golden.json").write_text(
    "{" + ",\n ".join(lines) + f',\n "samples": [\n  {rows}\n ]' + "}\n"
)
