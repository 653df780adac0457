"""``rsvp-eval score``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rsvp_eval.cli.output import Json, notice, print_grids, print_json
from rsvp_eval.errors import EvalError, UsageError

Predictions = Annotated[
    Path, typer.Option("-p", "--predictions", help='JSONL of {"id", "prediction"}.', show_default=False)
]
References = Annotated[
    Path | None,
    typer.Option("-r", "--references", help='JSONL of {"id", "references"}.', show_default=False),
]
Data = Annotated[
    Path | None,
    typer.Option("--data", help="Instead: a data set made by rsvp-build.", show_default=False),
]
Out = Annotated[
    Path, typer.Option("-o", "--out", help="Folder for results, samples and report.", show_default=False)
]


def score(
    task: Annotated[str, typer.Argument(help="Name of a task, or a task file.", show_default=False)],
    predictions: Predictions,
    out: Out,
    references: References = None,
    data: Data = None,
    metrics: Annotated[
        str | None, typer.Option("-m", "--metrics", help="Metrics, comma-separated; the task's by default.")
    ] = None,
    protocol: Annotated[
        str | None, typer.Option(help="Of labels: osprey, sphinxv, videorefer or strict.")
    ] = None,
    normalization: Annotated[
        str | None, typer.Option(help="Of accuracy: geochat, earthmarker or lhrs.")
    ] = None,
    source: Annotated[str | None, typer.Option(help="Score one source of the data set.")] = None,
    split: Annotated[str | None, typer.Option(help="Score another split than the task's.")] = None,
    encoder: Annotated[str | None, typer.Option(help="Of SS: a folder of weights, or a hub id.")] = None,
    idf: Annotated[
        str, typer.Option(help="Of CIDEr: `corpus`, these references; or `file:DF.json`.")
    ] = "corpus",
    bootstrap: Annotated[int, typer.Option(min=0, help="Draws for the intervals; 0 for none.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="Score the first samples only.")] = None,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Fail on missing or unknown ids (1), and on metrics that cannot run (3)."
        ),
    ] = False,
    html: Annotated[bool, typer.Option(help="Write report.html.")] = True,
    json: Json = False,
) -> None:
    """Score predictions: results.json, samples.jsonl, table.md and report.html in OUT.

    For captions from anywhere: `rsvp-eval score caption -p preds.jsonl -r refs.jsonl -o OUT`.
    """
    from datetime import UTC, datetime

    from rsvp_eval.api import score as run
    from rsvp_eval.report.write import write_report
    from rsvp_eval.run import Options

    if (references is None) == (data is None):
        raise UsageError("give either --references or --data")
    started = datetime.now(UTC)
    options = Options(
        metrics=tuple(name.strip() for name in metrics.split(",") if name.strip()) if metrics else (),
        protocol=protocol,
        normalization=normalization,
        encoder=encoder,
        document_frequency=_file(idf),
        limit=limit,
        strict=strict,
    )
    evaluation = run(task, predictions, references, data=data, source=source, split=split, options=options)
    if strict:
        for name in ("missing", "unknown"):
            if evaluation.counts.get(name):
                ids = ", ".join(evaluation.lists[name][:5])
                raise EvalError(f"--strict: {evaluation.counts[name]:,} {name}: {ids}")
    results = write_report(evaluation, out, draws=bootstrap, seed=seed, started=started, page=html)
    if json:
        print_json(results.model_dump(mode="json", by_alias=True))
        return
    from rsvp_eval.report.table import table_of

    print_grids([table_of(results)], "text")
    notice(f"results, samples and report are in {out}")


def _file(idf: str) -> Path | None:
    if idf == "corpus":
        return None
    kind, _, path = idf.partition(":")
    if kind != "file" or not path:
        raise UsageError(f"--idf {idf}: expected `corpus` or `file:PATH`")
    return Path(path)
