"""A structured answer becomes the answer of a row, which cites marks as ``<Region i>``.

Forms, see docs/dataset-format.md and the paper's figure of its tasks:

* ``headed``: ``<Region 1><Region 2><Region 3>: The airplane <Region 1> stands ...``
* ``prose``: ``A plane <Region 1> beside two cars <Region 2><Region 3>.``
* ``lines``: ``<Region 1>: text`` for each mark.

Models write the signs in several ways. What can mean only one thing is brought into that form; anything
else stays as it is, for the checks to find.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rsvp_builder.captioning.spec import PromptSpec
from rsvp_builder.prose import cited

_SUSPECT = re.compile(r"[<\[(&]")
_NUMBERS = r"\d{1,4}(?:\s*(?:,|;|&|and|-|–)\s*(?:and\s*)?(?:regions?\s*)?\d{1,4})*"
_SIGN = re.compile(rf"(?:&lt;|<)\s*regions?[\s_#:]*({_NUMBERS})\s*/?(?:&gt;|>)", re.IGNORECASE)
_BRACKETED = re.compile(rf"[\[(]\s*regions?[\s_#:]*({_NUMBERS})\s*[\])]", re.IGNORECASE)
_WRAPPED = re.compile(r"<Region (\d+)>\s*([^<>.!?]{1,80}?)\s*</\s*Region(?: ?\1)?\s*>", re.IGNORECASE)
_RANGE = re.compile(r"(\d+)\s*[-–]\s*(\d+)")
_IN_PARENTHESES = re.compile(r"\(\s*((?:<Region \d+>[\s,]*)+)\)")
_HEAD = re.compile(r"\A(?:<Region \d+>)+:\s*")
_GAP_BETWEEN = re.compile(r"(?<=>)\s+(?=<Region \d+>)")
_NO_GAP = re.compile(r"(?<=[^\s>(\[])(?=<Region \d+>)")
_GAP_AFTER_ANY = re.compile(r"\s+(?=[.,;:!?])")
_GAP_AFTER = re.compile(r"(?<=>)\s+(?=[.,;:!?])")
_RUN = re.compile(r"(?:<Region \d+>)+")
CITATION = re.compile(r"<Region \d+>")


@dataclass(frozen=True, slots=True)
class Part:
    """One text of an answer.

    Attributes:
        name: in the schema.
        region: the mark that it is about, or None.
        text: one line, with signs in the form ``<Region i>``.
        bare: the text without its signs.
    """

    name: str
    region: int | None
    text: str
    bare: str

    @property
    def said(self) -> str:
        """How a complaint names it."""
        return f'"{self.name}"' if self.region is None else f'"{self.name}" of <Region {self.region}>'


def part_of(name: str, region: int | None, text: str) -> Part:
    """The part of that text."""
    bare = _GAP_AFTER_ANY.sub("", " ".join(CITATION.sub(" ", text).split())) if "<" in text else text
    return Part(name, region, bare=bare, text=text)


@dataclass(frozen=True, slots=True)
class Answer:
    """A structured answer that has the form of its schema.

    Attributes:
        stated: mark and class in the order that the answer gives them.
        parts: its texts.
    """

    stated: tuple[tuple[int, str], ...]
    parts: tuple[Part, ...]


def read_answer(spec: PromptSpec, value: Mapping[str, Any]) -> Answer:
    """The answer in a JSON value that has the form of the spec's schema."""
    entries = value["regions"]
    stated = tuple((int(entry["region"]), " ".join(entry["class"].split())) for entry in entries)
    parts = []
    for name, rule in spec.texts.items():
        if rule.of == "answer":
            parts.append(part_of(name, None, _headless(normalised(value[name]))))
            continue
        for (index, _), entry in zip(stated, entries, strict=True):
            text = normalised(entry[name])
            text = text.removeprefix(f"<Region {index}>: ").removesuffix(f" <Region {index}>")
            parts.append(part_of(name, index, text))
    return Answer(stated, tuple(parts))


def rendered(spec: PromptSpec, answer: Answer, shown: Sequence[int]) -> tuple[str, dict[int, str]]:
    """The answer of the row, and the text of each mark where the answer has one.

    A phrase is the text of its mark only where the caption cites the mark right behind it.
    """
    by_region = {part.region: part.text for part in answer.parts if part.region is not None}
    main = [part.text for part in answer.parts if part.name == spec.main and part.region is None]
    if spec.form == "lines":
        captions = {index: by_region[index] for index in sorted(shown) if index in by_region}
        text = "\n".join(f"<Region {index}>: {caption}" for index, caption in captions.items())
        whole = [part.text for part in answer.parts if part.region is None]
        return text, captions | ({0: " ".join(whole)} if whole else {})
    if spec.form == "headed":
        return f"{''.join(f'<Region {index}>' for index in sorted(shown))}: {main[0]}", {}
    phrases = {i: p for i, p in by_region.items() if i is not None and _stands_before(p, i, main[0])}
    return main[0], dict(sorted(phrases.items()))


def normalised(text: str) -> str:
    """A text on one line, its signs in the form ``<Region i>``, run together where nothing is between."""
    text = " ".join(text.split())
    if not _SUSPECT.search(text):
        return text
    text = _BRACKETED.sub(_signs, _SIGN.sub(_signs, text))
    text = _WRAPPED.sub(r"\2 <Region \1>", text)
    text = _IN_PARENTHESES.sub(lambda found: "".join(CITATION.findall(found[1])), text)
    text = _GAP_BETWEEN.sub("", text)
    text = _NO_GAP.sub(" ", text)
    return _GAP_AFTER.sub("", text).strip()


def _signs(found: re.Match[str]) -> str:
    ranges = _RANGE.sub(_spelled, found[1])
    return "".join(f"<Region {int(number)}>" for number in re.findall(r"\d+", ranges))


def _spelled(found: re.Match[str]) -> str:
    """``2, 3, 4`` for ``2-4``; a range that runs backwards or is longer than any row stays two numbers."""
    first, last = int(found[1]), int(found[2])
    return ", ".join(map(str, range(first, last + 1))) if first < last <= first + 50 else f"{first}, {last}"


def _headless(text: str) -> str:
    return _HEAD.sub("", text)


def _stands_before(phrase: str, index: int, text: str) -> bool:
    """Whether a text has the phrase right before a run of signs that holds the mark's."""
    wanted = f"{phrase} ".casefold()
    return any(
        index in cited(run[0]) and text[max(0, run.start() - len(wanted)) : run.start()].casefold() == wanted
        for run in _RUN.finditer(text)
    )
