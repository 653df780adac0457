"""``rsvp-eval doctor`` and ``rsvp-eval verify``."""

from __future__ import annotations

from dataclasses import asdict

import typer

from rsvp_eval.cli.output import Json, print_json, print_table
from rsvp_eval.errors import ExitCode


def doctor(json: Json = False) -> None:
    """Say where each resource was found, and what is missing for what."""
    from rsvp_eval.doctor import examine

    found = examine()
    if json:
        print_json([asdict(finding) for finding in found])
        return
    rows = [("ok" if f.ok else "--", f.what, f.where, f.needed_for) for f in found]
    print_table(("", "what", "where", "for"), rows)


def verify(json: Json = False) -> None:
    """Recompute recorded values of the reference implementations; exit code 1 if one differs."""
    from rsvp_eval.verify import verify as run

    checks = run()
    if json:
        print_json([asdict(check) for check in checks])
    else:
        rows = [
            (c.metric, str(c.values), "" if c.difference is None else f"{c.difference:.1e}", c.verdict)
            for c in checks
        ]
        print_table(("metric", "values", "largest difference", "verdict"), rows, right=("values",))
    if any(check.failed for check in checks):
        raise typer.Exit(ExitCode.BAD_INPUT)
