"""Whether texts are English, told without a model.

Two rules, each with room for names:

* **Script**: at least 85 % of the letters are basic Latin ones. Chinese, Russian or Arabic fail here, a
  caption with "Café" does not.
* **Function words**: in each text of whole sentences, and in all of them together, those of English ("the,
  of, and, is ...") must be no fewer than those of any other language in the list, from eight words on, and at
  least 12 %, from twelve words on; English prose has 30 to 50 %. A word that English shares with another
  language counts as English. Phrases are not held to this.

Classes of the row that are not in basic Latin letters are left out, so that a data set may name them as it
likes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rsvp_builder.captioning.checks.asked import Asked
from rsvp_builder.captioning.checks.words import words
from rsvp_builder.captioning.outcome import Complaint, Fault
from rsvp_builder.captioning.render import Answer

_LETTERS = re.compile(r"[^\W\d_]")
_WORDS = re.compile(r"[^\W\d_]+")

_TOLD = "The answer is not in English. Write plain English."

_ENGLISH = (
    "the of and a an is are in on at to with from by its it that this there which near each other two both "
    "has have between beside next along around while one all as their they lies stands below above left right"
)
_OTHERS = (  # German, French, Spanish, Italian, Portuguese, Dutch, Polish, Swedish, Turkish, Indonesian
    "der die das und ist sind ein eine einen einem mit auf im den dem des neben zwischen von zu liegt wird",
    "le la les et est sont un une des du dans sur avec à au aux près entre qui il elle côté",
    "el los las y es está son una con del al entre cerca hay dos por sus se lado",
    "il lo gli e è sono una uno con nel nella del della sul tra di che due vicino",
    "os e é são uma um com no na nos nas do da dos das ao entre perto duas por",
    "het een en is zijn met op de van naast tussen bij aan twee dat wordt",
    "i w na z jest są oraz obok się do po dwa który między",
    "och är en ett på med av den det som två bredvid mellan vid",
    "ve bir bu ile için olan iki yanında üzerinde arasında",
    "dan yang di dengan adalah ini dua dari pada terletak",
)
_WORDS_EN = words(_ENGLISH)
_WORDS_OTHERS = tuple(words(each) - _WORDS_EN for each in _OTHERS)


def _is_latin(text: str) -> bool:
    if text.isascii():
        return True
    letters: list[str] = _LETTERS.findall(text)
    return sum(letter.isascii() for letter in letters) >= 0.85 * len(letters)


def is_english(text: str) -> bool:
    """Whether a text is English, by the rules above. A text without letters is."""
    if not _is_latin(text):
        return False
    found = _WORDS.findall(text.casefold())
    if len(found) < 8:
        return True
    english = sum(word in _WORDS_EN for word in found)
    if len(found) >= 12 and english < 0.12 * len(found):
        return False
    if english >= 0.3 * len(found):  # no other language shares so many of these words with English
        return True
    return all(english >= sum(word in known for word in found) for known in _WORDS_OTHERS)


def complaints(asked: Asked, answer: Answer) -> Iterator[Complaint]:
    """A complaint if a text of the answer is in another language, or all of them together are."""
    own = [label for label in asked.labels.values() if not label.isascii()]
    prose = []
    for part in answer.parts:
        text = part.bare
        for label in own:
            text = text.replace(label, " ")
        if asked.spec.texts[part.name].sentence:
            prose.append(text)
        elif not _is_latin(text):
            yield Complaint(Fault.LANGUAGE, _TOLD)
            return
    if not all(map(is_english, [*prose, " ".join(prose)])):
        yield Complaint(Fault.LANGUAGE, _TOLD)
