"""Which requests fail, and how: a plan in JSON.

A plan is a list of rules; the first that matches and is not used up applies::

    [{"match": {"nth": 3}, "fault": "429", "retry_after": 1},
     {"match": {"every": 10}, "fault": "500", "times": 2},
     {"match": {"probability": 0.05, "seed": 1}, "fault": "drop_before"},
     {"match": {"key": "ab12", "attempt": 1}, "fault": "schema"}]

``nth`` and ``every`` count requests as they arrive since the plan was set, from 1 on; ``key`` is the
beginning of ``X-Client-Request-Id``; ``attempt`` is what follows its last hyphen. Several conditions must all
hold; no condition is every request. ``times`` bounds how often a rule applies.

Faults before an answer: ``429`` (with ``retry_after``, ``retry_after_ms``, in seconds and milliseconds, or
neither), ``quota``, ``401`` (echoes the key), ``model``, ``400``, ``500``, ``503`` or any other status as
digits, ``drop_before``. Faults of the answer: ``slow`` (``seconds`` more), ``drop_middle``, ``body`` (not
JSON), ``malformed`` (the message is not JSON), ``schema``, ``refusal``, ``filter``, ``truncated``,
``content`` (the message is ``content``).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

BEFORE = ("429", "quota", "401", "model", "400", "500", "503", "drop_before")
WITHIN = (
    "slow",
    "drop_middle",
    "body",
    "malformed",
    "schema",
    "refusal",
    "filter",
    "truncated",
    "content",
)


@dataclass
class Rule:
    """One rule of a plan, and how often it has applied."""

    match: dict[str, Any]
    fault: str
    options: dict[str, Any]
    used: int = 0
    chance: random.Random = field(default_factory=random.Random)

    @classmethod
    def of(cls, given: dict[str, Any]) -> Rule:
        """From JSON; raises ValueError for what it does not know, so that no test passes by a misspelling."""
        options = dict(given)
        match = dict(options.pop("match", {}))
        fault = str(options.pop("fault"))
        if fault not in (*BEFORE, *WITHIN) and not fault.isdigit():
            raise ValueError(f"no such fault: {fault}")
        if strange := set(match) - {"nth", "every", "probability", "seed", "key", "attempt"}:
            raise ValueError(f"no such condition: {sorted(strange)}")
        return cls(match, fault, options, chance=random.Random(match.get("seed", 0)))

    def applies(self, number: int, request_id: str) -> bool:
        """Whether the request of this number is meant."""
        if self.used >= self.options.get("times", float("inf")):
            return False
        want = self.match
        return (
            ("nth" not in want or number == want["nth"])
            and ("every" not in want or number % want["every"] == 0)
            and ("key" not in want or request_id.startswith(want["key"]))
            and ("attempt" not in want or request_id.rpartition("-")[2] == str(want["attempt"]))
            and ("probability" not in want or self.chance.random() < want["probability"])
        )


class Plan:
    """The rules in force."""

    def __init__(self, rules: list[dict[str, Any]] | None = None) -> None:
        self.rules = [Rule.of(rule) for rule in rules or []]
        self.seen = 0

    def pick(self, request_id: str) -> Rule | None:
        """Counts a request; the rule that it falls under, or None."""
        self.seen += 1
        for rule in self.rules:
            if rule.applies(self.seen, request_id):
                rule.used += 1
                return rule
        return None
