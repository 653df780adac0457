"""Numbers of the drawing in a text: ``number 3``, ``label 2``, ``the region two``, ``[4]``.

Things on the ground carry numbers too, and things are counted. So a number is the drawing's only if it is not
above the highest mark, does not belong to a thing that carries numbers (``runway number 2``), is not painted
on anything, and counts nothing (``marked with 3 stripes``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set

from rsvp_builder.captioning.checks.words import words

_NUMERALS = (
    "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
)
_SPELLED = {word: number for number, word in enumerate(_NUMERALS.split(), start=1)}

_CARRIERS = words(
    "runway runways taxiway gate pier dock berth quay stand lane court track terminal hangar platform route "
    "highway road motorway exit bay pitch hole line reactor hall hull deck pad tee pump stack unit"
)
"""Things on the ground that carry numbers."""

_PAINTED = words("painted written printed stencilled stenciled")

_NAMES = words("region box label tag marker mark annotation object instance bbox")
"""With digits behind them these are names, whatever follows."""

_LEADS = words(
    "number numbers no digit digits numeral numerals label labels tag tags mark marks marker markers region "
    "regions box boxes object objects instance instances annotation annotations marked labeled labelled "
    "numbered tagged designated denoted identified indicated shown"
)
"""One of these must be in a text before it is searched."""

_ENDS = words(
    "and or to is are was has have lies lie stands stand sits sit appears shows contains at in on near next "
    "beside behind above below between with which that while as but from by"
)
"""What may follow a number that counts nothing."""

_LEAD = (
    r"numbers?|no\.|digits?|numerals?|labels?|tags?|marks?|markers?|regions?|box(?:es)?|objects?|instances?|"
    r"annotations?|"
    r"(?:marked|labell?ed|numbered|tagged|designated|denoted|identified|indicated|shown)"
    r"(?: (?:as|by|with|the|a|an|region|object|box|area|label|number|digit|numeral))*"
)
_NAMED = re.compile(
    rf"(?P<before>[\w-]+ )?\b(?P<lead>{_LEAD})(?: (?:number|no\.?|digit))? ?['\"“‘#(\[]*"
    # The longest first, so that "sixteen" is not read as "six".
    rf"(?P<number>\d{{1,3}}|{'|'.join(sorted(_SPELLED, key=len, reverse=True))})\b(?![.,]\d)"
    r"['\"”’)\]]*(?P<after> ?[\w%'-]+|[.,;:!?]|\Z)?",
    re.IGNORECASE,
)
_TAG = re.compile(
    r"(?P<before>[\w-]+ )?(?:\[(?P<square>\d{1,3})\]|\((?P<round>\d{1,3})\)|#(?P<hash>\d{1,3})\b)"
)


def number_leaks(text: str, highest: int, present: Set[str]) -> Iterator[str]:
    """Where a text names a number of the drawing.

    Args:
        text: on one line, without signs.
        highest: highest number that can be drawn.
        present: words of the text, in lower case.
    """
    for found in () if present.isdisjoint(_LEADS) else _NAMED.finditer(text):
        before, lead = (found["before"] or "").strip().lower(), found["lead"].lower()
        after = (found["after"] or "").strip().lower()
        if before in _CARRIERS | _PAINTED or after in _PAINTED:
            continue
        digits = found["number"].isdecimal()
        number = int(found["number"]) if digits else _SPELLED[found["number"].lower()]
        named = digits and lead in _NAMES
        counts_nothing = not after[:1].isalnum() or after in _ENDS
        # A region of any number is the drawing's: nothing else is called so.
        drawn = 1 <= number <= highest and (named or counts_nothing)
        if drawn or (digits and lead in {"region", "regions"}):
            yield text[found.start("lead") : found.end("number")]
    for tag in _TAG.finditer(text):
        before = (tag["before"] or "").strip().lower()
        number = int(tag["square"] or tag["round"] or tag["hash"])
        counted = before in _SPELLED or before.isdecimal()  # three (3) ships
        if 1 <= number <= highest and before not in _CARRIERS and not counted:
            yield tag[0].removeprefix(tag["before"] or "")
