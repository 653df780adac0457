"""The input of the caption benchmark: predictions with references each, made from templates by a seed.

    python benchmarks/caption_input.py OUT.jsonl --samples 20000

A line a sample: ``{"id", "prediction", "references"}``. Captions read like those of remote-sensing sets, of a
vocabulary of some 800 words and of 15 words on average, punctuation apart. Sets that people wrote repeat
themselves far more; here nearly every caption is distinct, so that nobody gains by remembering.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path

FORMAT = 1
"""Raise it when the captions made from a seed change: an input of another format is made anew."""

REFERENCES = 5


def _words(text: str) -> list[str]:
    return text.split()


_NOUNS = _words(
    """
    airplane airport apron arena avenue barge barn basin bay beach boat boathouse boulevard bridge building
    bus cabin canal car cargo cathedral cemetery chapel chimney church cliff clubhouse coast college compound
    container containership convoy copter corridor cottage court courtyard crane creek crop crossroad dam
    depot desert ditch dock dome driveway dune embankment excavator factory farm farmland fence ferry field
    flyover forest fountain freeway freighter garage garden gas-station glacier grassland greenhouse grove gym
    hangar harbor hedge helicopter helipad highway hill hospital hotel house industrial-zone inlet
    intersection island jet jetty junction lagoon lake lane lawn levee lighthouse lot mall mangrove mansion
    marina market marsh meadow mill mine monument mosque motorway mountain museum neighborhood oil-tank
    orchard overpass oxbow palace park parking-lot path pavilion pier pipeline plane plant plantation platform
    playground plaza pond pool port promenade quarry quay railway ramp ranch reef refinery reservoir residence
    restaurant ridge river road rooftop roundabout runway sandbar school schoolyard sea shed ship shop shore
    silo skyscraper slope solar-panel square stadium stage station storage-tank street stream substation
    suburb swamp tanker taxiway temple tennis-court terminal terrace terrain theater thicket tollbooth tower
    town track trail trailer train tree truck tunnel turbine university valley van vehicle viaduct village
    villa vineyard warehouse waterway wetland wharf windmill woodland workshop yacht yard
    """
)
_ADJECTIVES = _words(
    """
    abandoned adjacent aligned ancient angular arid asphalt bare barren beautiful big black blue bright broad
    brown bustling busy calm circular clean clear clustered coarse colorful compact concrete connected
    countless crowded crescent cultivated curved dark deep dense deserted diagonal distant dry dusty elegant
    elongated elliptical empty enclosed enormous even extensive faint fenced fertile few flat flooded foggy
    forested fragmented frozen gentle gigantic glossy golden gorgeous grassy gravel gray green grid-like
    half-built hazy hexagonal hilly horizontal huge idle illuminated immense irregular isolated jagged jade
    L-shaped large leafy light little lonely long low lush main many massive metallic mid-sized modern moored
    mossy mottled multistory muddy murky narrow nearby neat new northern numerous oblong old opaque orange
    orderly oval overgrown packed pale parallel parked patchy paved pink plain polygonal prosperous purple
    quiet ragged rectangular red reddish remote rippled rocky rough round rugged ruined rural rusty sandy
    scattered semicircular shabby shadowy shallow sharp shiny short silver sinuous slender small smooth snowy
    soft southern spacious sparse square-shaped steep still straight striped sunny symmetrical tall tangled
    thick thin tidy tiny tranquil triangular turbid turquoise twisted two-lane uneven unfinished uniform urban
    vacant vast verdant vertical vivid warped wavy weathered well-kept western wet white wide wild winding
    wooden yellow yellowish
    """
)
_VERBS = _words(
    """
    borders surrounds crosses faces overlooks flanks touches adjoins encircles connects divides covers shades
    skirts follows meets joins fringes dominates splits approaches
    """
)
_PLACES = _words(
    """
    near beside beyond behind around along across over under above below between inside outside next-to
    opposite against amid alongside within
    """
)
_SIDES = _words(
    """
    left right top bottom center middle corner edge north south east west northeast northwest southeast
    southwest foreground background margin
    """
)
_NUMBERS = _words(
    "two three four five six seven eight nine ten eleven twelve several some dozens 14 20 35 100"
)
_MATERIALS = _words(
    """
    asphalt bricks clay cement gravel grass ice iron lawns marble moss mud pebbles rocks sand shrubs snow soil
    steel stones tiles timber vegetation water weeds wheat corn rice bushes trees sunlight shadows
    """
)
_MANNERS = _words(
    """
    closely densely neatly loosely evenly randomly orderly sparsely tightly regularly quietly carefully partly
    fully barely clearly slightly mostly nearly roughly
    """
)
_STATES = _words(
    """
    arranged parked docked planted built located scattered distributed stacked lined placed moored stored
    gathered spread painted marked divided surrounded
    """
)
_SCENES = _words("image picture scene photo view area region zone district part patch landscape")


def _plural(noun: str) -> str:
    if noun.endswith(("s", "sh", "ch", "x")):
        return f"{noun}es"
    return f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2] not in "aeiou" else f"{noun}s"


class _Writer:
    """Captions about one scene: five or so things, told of in turn by many people."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.nouns = rng.sample(_NOUNS, 5)
        self.adjectives = rng.sample(_ADJECTIVES, 7)
        self.templates: list[Callable[[], str]] = [
            lambda: f"{self.many()} are {self.manner()} {self.state()} {self.place()} {self.one()}",
            lambda: f"{self.one()} {self.verb()} {self.one()} in the {self.side()} of the {self.scene()}",
            lambda: f"there are {self.many()} {self.place()} {self.one()}",
            lambda: (
                f"in the {self.side()} of this {self.scene()}, {self.one()} is {self.state()} "
                f"{self.place()} {self.many()}"
            ),
            lambda: f"the {self.scene()} shows {self.one()} with {self.many()} and {self.material()}",
            lambda: f"{self.one()} covered with {self.material()} {self.verb()} {self.many()}",
        ]

    def one(self) -> str:
        adjective = self.adjective()
        article = "an" if adjective[0] in "aeiou" else "a"
        return f"{article} {adjective} {self.noun()}"

    def many(self) -> str:
        return f"{self.rng.choice(_NUMBERS)} {self.adjective()} {_plural(self.noun())}"

    def noun(self) -> str:
        return self.rng.choice(self.nouns if self.rng.random() < 0.8 else _NOUNS)

    def adjective(self) -> str:
        return self.rng.choice(self.adjectives if self.rng.random() < 0.7 else _ADJECTIVES)

    def verb(self) -> str:
        return self.rng.choice(_VERBS)

    def place(self) -> str:
        return self.rng.choice(_PLACES)

    def side(self) -> str:
        return self.rng.choice(_SIDES)

    def scene(self) -> str:
        return self.rng.choice(_SCENES)

    def material(self) -> str:
        return self.rng.choice(_MATERIALS)

    def manner(self) -> str:
        return self.rng.choice(_MANNERS)

    def state(self) -> str:
        return self.rng.choice(_STATES)

    def caption(self) -> str:
        text = self.rng.choice(self.templates)()
        if self.rng.random() < 0.27:
            joint = self.rng.choice([" and ", ", while ", ", and ", " where "])
            text += joint + self.rng.choice(self.templates)()
        return f"{text[0].upper()}{text[1:]}."


def generate(path: Path, *, samples: int, seed: int = 0) -> dict[str, int | str]:
    """Makes the input unless the same one is there; returns what is known of it."""
    wanted = {"format": FORMAT, "samples": samples, "references": REFERENCES, "seed": seed}
    stamp = path.with_suffix(".stamp.json")
    if path.exists() and stamp.exists():
        found: dict[str, int | str] = json.loads(stamp.read_text())
        if wanted.items() <= found.items():
            return found
    digest = hashlib.sha256()
    words = 0
    with path.open("wb") as file:
        for index in range(samples):
            writer = _Writer(random.Random(seed * samples + index))
            prediction, *references = [writer.caption() for _ in range(1 + REFERENCES)]
            words += len(prediction.split()) + sum(len(text.split()) for text in references)
            row = {"id": f"{index:06d}", "prediction": prediction, "references": references}
            line = json.dumps(row).encode() + b"\n"
            digest.update(line)
            file.write(line)
    made = wanted | {"words": words, "sha256": digest.hexdigest()}
    stamp.write_text(json.dumps(made, indent=1) + "\n")
    return made


def main() -> None:
    """Makes one input."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(json.dumps(generate(options.path, samples=options.samples, seed=options.seed)))


if __name__ == "__main__":
    main()
