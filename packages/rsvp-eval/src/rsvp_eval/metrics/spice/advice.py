"""What to do about the ways in which SPICE does not run."""

from __future__ import annotations

from rsvp_eval.metrics.spice.home import SpiceHome

_SIGNS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("edu/stanford/nlp/models/",),
        "{models} does not hold the parser's models: take the file from the release of CoreNLP 3.6.0 "
        "(see docs/metrics-licences.md)",
    ),
    (
        ("Module jdk.compiler", "Could not find or load main class", "Unrecognized option: --add-opens"),
        "{java} has no Java compiler or is too old: a JDK of version 11 or newer is needed, not a runtime",
    ),
    (
        ("OutOfMemoryError", "Could not reserve enough space", "Invalid maximum heap size"),
        "Java was given {memory} of memory: give it more, or less where the machine has less",
    ),
    (
        ("NoClassDefFoundError", "ClassNotFoundException", "does not exist", "NoSuchMethodError"),
        "a jar is missing, broken or of another version. The class path is {class_path}",
    ),
)
"""What Java says, and what to tell the user."""


def advice(told: str, home: SpiceHome, java: str, memory: str) -> str:
    """What to do about an error.

    Args:
        told: what Java said.
        home: SPICE and CoreNLP.
        java: the program that was run.
        memory: its largest heap.

    Returns:
        A sentence to put behind the error, with a full stop and a blank in front, or nothing.
    """
    known = {"models": home.models, "class_path": home.class_path, "java": java, "memory": memory}
    for signs, what in _SIGNS:
        if any(sign in told for sign in signs):
            return ". " + what.format_map(known)
    return ""
