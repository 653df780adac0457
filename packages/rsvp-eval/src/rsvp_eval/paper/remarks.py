"""Why a row of ours may not be compared with the published ones beside it."""

from __future__ import annotations

from collections.abc import Iterator

from rsvp_eval.paper.tables import Part
from rsvp_eval.report import families
from rsvp_eval.report.results import Results
from rsvp_eval.tasks.task import shipped


def remarks(results: Results, part: Part) -> Iterator[str]:
    """What differs from the published conditions, the gravest first.

    Args:
        results: of a task whose ``published`` names the part.
        part: of a published table.
    """
    if results.partial:
        yield "partial run: only a part of the samples was scored"
    shipped_task = shipped().get(results.task.name)
    if shipped_task is None or shipped_task.sha256 != results.task.sha256:
        yield f"other task: its file is not the one of task {results.task.name} that this version ships"
    uncertain = " (unverified)" if part.n_unverified else ""
    if results.n != part.n:
        yield f"other test set: {results.n:,} samples, the published one has {part.n:,}{uncertain}"
    yield from _splits(results, part)
    if part.protocol is not None and results.task.protocol != part.protocol:
        yield f"other protocol: {results.task.protocol}, the paper's is {part.protocol}"
    yield from _metrics(results, part)


def _splits(results: Results, part: Part) -> Iterator[str]:
    wanted = " or ".join(part.splits)
    if not results.task.splits:
        yield f"which split was scored is not recorded; the published one is {wanted}"
    for source, split in results.task.splits.items():
        if split not in part.splits:
            drawn = ", a seeded draw that is nobody's published split" if "seed" in split else ""
            yield f"other split: {split} of {source}{drawn}; the published one is {wanted}"


def _metrics(results: Results, part: Part) -> Iterator[str]:
    for name in part.metrics:
        metric = results.metrics.get(name)
        if metric is None:
            yield f"{families.title(name)} was not asked for"
        elif metric.value is None:
            yield f"{families.title(name)} is missing: {metric.reason}"
        elif metric.n != results.n:
            yield f"{families.title(name)} is over {metric.n or 0:,} of {results.n:,} samples"
    cider = results.metrics.get("cider")
    if "cider" in part.metrics and cider is not None and cider.value is not None:
        if "idf=corpus" not in (cider.spec or ""):
            yield f"CIDEr with other document frequencies than the test set's: {cider.spec}"
        elif results.n != part.n:
            yield "CIDEr's document frequencies depend on the test set, so it is another scale"
