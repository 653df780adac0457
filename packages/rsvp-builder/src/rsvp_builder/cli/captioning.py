"""``rsvp-build caption``: rows that wait are answered by a model, and the answers merged."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperGroup

from rsvp_builder.cli.output import Json, notice, print_json, stdout
from rsvp_builder.errors import RsvpError

if TYPE_CHECKING:
    from rsvp_builder.captioning.review.page import Want

HELP = (
    "Have a model write the answers that wait: relationship analyses, grounded and detailed captions.\n\n"
    "`rsvp-build caption OUT --model gpt-4o --max-usd 20` plans, sends and checks; run again it goes on. "
    "`--dry-run` tells the cost first. `caption submit`, `poll` and `fetch` do it in batches at a lower "
    "price. `caption merge` puts the answers into the data set. docs/captioning.md tells all of it."
)


class _RunByDefault(TyperGroup):
    """Makes ``caption OUT ...`` mean ``caption run OUT ...``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put in the command that was left out."""
        if args and args[0] not in self.commands and args[0] not in ("--help", "-h"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_RunByDefault,
    no_args_is_help=True,
    help=HELP,
    epilog="Exit codes: 0 everything was asked; 2 a mistake to mend, or the endpoint stopped the run; 3 "
    "done, but some rows could not be asked; 6 the budget is used up; 130 interrupted. The same command goes "
    "on in every case.",
)

Out = Annotated[Path, typer.Argument(help="Folder of the data set.")]
Model = Annotated[str, typer.Option(help="Model, as the endpoint calls it.")]
MaxUsd = Annotated[
    float | None,
    typer.Option(min=0, help="Most US dollars, with all that was ever spent on this data set."),
]
Tasks = Annotated[
    list[str] | None,
    typer.Option("--task", help="Task to answer; repeat for several. [default: all that are planned]"),
]
Sources = Annotated[list[str] | None, typer.Option("--source", help="Source; repeat for several.")]
Splits = Annotated[list[str] | None, typer.Option("--split", help="Split; repeat for several.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Most rows, drawn by --seed.")]
Seed = Annotated[int, typer.Option(help="Decides which rows --limit takes.")]
Detail = Annotated[
    Literal["low", "high", "auto"], typer.Option(help="Detail at which pictures are looked at.")
]
MaxTokens = Annotated[int, typer.Option(min=16, help="Most tokens of an answer.")]
Temperature = Annotated[str, typer.Option(help="Of sampling; `none` where the model takes none.")]
ModelSeed = Annotated[str, typer.Option(help="Seed of sampling; `none` where the model takes none.")]
Extra = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=JSON", help="Further field of each request, such as reasoning_effort='\"low\"'."
    ),
]
Prices = Annotated[Path | None, typer.Option(help="Your own file of prices, of the form of prices.toml.")]
InputUsd = Annotated[float | None, typer.Option(help="US dollars per million tokens in; with --output-usd.")]
OutputUsd = Annotated[float | None, typer.Option(help="US dollars per million tokens out.")]
BaseUrl = Annotated[
    str | None, typer.Option(help="Endpoint, such as http://localhost:8000/v1. [default: OpenAI]")
]
KeyFile = Annotated[
    Path | None, typer.Option(help="File that holds the API key and nothing else. [default: OPENAI_API_KEY]")
]
Boxes = Annotated[bool, typer.Option("--boxes/--no-boxes", help="Draw outlines.")]
Points = Annotated[bool, typer.Option("--points/--no-points", help="Draw points.")]
Numbers = Annotated[bool, typer.Option("--numbers/--no-numbers", help="Draw numbers.")]
Asks = Annotated[
    int, typer.Option(min=1, max=10, help="Times that a row is asked at most, with the reasons.")
]
ResendLost = Annotated[
    bool,
    typer.Option(
        "--resend-lost", help="Send again what a killed run sent; it may have been paid for already."
    ),
]
Workers = Annotated[int | None, typer.Option(min=1, help="Processes that draw. [default: cores]")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


@app.command("run")
def run(
    out: Out,
    model: Model,
    max_usd: MaxUsd = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell requests, tokens and cost; send nothing, need no key.")
    ] = False,
    task: Tasks = None,
    source: Sources = None,
    split: Splits = None,
    limit: Limit = None,
    seed: Seed = 0,
    concurrency: Annotated[int, typer.Option(min=1, max=2000, help="Requests in flight at most.")] = 16,
    rpm: Annotated[float | None, typer.Option(help="Most requests a minute.")] = None,
    tpm: Annotated[float | None, typer.Option(help="Most tokens a minute.")] = None,
    asks: Asks = 3,
    resend_lost: ResendLost = False,
    base_url: BaseUrl = None,
    key_file: KeyFile = None,
    detail: Detail = "high",
    max_tokens: MaxTokens = 1024,
    temperature: Temperature = "0.2",
    model_seed: ModelSeed = "0",
    extra: Extra = None,
    boxes: Boxes = True,
    points: Points = True,
    numbers: Numbers = True,
    prices: Prices = None,
    input_usd: InputUsd = None,
    output_usd: OutputUsd = None,
    workers: Workers = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Plan what waits, send it, check the answers; run again it goes on. `run` may be left out."""
    from rsvp_builder.cli.captioning_work import Wish, dry, send_online

    wish = Wish.of(
        out, model, max_usd, (task, source, split, limit, seed),
        (detail, max_tokens, temperature, model_seed, extra), (boxes, points, numbers),
        (prices, input_usd, output_usd), workers, quiet=quiet or as_json,
    )  # fmt: skip
    if dry_run:
        dry(wish, as_json=as_json)
        return
    raise typer.Exit(
        send_online(
            wish, asks=asks, concurrency=concurrency, rpm=rpm, tpm=tpm, resend_lost=resend_lost,
            base_url=base_url, key_file=key_file, as_json=as_json,
        )
    )  # fmt: skip


@app.command("submit")
def submit(
    out: Out,
    model: Model,
    max_usd: MaxUsd = None,
    task: Tasks = None,
    source: Sources = None,
    split: Splits = None,
    limit: Limit = None,
    seed: Seed = 0,
    max_batches: Annotated[
        int | None, typer.Option(min=1, help="Most new batches; endpoints bound what is queued.")
    ] = None,
    resend_lost: ResendLost = False,
    base_url: BaseUrl = None,
    key_file: KeyFile = None,
    detail: Detail = "high",
    max_tokens: MaxTokens = 1024,
    temperature: Temperature = "0.2",
    model_seed: ModelSeed = "0",
    extra: Extra = None,
    boxes: Boxes = True,
    points: Points = True,
    numbers: Numbers = True,
    prices: Prices = None,
    input_usd: InputUsd = None,
    output_usd: OutputUsd = None,
    workers: Workers = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Plan what waits and hand it to the endpoint in batches, answered within a day at a lower price."""
    from rsvp_builder.cli.captioning_batches import submit as hand_over
    from rsvp_builder.cli.captioning_work import Wish

    wish = Wish.of(
        out, model, max_usd, (task, source, split, limit, seed),
        (detail, max_tokens, temperature, model_seed, extra), (boxes, points, numbers),
        (prices, input_usd, output_usd), workers, quiet=quiet or as_json,
    )  # fmt: skip
    hand_over(
        wish,
        max_batches=max_batches,
        resend_lost=resend_lost,
        base_url=base_url,
        key_file=key_file,
        as_json=as_json,
    )


@app.command("poll")
def poll(
    out: Out,
    wait: Annotated[bool, typer.Option("--wait", help="Look until all batches have ended.")] = False,
    base_url: BaseUrl = None,
    key_file: KeyFile = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Look how far the batches are."""
    from rsvp_builder.cli.captioning_batches import poll as look

    look(out, base_url, key_file, wait=wait, quiet=quiet or as_json, as_json=as_json)


@app.command("fetch")
def fetch(
    out: Out,
    asks: Asks = 3,
    base_url: BaseUrl = None,
    key_file: KeyFile = None,
    prices: Prices = None,
    input_usd: InputUsd = None,
    output_usd: OutputUsd = None,
    keep_files: Annotated[bool, typer.Option("--keep-files", help="Leave files at the endpoint.")] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Take the answers of batches that have ended; submit again what had faults or no answer."""
    from rsvp_builder.cli.captioning_batches import fetch as take

    take(
        out, base_url, key_file, (prices, input_usd, output_usd), asks=asks, keep_files=keep_files,
        quiet=quiet or as_json, as_json=as_json,
    )  # fmt: skip


@app.command("cancel")
def cancel(
    out: Out,
    batch: Annotated[list[str] | None, typer.Argument(help="Batches. [default: all that are open]")] = None,
    base_url: BaseUrl = None,
    key_file: KeyFile = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Cancel batches; fetch what they had answered until then."""
    from rsvp_builder.cli.captioning_batches import cancel as end

    end(out, batch or None, base_url, key_file, quiet=quiet or as_json, as_json=as_json)


@app.command("status")
def status(out: Out, as_json: Json = False) -> None:
    """Tell what was asked, answered, rejected and why, and what it cost; works beside a run."""
    from rsvp_builder.captioning.report import statistics
    from rsvp_builder.cli.captioning_report import print_statistics

    found = statistics(out)
    if as_json:
        print_json(found)
    else:
        print_statistics(stdout(), found)


@app.command("merge")
def merge(
    out: Out,
    model: Annotated[
        str | None, typer.Option(help="Only answers of models of this pattern, such as gpt-4o*.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Put the answers into the data set and its card, in place of those merged earlier."""
    from rsvp_builder.arrow import keep_pandas_out

    keep_pandas_out()
    from rsvp_builder.captioning.merge import merge as put
    from rsvp_builder.cli.captioning_report import print_merged
    from rsvp_builder.dataset.illustrate import bring_up_to_date
    from rsvp_builder.dataset.layout import Folder

    merged = put(out, model=model)
    bring_up_to_date(Folder(out))
    for problem in merged.problems:
        notice(f"{problem}; please report it")
    if merged.gone:
        notice(f"{merged.gone:,} answers are about rows that are not in the data set any more")
    if as_json:
        print_json({"sources": merged.accounts, "gone": merged.gone, "unfit": merged.unfit})
    else:
        print_merged(stdout(), out, merged)


@app.command("review")
def review(
    out: Out,
    html: Annotated[
        Path | None, typer.Option("--out", help="Where to write the page. [default: OUT/review.html]")
    ] = None,
    verdicts: Annotated[
        Path | None,
        typer.Option(help="Read this file, which the page downloaded, instead of writing a page."),
    ] = None,
    task: Tasks = None,
    source: Sources = None,
    split: Splits = None,
    show: Annotated[
        Literal["open", "all", "accepted", "rejected"],
        typer.Option(help="Answers without a verdict, or all, or those of a verdict."),
    ] = "open",
    limit: Annotated[int, typer.Option(min=1, help="Most answers, drawn by --seed.")] = 100,
    seed: Annotated[int, typer.Option(help="Decides which.")] = 0,
    as_json: Json = False,
) -> None:
    """Write a page on which people accept or reject answers, or read their verdicts back."""
    from rsvp_builder.captioning.review import Selected, take_verdicts, write_page
    from rsvp_builder.cli.captioning_report import print_page, print_verdicts

    if verdicts is not None:
        taken = take_verdicts(out, verdicts)
        print_verdicts(stdout(), out, taken, as_json=as_json)
        return
    want: Want = show
    chosen = Selected(tuple(task or ()), tuple(source or ()), tuple(split or ()), want, limit, seed)
    print_page(stdout(), write_page(out, html or out / "review.html", chosen), as_json=as_json)


@app.command("retry")
def retry(
    out: Out,
    rejected: Annotated[
        bool,
        typer.Option("--rejected", help="Also the rows that the checks rejected, from the first ask on."),
    ] = False,
    reviewed: Annotated[
        bool, typer.Option("--reviewed", help="Also those, and the answers that people rejected.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Plan again what failed; the next `caption` or `caption submit` sends it."""
    from rsvp_builder.captioning.store import Store
    from rsvp_builder.dataset.layout import Folder

    path = Folder(out).store
    if not path.is_file():
        raise RsvpError(f"{path}: there is no store; `rsvp-build caption` makes one")
    with Store(path) as store:
        failed = store.retry_failed()
        again = store.retry_rejected(reviewed=reviewed) if rejected or reviewed else 0
    if as_json:
        print_json({"failed": failed, "rejected": again})
    else:
        stdout().print(f"planned again: {failed:,} that failed, {again:,} that were rejected")
