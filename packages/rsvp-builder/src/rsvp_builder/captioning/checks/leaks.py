"""Leaks of the drawing and of the prompt: what a reader who sees neither cannot know of.

The drawing is boxes, points, numbers on labels, and enlarged parts; the prompt is a list of facts. Images
from above are full of things that sound alike: red roofs, white circles of a helipad, rows of red boxes that
are containers, runways that carry numbers, lanes that are marked. So a colour or a shape alone is never a
leak. What is, is

* a word that only a drawing or a prompt has (``bounding box``, ``marked regions``, ``enlarged view``),
* a box that has a colour and is no thing (``inside the red box``, but not ``a white box truck``),
* being outlined or enclosed in a colour that paint on the ground seldom has; white and yellow it often has,
* a number where the drawing has one, see :mod:`rsvp_builder.captioning.checks.numbers`.

A text is searched only with the patterns one of whose words it has: most texts have none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rsvp_builder.captioning.checks.asked import Asked
from rsvp_builder.captioning.checks.numbers import number_leaks
from rsvp_builder.captioning.checks.words import words, words_in
from rsvp_builder.captioning.outcome import Complaint, Fault
from rsvp_builder.captioning.render import CITATION, Answer

_PAINT = "white|yellow|black|gr[ae]y"
_BRIGHT = (
    "red|green|blue|cyan|magenta|orange|purple|pink|violet|lime|teal|turquoise|vermill?ion|colou?red|"
    "sky[- ]blue|reddish[- ]purple|bluish[- ]green"
)
_SHADE = r"(?:(?:bright|dark|light|thick|thin|dashed|dotted|solid|bold|pale|deep|vivid)[ -])*"
_VIVID = rf"{_SHADE}(?:{_BRIGHT})"
_ANY = rf"{_SHADE}(?:{_BRIGHT}|{_PAINT})"
_SHAPE = "rectangle|outline|frame|contour|polygon|marker|dot|overlay"
_FRAME = rf"{_SHAPE}|border|boundary|circle|square|line"
_MARKED = "marked|highlighted|labell?ed|tagged|outlined|numbered|annotated|indicated|designated|boxed|circled"
_ORDINAL = (
    "first|second|third|fourth|fifth|last|other|next|remaining|two|three|four|five|six|seven|eight|nine|ten"
)

_PATTERNS = (
    # Shapes and words that only a drawing has.
    (
        "bounding bbox bboxes",
        r"\bbounding[- ](?:box|rectangle|polygon|region|area|quad|circle|outline|frame)\w*|\bbbox(?:es)?\b",
    ),
    (
        "mark marks prompt prompts annotated annotation annotations annotators annotator annotating",
        r"\bset[- ]of[- ]marks?\b|\bvisual prompts?\b|\bannotat(?:ed|ions?|ors?|ing)\b",
    ),
    (
        "region regions object objects box boxes target targets instance instances item items entities "
        "rectangle rectangles",
        rf"\b(?:{_MARKED}) "
        r"(?:regions?|objects?|box|boxes|targets?|instances?|items?|entities|rectangles?)\b",
    ),
    (
        "numbered number numeric numerical",
        r"\b(?:numbered|numeric(?:al)?|number) "
        r"(?:box|boxes|rectangles?|outlines?|labels?|tags?|markers?|marks?|circles?|dots?|areas?)\b",
    ),
    (
        "drawn overlaid superimposed overlay overlays",
        r"\b(?:outlines?|box(?:es)?|rectangles?|frames?|labels?|tags?|numbers?) "
        r"(?:drawn|overlaid|superimposed) (?:on|over|around|onto)\b|"
        r"\boverla(?:id|ys?) (?:numbers?|box|boxes|labels?|outlines?|markers?)\b",
    ),
    (
        "label labels tag tags",
        r"\b(?:the|its|each|their|every) (?:number |numeric )?(?:labels?|tags?) "
        r"(?:reads?|says?|shows?|indicates?|identif\w+|is|are)\b",
    ),
    # Regions as such, where a thing of the image is meant.
    (
        "region regions",
        rf"\b(?:all|both|each|every|these|those|the (?:{_ORDINAL})) (?:of the )?(?:{_ORDINAL} )?"
        r"regions?\b(?! of\b)",
    ),
    # Being enclosed in a colour of the drawing.
    (
        "outlined highlighted framed boxed circled enclosed delineated demarcated marked indicated denoted",
        r"\b(?:outlined|highlighted|framed|boxed|circled|enclosed|delineated|demarcated|marked|indicated|"
        rf"denoted) (?:in|by|with|using|within|inside) (?:(?:a|an|the|its|their) )?{_VIVID}"
        rf"(?: (?:{_FRAME}|colou?r)(?:s|es)?\b| ?(?=[.,;:]|\Z))",
    ),
    (
        "rectangle rectangles outline outlines frame frames contour contours polygon polygons marker markers "
        "dot dots overlay border borders boundary circle circles square squares line lines",
        rf"\b(?:in|inside|within) (?:the|a|an|its|their) {_VIVID} (?:{_SHAPE})s?\b(?! (?:of|on|painted)\b)|"
        rf"\b(?:the|a|an|each|this) {_VIVID} (?:{_FRAME})(?:s|es)? "
        r"(?:marks?|shows?|indicates?|highlights?|identif\w+|denotes?|contains?|around)\b|"
        rf"\b(?:has|have|with|by|shows?) (?:the|a|an) {_VIVID} (?:{_SHAPE}) "
        r"(?:around|drawn|on top|over)\b",
    ),
    # Enlarged parts.
    (
        "enlarged zoomed magnified cropped",
        r"\b(?:enlarged|zoomed(?:[- ]in)?|magnified|cropped) "
        r"(?:parts?|views?|images?|pictures?|crops?|sections?|insets?|patch(?:es)?|details?)\b",
    ),
    (
        "picture pictures crop crops inset insets image images",
        r"\b(?:first|second|third|fourth|other|additional|previous|whole|accompanying) "
        r"(?:pictures?|insets?)\b|\b(?:image|picture) crops?\b|"
        r"\b(?:first|second|third|fourth|additional|previous|accompanying|two|three|several|both) images?\b",
    ),
    # What was said to the model.
    (
        "list facts metadata prompt instructions coordinates annotation annotations user",
        r"\b(?:as|according to|from|based on|per|in) (?:the |your )?(?:given |provided |supplied |known )?"
        r"(?:list|facts|metadata|prompt|instructions|coordinates|annotations?)\b|"
        r"\b(?:the|your) (?:prompt|instructions|metadata|user)\b",
    ),
    (
        "given provided supplied known stated specified mentioned listed",
        r"\b(?:given|provided|supplied|known|stated) "
        r"(?:class(?:es)?|facts|coordinates|labels?|information|data|list|metadata)\b|"
        r"\b(?:stated|specified|mentioned|listed|provided) (?:in the (?:prompt|facts|list)|above)\b",
    ),
    ("px pixel pixels", r"\b\d+(?:\.\d+)? ?(?:px|pixels?)\b|\b(?:in|of) pixels\b"),
    (
        "across down from of",
        r"\b\d+(?:\.\d+)? ?(?:%|per ?cent) "
        r"(?:across|down|from the|of the (?:way|width|height|image))",
    ),
)
"""Words of which a text must have one before it is searched, and the pattern."""

_SEARCHES = tuple((words(needed), re.compile(pattern, re.IGNORECASE)) for needed, pattern in _PATTERNS)
_PLACE = re.compile(r"[\[(]\s*\d+(?:\.\d+)?\s*%?,\s*\d+(?:\.\d+)?\s*%?(?:,[^)\]]{1,30})?[\])]")

_BOX = re.compile(r"\bbox(?:es)?\b(?P<after>[- ]?\w*)", re.IGNORECASE)
_BOXES = words("box boxes")
_BOX_LEAD = re.compile(
    rf"\b(?:{_ANY} (?:rectangular |square |bounding )?|"
    r"(?:in|inside|within|by) (?:the|a|an|its|their|each) (?:drawn |same )?)\Z",
    re.IGNORECASE,
)
_LONGEST_LEAD = 60
_HEAPED = re.compile(
    r"\b(?:stack|row|pile|line|group|cluster|block|load|heap|number)s? of (?:\w+ )?\Z", re.IGNORECASE
)
_BOX_THINGS = words(
    "shaped like truck trucks van vans car cars trailer trailers girder girders culvert culverts hedge "
    "hedges unit units container containers structure structures building buildings beam beams "
    "roof roofs of type junction body bodies wagon wagons style"
)

_TOLD = (
    'The text says "{said}". Readers see no boxes, outlines, numbers, labels, enlarged parts or lists of '
    "facts, only the image. Say what is meant by its class, its looks and its place, and cite regions only "
    "as <Region i>."
)
_TOLD_ALONE = '"{name}" must stand alone, but it has {sign}. Say what is meant by its class and place.'


def leaks(text: str, highest: int) -> Iterator[str]:
    """What in a text speaks of the drawing or of the prompt.

    Args:
        text: on one line, without signs.
        highest: highest number that can be drawn.
    """
    present = words_in(text)
    for needed, pattern in _SEARCHES:
        if not present.isdisjoint(needed):
            yield from (found[0].strip() for found in pattern.finditer(text))
    if not present.isdisjoint(_BOXES):
        yield from _boxes(text)
    yield from (found[0] for found in _PLACE.finditer(text))
    yield from number_leaks(text, highest, present)


def _boxes(text: str) -> Iterator[str]:
    for found in _BOX.finditer(text):
        before = text[max(0, found.start() - _LONGEST_LEAD) : found.start()]
        lead = _BOX_LEAD.search(before)
        thing = found["after"].strip(" -").lower() in _BOX_THINGS
        if lead and not thing and not _HEAPED.search(before[: lead.start()]):
            yield lead[0] + text[found.start() : found.start("after")]


def complaints(asked: Asked, answer: Answer) -> Iterator[Complaint]:
    """Complaints about texts that speak of the drawing, one for each thing said."""
    for part in answer.parts:
        for said in leaks(part.bare, asked.highest):
            yield Complaint(Fault.LEAK, _TOLD.format(said=said))
        if not asked.spec.texts[part.name].cites:
            for sign in CITATION.findall(part.text):
                yield Complaint(Fault.LEAK, _TOLD_ALONE.format(name=part.name, sign=sign))
