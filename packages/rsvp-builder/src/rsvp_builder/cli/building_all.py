"""``rsvp-build --all``: every release that lies in a folder, one after the other, and the coverage table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rsvp_builder.cli.doctoring import show_missing
from rsvp_builder.cli.output import fail, print_json, stdout
from rsvp_builder.cli.reporting import as_json_result, report, show_coverage
from rsvp_builder.errors import ExitCode, RsvpError, StrictError, UnbalancedLedgerError

if TYPE_CHECKING:
    from rsvp_builder.settings import Settings


def build_all(
    root: Path, out: Path | str, settings: Settings, options: dict[str, Any], *, quiet: bool, as_json: bool
) -> ExitCode:
    """Build what is found; a release that cannot be built costs itself alone.

    Args:
        root: folder of the releases.
        out: folder or URL of the data set.
        settings: for all of them; tasks, if any are named, are built of the sources that have them.
        options: further arguments of :func:`rsvp_builder.build.build`.
        quiet: show no progress.
        as_json: print one JSON object at the end, and nothing else.

    Returns:
        The exit code: that of the worst release.

    Raises:
        RsvpError: nothing is found.
        StrictError: ``--strict`` met a defect.
        UnbalancedLedgerError: a ledger does not balance.
    """
    from rsvp_builder.build import build
    from rsvp_builder.catalog import shipped
    from rsvp_builder.cli.progress import progress
    from rsvp_builder.dataset.coverage import coverage
    from rsvp_builder.finding import survey
    from rsvp_builder.remote.illustrate import bring_up_to_date
    from rsvp_builder.remote.place import folder_of

    manifests = list(shipped().values())
    found = survey(root, manifests)
    if not found.places:
        hint = f" Unpack {found.archives[0]} first." if found.archives else ""
        raise RsvpError(
            f"{root}: no release is recognised there.{hint} `rsvp-build show NAME` says how each is laid out."
        )
    code, results = ExitCode.OK, []
    for place in found.places:
        name = place.manifest.name
        tasks = tuple(task for task in settings.tasks if task in place.manifest.tasks)
        if settings.tasks and not tasks:
            continue
        own = settings.model_copy(update={"tasks": tasks})
        try:
            with progress(quiet=quiet or as_json) as on_progress:
                built = build(name, place.root, out, own, on_progress=on_progress, **options)
        except (StrictError, UnbalancedLedgerError):
            raise
        except RsvpError as error:
            fail(f"{name}: {error}")
            code = ExitCode.USER_ERROR
            results.append({"source": name, "error": str(error), "exit_code": int(error.exit_code)})
            continue
        quarantined = ExitCode.QUARANTINED if built.summary["quarantined"] else ExitCode.OK
        code = code or quarantined
        results.append(as_json_result(built, quarantined))
        if not as_json:
            report(built)
            stdout().print()
    bring_up_to_date(out)
    covered = coverage(folder_of(out), manifests)
    if as_json:
        print_json(
            {
                "sources": results,
                "missing": [manifest.name for manifest in found.missing],
                "unknown": [str(folder) for folder in found.unknown],
                "archives": found.archives,
                "coverage": [entry.to_json() for entry in covered],
                "exit_code": int(code),
            }
        )
    else:
        show_missing(found)
        show_coverage(covered)
    return code
