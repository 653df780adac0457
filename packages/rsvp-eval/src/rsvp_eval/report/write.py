"""Everything that comes out of a score, into one folder."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from rsvp_eval.bootstrap import DRAWS, SEED
from rsvp_eval.evaluation import Evaluation
from rsvp_eval.files import remove
from rsvp_eval.report.build import results_of
from rsvp_eval.report.page import SAMPLES, write_page
from rsvp_eval.report.results import FILE as RESULTS
from rsvp_eval.report.results import Results
from rsvp_eval.report.samples import write_samples
from rsvp_eval.report.table import write_table


def write_report(
    evaluation: Evaluation,
    folder: Path,
    *,
    draws: int = DRAWS,
    seed: int = SEED,
    started: datetime | None = None,
    page: bool = True,
    page_metric: str | None = None,
    page_samples: int = SAMPLES,
) -> Results:
    """Write results.json, samples.jsonl, table.md and report.html.

    An earlier results.json goes first and the new one comes last: where it is, the others are of its run.

    Args:
        evaluation: what was found out.
        folder: where to; made if it is not there.
        draws: of the bootstrap; 0 for no intervals.
        seed: of the bootstrap.
        started: when the run began; now, if not given.
        page: write report.html.
        page_metric: that its worst and best samples are chosen by; None for a suitable one.
        page_samples: most samples of each kind.

    Raises:
        EvalError: if something cannot be written, or the data set not be read.
        UnknownNameError: if there is no metric ``page_metric``.
    """
    results = results_of(evaluation, draws=draws, seed=seed, started=started)
    remove(folder / RESULTS)
    write_samples(evaluation, folder)
    write_table(results, folder)
    if page:
        write_page(evaluation, results, folder, metric=page_metric, samples=page_samples)
    results.write(folder)
    return results
