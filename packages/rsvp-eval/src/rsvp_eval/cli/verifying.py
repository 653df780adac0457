"""``rsvp-eval doctor`` and ``rsvp-eval verify``."""

from __future__ import annotations

from dataclasses import asdict

import typer

from rsvp_eval.cli.output import Json, print_json, stdout, table
from rsvp_eval.errors import ExitCode


def doctor(json: Json = False) -> None:
    """Say where each resource was found, and what is missing for what."""
    from rsvp_eval.doctor import examine

    found = examine()
    if json:
        print_json([asdict(finding) for finding in found])
        return
    made = table("", "what", "where", "for")
    for finding in found:
        made.add_row("ok" if finding.ok else "--", finding.what, finding.where, finding.needed_for)
    stdout().print(made)


def verify(json: Json = False) -> None:
    """Recompute recorded values of the reference implementations; exit code 1 if one differs."""
    from rsvp_eval.verify import verify as run

    checks = run()
    if json:
        print_json([asdict(check) for check in checks])
    else:
        made = table("metric", "values", "largest difference", "verdict", right=("values",))
        for check in checks:
            difference = "" if check.difference is None else f"{check.difference:.1e}"
            made.add_row(check.metric, str(check.values), difference, check.verdict)
        stdout().print(made)
    if any(check.failed for check in checks):
        raise typer.Exit(ExitCode.BAD_INPUT)
