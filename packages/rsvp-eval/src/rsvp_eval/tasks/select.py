"""The rows of a data set that a task scores."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from rsvp_eval.errors import EvalError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from rsvp_eval.inputs.folder import Content
    from rsvp_eval.inputs.rows import Row
    from rsvp_eval.tasks.task import Task


def select(task: Task, folder: Path, *, source: str | None = None, split: str | None = None) -> list[Row]:
    """The rows that a task scores.

    Args:
        task: the task.
        folder: the data set.
        source: one of its sources; None for all that the task takes.
        split: a split; None for the task's own choice, for each source.

    Raises:
        EvalError: this is no finished data set, or it has no rows for the task.
        UsageError: source and task do not fit, or a source has several splits and nothing says which.
        UnknownNameError: there is no such source or split; the message says what is there.
    """
    from rsvp_eval.inputs.folder import contents
    from rsvp_eval.inputs.rows import read_rows

    data = task.data
    if source is not None and data.sources and source not in data.sources:
        raise UsageError(
            f"task {task.name} scores {' and '.join(data.sources)}, not {source}; "
            "`rsvp-eval tasks` lists the tasks that take any source"
        )
    there = contents(folder)
    fitting = [content for content in there if _fits(task, content)]
    if not fitting:
        _nothing(task, folder, there)
    if source is not None:
        known = {content.source for content in fitting}
        if source not in known:
            raise UnknownNameError(f"source with {' or '.join(data.tasks)}", source, known)
        fitting = [content for content in fitting if content.source == source]
    splits: dict[str, set[str]] = {}
    for content in fitting:
        splits.setdefault(content.source, set()).add(content.split)
    chosen = {(name, _split(task, name, own, split)) for name, own in splits.items()}
    found = [content for content in fitting if (content.source, content.split) in chosen]
    if not found:
        raise UnknownNameError("split", str(split), set().union(*splits.values()))
    rows: list[Row] = []
    for name, own_split in sorted({(content.source, content.split) for content in found}):
        tasks = [content.task for content in found if (content.source, content.split) == (name, own_split)]
        rows += read_rows(folder, task=tasks, source=name, split=own_split, granularity=data.granularity)
    return rows


def _fits(task: Task, content: Content) -> bool:
    data = task.data
    return (
        content.task in data.tasks
        and data.granularity in (None, content.granularity)
        and (not data.sources or content.source in data.sources)
    )


def _split(task: Task, source: str, there: Iterable[str], asked: str | None) -> str:
    """The split of a source to score."""
    if asked is not None:
        return asked
    known = sorted(there)
    for preferred in task.data.splits:
        if preferred in known:
            return preferred
    if not task.data.splits and len(known) == 1:
        return known[0]
    wanted = f"none of them is {' or '.join(task.data.splits)}" if task.data.splits else "it has several"
    raise UsageError(f"splits of {source}: {', '.join(known)}; {wanted}. Say which with --split")


def _nothing(task: Task, folder: Path, there: Iterable[Content]) -> NoReturn:
    from rsvp_eval.inputs.folder import contents, unanswered

    planned = sum(content.rows for content in contents(folder, planned=True) if _fits(task, content))
    if planned:
        raise unanswered(folder, task.data.tasks, planned)
    of = f" of {' or '.join(task.data.sources)}" if task.data.sources else ""
    kinds = sorted({f"{content.task} of {content.source}" for content in there})
    raise EvalError(
        f"{folder}: no rows of {' or '.join(task.data.tasks)}{of}, which task {task.name} scores. "
        f"There are {', '.join(kinds) or 'none at all'}"
    )
