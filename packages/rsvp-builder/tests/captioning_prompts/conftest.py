"""Rows, good answers in many wordings, and what endpoints wrap them in."""

from __future__ import annotations

import json
import random
from types import SimpleNamespace
from typing import Any

import pytest

from rsvp_builder.catalog import manifests_folder
from rsvp_builder.manifest import load_manifest

SOURCES = ("HRRSD", "RSOD", "NWPU-VHR-10", "LEVIR", "UCAS-AOD", "DIOR-RSVG")
"""Sources that the paper asks its captioner about."""

LABELS = {
    source: sorted(
        {str(label) for label in load_manifest(manifests_folder() / f"{source}.toml").classes.values()}
    )
    for source in SOURCES
}

# Sentences about things that sound like the drawing and are not. They cite nothing.
HARMLESS = (
    "Several houses with red roofs stand in the background.",
    "Beside the road lie two boxes of containers.",
    "A box-shaped building with a flat roof closes the scene at the top.",
    "The number of ships on the water is small.",
    "A sign marks the labelled runway 27 in the distance.",
    "The number 27 is painted on the ground at one end.",
    "A white box truck waits at the edge of the road.",
    "Rows of red boxes, which are freight containers, fill the yard.",
    "A helipad with an H within a white circle lies nearby.",
    "Lanes are outlined in white and marked with 2 yellow lines.",
    "The lot is framed by green hedges and surrounded by dense trees.",
    "A forested region spreads in the lower left of the image.",
    "The marked parking spaces are half empty.",
    "The road forms the boundary of a green square with a fountain.",
    "Taxiway 2 leads past gate 1 to runway number 3.",
    "It is enclosed by a red brick wall that reflects the sun.",
    "A blue rectangle of water glitters between the trees.",
    "Three (3) small sheds stand in a line to the right of it.",
    "The scene is highlighted by the low sun, which casts long shadows.",
    "Numbers of small trees are scattered over the dry grass.",
)

TAILS = (
    "in the upper part of the image",
    "close to the edge of a paved area",
    "next to a narrow road with light traffic",
    "on dry, brownish ground with little vegetation",
    "where the shadow of a building falls",
    "between rows of trees and a gravel path",
)
LOOKS = ("large", "small", "white", "elongated", "dark grey", "well kept", "bright", "weathered")
COUNTS = ("", "", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def plural(noun: str) -> str:
    if noun.endswith(("s", "ch", "sh")):
        return noun if noun.endswith("crossroads") or noun == "aircraft" else f"{noun}es"
    return noun if noun == "aircraft" else f"{noun}s"


def counted(number: int) -> str:
    return COUNTS[number] if number < len(COUNTS) else "many"


class Writer:
    """Writes rows and good answers from a seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def row(self, *, least: int = 1, most: int = 20, gsd: float | None = None) -> dict[str, Any]:
        source = self.random.choice(SOURCES)
        labels = LABELS[source]
        number = self.random.randint(least, most)
        width, height = self.random.randint(200, 1024), self.random.randint(200, 1024)
        marks = []
        for index in range(1, number + 1):
            x, y = self.random.uniform(0, width - 30), self.random.uniform(0, height - 30)
            x2, y2 = self.random.uniform(x + 5, width), self.random.uniform(y + 5, height)
            label = self.random.choice(labels)
            marks.append(box(index, (x, y, x2, y2), label))
        return row_of(marks, width=width, height=height, gsd=gsd, source=source)

    def groups(self, row: dict[str, Any], shown: list[int]) -> list[tuple[str, list[int]]]:
        found: dict[str, list[int]] = {}
        for mark in row["marks"]:
            if mark["index"] in shown:
                found.setdefault(mark["label"], []).append(mark["index"])
        return list(found.items())

    def phrase(self, label: str, number: int) -> str:
        look = self.random.choice(LOOKS)
        return f"a {look} {label}" if number == 1 else f"{counted(number)} {look} {plural(label)}"

    def prose(self, row: dict[str, Any], shown: list[int]) -> tuple[str, dict[int, str]]:
        """Sentences that cite every mark behind a phrase, and each mark's phrase."""
        sentences, phrases = [], {}
        for label, indices in self.groups(row, shown):
            phrase = self.phrase(label, len(indices))
            signs = "".join(f"<Region {index}>" for index in indices)
            verb = "lies" if len(indices) == 1 else "lie"
            sentences.append(f"{phrase[0].upper()}{phrase[1:]} {signs} {verb} {self.random.choice(TAILS)}.")
            phrases |= dict.fromkeys(indices, phrase)
        first = sentences[0]
        more = self.random.sample(HARMLESS, self.random.randint(2, 4))
        rest = [*sentences[1:], *more]
        self.random.shuffle(rest)
        return " ".join([first, *rest]), phrases

    def answer(self, task: str, row: dict[str, Any], shown: list[int]) -> dict[str, Any]:
        """A good answer of that task."""
        labels = {mark["index"]: mark["label"] for mark in row["marks"]}
        regions: list[dict[str, Any]] = [{"region": index, "class": labels[index]} for index in shown]
        self.random.shuffle(regions)
        if task == "detailed_caption":
            for region in regions:
                look, tail = self.random.choice(LOOKS), self.random.choice(TAILS)
                first = f"A {look} {region['class']} lies {tail}."
                region["description"] = f"{first} {self.random.choice(HARMLESS)}"
            image = " ".join(["The image shows a scene from above.", *self.random.sample(HARMLESS, 2)])
            return {"image": image, "regions": regions}
        text, phrases = self.prose(row, shown)
        if task == "grounded_caption":
            return {"regions": [r | {"phrase": phrases[r["region"]]} for r in regions], "caption": text}
        return {"regions": regions, "analysis": text}


def box(index: int, xyxy: tuple[float, ...], label: str | None, **changes: Any) -> dict[str, Any]:
    mark = {"index": index, "kind": "box", "xyxy": list(xyxy), "xy": None, "quad": None}
    return mark | {"label": label, "caption": None, "flags": []} | changes


def row_of(marks: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    row = {"id": "0" * 32, "width": 400, "height": 300, "gsd": None, "image_source": None, "domain": "rs"}
    return row | {"source": "made-up", "marks": marks} | changes


def wrapped(content: Any, finish: str = "stop", **message: Any) -> dict[str, Any]:
    """A chat completion whose message has that content; anything but text and lists is written as JSON."""
    text = content if isinstance(content, str | list) or content is None else json.dumps(content)
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "served-model",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "message": {"role": "assistant", "content": text, "refusal": None} | message,
            }
        ],
        "usage": {
            "prompt_tokens": 900,
            "completion_tokens": 120,
            "total_tokens": 1020,
            "prompt_tokens_details": {"cached_tokens": 640},
        },
    }


@pytest.fixture(scope="session")
def made() -> SimpleNamespace:
    """The makers above."""
    return SimpleNamespace(Writer=Writer, box=box, row=row_of, wrapped=wrapped, harmless=HARMLESS)
