"""What ``caption`` and ``caption submit`` do before anything is sent; and sending one by one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rsvp_builder.arrow import keep_pandas_out
from rsvp_builder.captioning.draft import Asking
from rsvp_builder.captioning.drawing import DrawingSettings
from rsvp_builder.captioning.planning import Drafted, Planning, drafts, entry_of
from rsvp_builder.captioning.prices import Price, price_of
from rsvp_builder.captioning.request import ModelSettings
from rsvp_builder.captioning.select import Selection, waiting
from rsvp_builder.captioning.store import Store
from rsvp_builder.captioning.work import Bodies, Judge
from rsvp_builder.captioning.workers import AHEAD, drawing_pool, worker_died
from rsvp_builder.cli.captioning_progress import drawing_progress, sending_progress
from rsvp_builder.cli.captioning_report import print_ended, print_estimate
from rsvp_builder.cli.output import fail, notice, print_json, stdout
from rsvp_builder.dataset.layout import Folder
from rsvp_builder.engine.run import available_cpus
from rsvp_builder.errors import ExitCode, RsvpError

if TYPE_CHECKING:
    from rsvp_builder.captioning.online import Ended

_Names = Sequence[str] | None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a user asks for, checked.

    Attributes:
        out: folder of the data set.
        selection: which rows.
        asking: how.
        price: of the model.
        max_usd: budget, or None.
        workers: processes that draw.
        quiet: show no progress.
    """

    out: Path
    selection: Selection
    asking: Asking
    price: Price
    max_usd: float | None
    workers: int
    quiet: bool

    @classmethod
    def of(
        cls,
        out: Path,
        model: str,
        max_usd: float | None,
        rows: tuple[_Names, _Names, _Names, int | None, int],
        answer: tuple[str, int, str, str, _Names],
        drawn: tuple[bool, bool, bool],
        prices: tuple[Path | None, float | None, float | None],
        workers: int | None,
        *,
        quiet: bool,
    ) -> Wish:
        """From the options of the command line, in the order in which it has them.

        Raises:
            RsvpError: one of them cannot be used.
        """
        tasks, sources, splits, limit, seed = rows
        detail, max_tokens, temperature, model_seed, extra = answer
        settings = ModelSettings(
            model=model,
            detail=detail,
            max_tokens=max_tokens,
            temperature=_number("--temperature", temperature, float),
            seed=_number("--model-seed", model_seed, int),
            extra=_extra(extra or ()),
        )
        boxes, points, numbers = drawn
        return cls(
            out=out,
            selection=Selection(tuple(tasks or ()), tuple(sources or ()), tuple(splits or ()), limit, seed),
            asking=Asking(
                model=settings, drawing=DrawingSettings(boxes=boxes, points=points, numbers=numbers)
            ),
            price=price_of(model, *prices),
            max_usd=max_usd,
            workers=workers or available_cpus(),
            quiet=quiet,
        )

    def check_budget(self) -> None:
        """Nothing that costs money is sent without a bound.

        Raises:
            RsvpError: there is none.
        """
        if self.max_usd is None and not self.price.free:
            raise RsvpError(
                f"{self.asking.model.model} costs money: say how much it may be with --max-usd; --dry-run "
                "tells what it would cost"
            )


def _number(option: str, text: str, kind: Callable[[str], Any]) -> Any:
    if text == "none":
        return None
    try:
        return kind(text)
    except ValueError:
        raise RsvpError(f"{option}: read {text!r}, expected a number or none") from None


def _extra(given: Sequence[str]) -> dict[str, Any]:
    made = {}
    for text in given:
        name, equals, value = text.partition("=")
        try:
            made[name] = json.loads(value)
        except ValueError:
            equals = ""
        if not equals or not name:
            raise RsvpError(f"--extra: read {text!r}, expected NAME=JSON, such as reasoning_effort='\"low\"'")
    return made


def need_openai() -> None:
    """Say which package is missing before any work is done.

    Raises:
        RsvpError: it is.
    """
    try:
        import openai  # noqa: F401
    except ImportError as error:
        raise RsvpError(
            f"sending needs the openai client ({error}): pip install 'rsvp-builder[caption]'"
        ) from error


def check_endpoint(base_url: str | None, key_file: Path | None) -> None:
    """Look for address and key before thousands of pictures are drawn.

    Raises:
        RsvpError: there is none that can be used.
    """
    need_openai()
    from rsvp_builder.captioning.client import make_client

    async def look() -> None:
        await make_client(base_url, key_file).close()

    asyncio.run(look())


@contextmanager
def drawing(wish: Wish) -> Iterator[Executor]:
    """A pool that draws.

    Raises:
        RsvpError: a worker died.
    """
    keep_pandas_out()
    try:
        with drawing_pool(wish.workers) as pool:
            yield pool
    except BrokenProcessPool as error:
        raise worker_died() from error


@contextmanager
def drafting(wish: Wish, pool: Executor, planning: Planning) -> Iterator[Iterator[Drafted]]:
    """The drafts of all rows that are wanted, with progress while they are made."""
    with drawing_progress(quiet=wish.quiet) as tell:
        places = waiting(wish.out, wish.selection)
        yield drafts(wish.out, places, wish.asking, pool, AHEAD * wish.workers, planning, tell)


def tell_planning(wish: Wish, planning: Planning) -> None:
    """Say which rows cannot be asked about.

    Raises:
        RsvpError: there is no row at all.
    """
    if not planning.rows:
        raise RsvpError(
            f"{wish.out}: no row waits for an answer that fits. `rsvp-build status {wish.out}` tells what is "
            "planned; --task detailed_caption asks about the marks of built rows"
        )
    for problem in planning.problems:
        notice(problem)
    if planning.unusable:
        notice(f"{planning.unusable:,} of {planning.rows:,} rows cannot be asked about and are left out")


def dry(wish: Wish, *, as_json: bool) -> None:
    """Tell what a run would send and cost."""
    from rsvp_builder.captioning.dry_run import estimate

    planning = Planning()
    with drawing(wish) as pool, drafting(wish, pool, planning) as drafted:
        found = estimate(wish.out, drafted, wish.asking, wish.price)
    tell_planning(wish, planning)
    if as_json:
        told = {
            "model": wish.price.model,
            "price_from": wish.price.origin,
            "unverified": wish.price.unverified,
        }
        print_json({**told, **found.to_json(), "unusable": planning.unusable})
    else:
        print_estimate(stdout(), found, wish.price)


def plan(wish: Wish, store: Store, pool: Executor, *, resend_lost: bool) -> Planning:
    """Bring everything that is wanted into the store."""
    planning = Planning()
    released = store.release_lost() if resend_lost else 0
    if released:
        notice(
            f"{released:,} requests that a killed run had sent are planned again; they stay counted as spent"
        )
    with drafting(wish, pool, planning) as drafted:
        new = store.add(entry_of(each, wish.asking, wish.price) for each in drafted)
    tell_planning(wish, planning)
    lost = store.lost()
    if lost:
        notice(
            f"{lost:,} requests were sent by a run that was killed, and their answers never came. They may "
            "have been paid for and are not sent again, unless you say --resend-lost"
        )
    if not wish.quiet:
        waits = store.planned(only_added=True)
        notice(
            f"{planning.rows:,} rows, {new:,} new requests, {waits.requests:,} to send, at most "
            f"{waits.worst_usd:,.2f} USD if each is asked once"
        )
    return planning


def send_online(
    wish: Wish,
    *,
    asks: int,
    concurrency: int,
    rpm: float | None,
    tpm: float | None,
    resend_lost: bool,
    base_url: str | None,
    key_file: Path | None,
    as_json: bool,
) -> ExitCode:
    """Plan and send one by one; the exit code of the run."""
    wish.check_budget()
    check_endpoint(base_url, key_file)
    from rsvp_builder.captioning.online import OnlineSettings, run_online

    settings = OnlineSettings(
        base_url=base_url,
        key_file=key_file,
        max_usd=wish.max_usd,
        concurrency=concurrency,
        ahead=max(16, AHEAD * wish.workers),
        requests_per_minute=rpm,
        tokens_per_minute=tpm,
        max_asks=asks,
    )
    Folder(wish.out).sources()
    with Store(Folder(wish.out).store) as store, drawing(wish) as pool:
        planning = plan(wish, store, pool, resend_lost=resend_lost)
        with sending_progress(quiet=wish.quiet) as tell:
            ended = asyncio.run(
                run_online(Bodies(wish.out, pool), store, settings, Judge(wish.out), wish.price, tell)
            )
    return _end(ended, planning, as_json=as_json)


def _end(ended: Ended, planning: Planning, *, as_json: bool) -> ExitCode:
    from rsvp_builder.captioning.online import Reason

    code = {
        Reason.COMPLETE: ExitCode.QUARANTINED if ended.failed or planning.unusable else ExitCode.OK,
        Reason.BUDGET: ExitCode.BUDGET,
        Reason.INTERRUPTED: ExitCode.INTERRUPTED,
        Reason.STOPPED: ExitCode.USER_ERROR,
    }[ended.reason]
    if as_json:
        spending = {name: getattr(ended.spending, name) for name in ended.spending.__slots__}
        told = {name: getattr(ended, name) for name in ended.__slots__ if name not in ("spending", "error")}
        error = None if ended.error is None else str(ended.error)
        print_json(
            {**told, "error": error, "unusable": planning.unusable, **spending, "exit_code": int(code)}
        )
    else:
        print_ended(stdout(), ended)
    if ended.error is not None:
        fail(str(ended.error))
    return code
