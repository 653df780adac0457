"""In a worker: one unit built on the machine's own disk, and uploaded with its marker last."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from rsvp_builder.dataset.layout import Folder
from rsvp_builder.engine.plan import Unit
from rsvp_builder.engine.unit import Job, UnitResult, run_unit
from rsvp_builder.remote.store import Store


def run_and_upload(job: Job, unit: Unit) -> UnitResult:
    """Build one unit as :func:`rsvp_builder.engine.unit.run_unit` does, and upload what it wrote.

    The scratch folder is made where ``TMPDIR`` says and holds one unit's shards.

    Raises:
        StrictError: under ``strict``, at the first input that cannot be used.
        RsvpError: the upload failed; nothing is left that counts as finished.
    """
    if job.url is None:
        raise AssertionError("this build does not go to a URL")
    with tempfile.TemporaryDirectory(prefix="rsvp-unit-", ignore_cleanup_errors=True) as scratch:
        out = Path(scratch)
        result = run_unit(replace(job, out=out), unit)
        store = Store(job.url)
        marker = Folder(out).marker(job.manifest.name, unit.number)
        for file in (*sorted(out.rglob("*.parquet")), marker):
            store.put(file, file.relative_to(out).as_posix())
        return result
