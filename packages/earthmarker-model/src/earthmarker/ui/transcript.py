"""The conversation as HTML: each line of an answer in the colour of the mark that it is about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from earthmarker.prompts.palette import Colour, colour
from earthmarker.ui.session import Turn

_TAG = re.compile(r"<(Region|Mark) (\d{1,3})>")


def transcript(turns: Sequence[Turn]) -> str:
    """HTML of all turns; whatever people or models wrote is escaped."""
    if not turns:
        return (
            '<p class="em-empty">Answers appear here. Lines about a mark have its colour. A question after '
            "an answer goes on in the same conversation, until the marks change.</p>"
        )
    return f'<div class="em-log" role="log">{"".join(_turn(t, i) for i, t in enumerate(turns))}</div>'


def _turn(turn: Turn, number: int) -> str:
    divider = '<p class="em-divider">Marks changed: a new conversation</p>' if number and turn.begins else ""
    question = f'<p class="em-question">{escape(turn.question)}</p>'
    if turn.answer is None:
        answer = '<p class="em-line em-waiting">Reading image and marks</p>'
    else:
        lines = [line for line in turn.answer.splitlines() if line.strip()]
        answer = "".join(map(_line, lines)) or '<p class="em-line em-nothing">(an empty answer)</p>'
    return f'{divider}<div class="em-turn">{question}<div class="em-answer">{answer}</div></div>'


def _line(line: str) -> str:
    """A line of an answer, in the colour of the mark that it cites first."""
    tags = [int(match[2]) for match in _TAG.finditer(line)]
    parts, end = [], 0
    for match in _TAG.finditer(line):
        parts += [escape(line[end : match.start()]), _chip(match[1], int(match[2]))]
        end = match.end()
    parts.append(escape(line[end:]))
    first = next((n for n in tags if n >= 1), None)
    style = f' data-mark="{first}" style="--mark: {css(colour(first))}"' if first is not None else ""
    return f'<p class="em-line"{style}>{"".join(parts)}</p>'


def _chip(kind: str, index: int) -> str:
    if index < 1:
        return escape(f"<{kind} {index}>")
    paint = colour(index)
    return (
        f'<span class="em-chip" style="background: {css(paint)}; color: {css(ink(paint))}">'
        f"{kind} {index}</span>"
    )


def css(paint: Colour) -> str:
    """A colour as CSS writes it."""
    return f"rgb({paint[0]}, {paint[1]}, {paint[2]})"


def ink(background: Colour) -> Colour:
    """Black or white, whichever has the larger contrast by WCAG 2.2: at least 4.58 on any colour."""
    return (
        (0, 0, 0) if contrast(background, (0, 0, 0)) >= contrast(background, (255, 255, 255)) else (255,) * 3
    )


def contrast(one: Colour, other: Colour) -> float:
    """Contrast ratio of WCAG 2.2, 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(paint: Colour) -> float:
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in paint)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
