"""The verdict on one response: the answer in its final form, or what is wrong with it.

A response may be anything that an endpoint which calls itself compatible sends. Whatever it is, the verdict
is an :class:`Outcome`; nothing is raised because of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

from rsvp_builder.captioning.checks import complaints
from rsvp_builder.captioning.checks.asked import Asked
from rsvp_builder.captioning.checks.refusal import TOLD as REFUSED
from rsvp_builder.captioning.checks.refusal import is_refusal
from rsvp_builder.captioning.form import form_problems
from rsvp_builder.captioning.outcome import Complaint, Fault, Outcome
from rsvp_builder.captioning.render import Answer, read_answer, rendered
from rsvp_builder.captioning.reply import LONGEST, Reply, json_object, read_reply
from rsvp_builder.captioning.spec import PromptSpec

_MOST_TOLD = 8
"""Complaints of one kind that a model is told; more than it can mend in one go help nobody."""

_CUT = "The answer was cut off before its end. Write fewer words for each text, and all of the JSON object."


def judge(spec: PromptSpec, row: dict[str, Any], shown: Sequence[int], response: dict[str, Any]) -> Outcome:
    """Judge a response.

    Args:
        spec: what was asked.
        row: the row, without its picture.
        shown: indices of the marks that are drawn; the others need not be spoken of, and must not be cited.
        response: body of a chat completion.
    """
    reply = read_reply(response)
    found = _answer(spec, reply)
    if isinstance(found, Answer):
        wrong = _limited(complaints(Asked.of(spec, row, shown), found))
        if not wrong:
            text, captions = rendered(spec, found, shown)
            return _outcome(reply, (), text, captions)
        return _outcome(reply, wrong)
    return _outcome(reply, (found,))


def _answer(spec: PromptSpec, reply: Reply) -> Answer | Complaint:
    """The structured answer in a reply, or why there is none."""
    if reply.filtered:
        return Complaint(
            Fault.FILTERED,
            "The answer was taken by a content filter. Describe only the scene, in plain factual words.",
        )
    if reply.refusal:
        return Complaint(Fault.REFUSED, REFUSED)
    if not reply.found:
        return _malformed("there was no message")
    if reply.finish_reason == "length":
        return Complaint(Fault.TRUNCATED, _CUT)
    if not reply.content.strip():
        return _malformed("it was empty")
    if len(reply.content) > LONGEST:
        return _malformed(f"it had {len(reply.content)} characters")
    value, cut = json_object(reply.content)
    if value is None:
        if cut:
            return Complaint(Fault.TRUNCATED, _CUT)
        if is_refusal(reply.content):
            return Complaint(Fault.REFUSED, REFUSED)
        return _malformed("it was not JSON")
    problems = list(islice(form_problems(value, spec.answer_schema), 3))
    if problems:
        said = " ".join(text for text in _strings(value) if len(text) < 2000)
        # A refusal that is squeezed into some object is still a refusal.
        return Complaint(Fault.REFUSED, REFUSED) if is_refusal(said) else _malformed("; ".join(problems))
    return read_answer(spec, value)


def _malformed(what: str) -> Complaint:
    return Complaint(
        Fault.MALFORMED,
        f"The answer could not be read: {what}. Answer with one JSON object of the form that was asked for.",
    )


def _strings(value: Any) -> list[str]:
    """Texts in the upper two levels of a value."""
    if not isinstance(value, dict):
        return []
    inner = [text for each in value.values() if isinstance(each, dict) for text in each.values()]
    return [text for text in [*value.values(), *inner] if isinstance(text, str)]


def _limited(found: list[Complaint]) -> tuple[Complaint, ...]:
    """At most a few complaints of each kind, so that a bad answer to twenty marks stays readable."""
    kept: list[Complaint] = []
    for complaint in found:
        if sum(complaint.fault is other.fault for other in kept) < _MOST_TOLD:
            kept.append(complaint)
    return tuple(kept)


def _outcome(
    reply: Reply,
    wrong: tuple[Complaint, ...],
    text: str | None = None,
    captions: dict[int, str] | None = None,
) -> Outcome:
    return Outcome(
        text=text,
        captions=captions or {},
        complaints=wrong,
        raw=reply.message,
        usage=reply.usage,
        finish_reason=reply.finish_reason,
        model=reply.model,
    )
