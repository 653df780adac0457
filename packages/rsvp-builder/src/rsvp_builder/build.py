"""Building one source from Python: the whole way from a raw release to a data set on disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsvp_builder.catalog import candidates
from rsvp_builder.dataset.finish import finish, mark_complete
from rsvp_builder.dataset.layout import Folder, read_json
from rsvp_builder.dataset.lock import locked
from rsvp_builder.engine.plan import Plan, make_plan, save_plan
from rsvp_builder.engine.run import available_cpus, run_units, warm_up
from rsvp_builder.engine.unit import Job, UnitResult
from rsvp_builder.errors import RsvpError, StrictError
from rsvp_builder.finding import recognise
from rsvp_builder.ledger import BY_DESIGN, Drop, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index, index_release, reader_for
from rsvp_builder.settings import Settings
from rsvp_builder.tasks import task


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a build stands, told after the plan and after every unit.

    Attributes:
        source: what is being built.
        done: finished units, those of an earlier run included.
        units: all units.
        images: images seen by this run.
        rows: rows written by this run.
    """

    source: str
    done: int
    units: int
    images: int
    rows: int


@dataclass(frozen=True, slots=True)
class Built:
    """A finished build.

    Attributes:
        manifest: what was built.
        out: folder of the data set.
        summary: the ledger's summary.
        notices: remarks on how the release was understood.
        resumed: units that an earlier run had finished.
    """

    manifest: Manifest
    out: Path
    summary: dict[str, Any]
    notices: tuple[str, ...]
    resumed: int


def build(
    source: str,
    root: Path,
    out: Path,
    settings: Settings | None = None,
    *,
    workers: int | None = None,
    strict: bool = False,
    overwrite: bool = False,
    retry_failed: bool = False,
    split_lists: Mapping[str, Path] | None = None,
    excluded: Set[tuple[str, str]] = frozenset(),
    on_progress: Callable[[Progress], None] | None = None,
) -> Built:
    """Build one source into a data set.

    A build that was interrupted goes on where it stopped when it is called again.

    Args:
        source: name or family of a shipped manifest, or the path of a TOML file.
        root: folder of the raw release.
        out: folder of the data set; other sources in it stay.
        settings: what to make of the release.
        workers: processes; None for one per core.
        strict: stop at the first input that cannot be used.
        overwrite: start this source anew if it is there already.
        retry_failed: build again the units in which files could not be read.
        split_lists: name of a split -> file that lists its images, instead of the manifest's own rule.
        excluded: source and image id of images to leave out because they leak into evaluation splits;
            see :func:`rsvp_builder.audit.leaks.load_exclusions`.
        on_progress: called after the plan and after every unit.

    Raises:
        RsvpError: a mistake to mend; the message says how.
    """
    settings = settings or Settings()
    manifest = _choose(source, root)
    settings = settings.resolved(manifest)
    if not settings.background:
        manifest = without_background(manifest)
    if split_lists:
        manifest = with_lists(manifest, split_lists)
    for name in settings.tasks:
        task(name)
    workers = workers or available_cpus()
    warm_up(workers)
    index = without(index_release(root, manifest), manifest.name, excluded)
    plan = make_plan(manifest, settings, index)
    if strict:
        for drop in plan.drops:
            if drop.reason not in BY_DESIGN:
                raise StrictError(f"--strict: {drop}")
    folder = Folder(out)
    with locked(folder):
        folder.sweep(manifest.name)
        if overwrite:
            _remove(folder, manifest.name)
        save_plan(folder, manifest, plan, root)
        if retry_failed:
            _forget_failed(folder, manifest.name, plan)
        todo = [unit for unit in plan.units if not folder.marker(manifest.name, unit.number).exists()]
        resumed = len(plan.units) - len(todo)
        if not todo and manifest.name in folder.finished():
            summary = read_json(folder.ledger(manifest.name) / "summary.json")
            return Built(manifest, out, summary, index.notices, resumed)
        job = Job(root, out, manifest, settings, strict)
        images = rows = 0

        def tell(done: int) -> None:
            if on_progress:
                on_progress(Progress(manifest.name, done, len(plan.units), images, rows))

        tell(resumed)
        for done, result in enumerate(run_units(job, todo, workers), start=resumed + 1):
            images += result.counts.images_seen
            rows += result.counts.rows
            tell(done)
        summary = finish(folder, manifest, settings, plan)
    return Built(manifest, out, summary, index.notices, resumed)


def _choose(source: str, root: Path) -> Manifest:
    found = candidates(source)
    if len(found) == 1:
        return found[0]
    own: Callable[[Path, list[Manifest]], Manifest] | None
    own = getattr(reader_for(found[0]), "recognise", None)
    return own(root, found) if own else recognise(root, found)


def without_background(manifest: Manifest) -> Manifest:
    """The manifest with its background classes ignored."""
    tokens = set(manifest.points.background)
    classes = {token: label for token, label in manifest.classes.items() if token not in tokens}
    ignore = manifest.ignore | {
        token: "background, by your settings" for token in manifest.classes if token in tokens
    }
    aliases = {alias: token for alias, token in manifest.aliases.items() if token not in tokens}
    return manifest.model_copy(update={"classes": classes, "ignore": ignore, "aliases": aliases})


def with_lists(manifest: Manifest, lists: Mapping[str, Path]) -> Manifest:
    """The manifest with list files of the user's in place of its lists and draws.

    Raises:
        RsvpError: a file is not there.
    """
    for split, path in lists.items():
        if not path.is_file():
            raise RsvpError(
                f"{path}: no such file; --split-list {split}=FILE takes a file with an image a line"
            )
    taken = {split: [str(path.resolve())] for split, path in lists.items()}
    splits = manifest.splits.model_copy(update={"lists": taken, "seeded": {}})
    return manifest.model_copy(update={"splits": splits})


def without(index: Index, source: str, excluded: Set[tuple[str, str]]) -> Index:
    """The index without the images that leak, each of them a drop."""
    out = [item for item in index.items if (source, item.image_id) in excluded]
    if not out:
        return index
    expected = "an image that is in no evaluation split, as --exclude-leaks asks"
    drops = [
        Drop("image", Reason.LEAKS_INTO_EVALUATION, item.image_id, item.image or "", None, "", expected)
        for item in out
    ]
    ids = {item.image_id for item in out}
    kept = tuple(item for item in index.items if item.image_id not in ids)
    return Index(kept, (*index.drops, *drops), index.notices)


def _reopen(folder: Folder, source: str) -> None:
    """From here until it is finished again the source is not complete, should the build be killed."""
    finished = folder.finished()
    if source in finished:
        mark_complete(folder, [name for name in finished if name != source])


def _remove(folder: Folder, source: str) -> None:
    _reopen(folder, source)
    kept = (folder.out / "data" / source, folder.out / "planned" / source, folder.ledger(source))
    for path in (folder.state(source), *kept):
        shutil.rmtree(path, ignore_errors=True)
    folder.settings(source).unlink(missing_ok=True)


def _forget_failed(folder: Folder, source: str, plan: Plan) -> None:
    for unit in plan.units:
        marker = folder.marker(source, unit.number)
        if marker.exists() and UnitResult.load(marker).counts.quarantined:
            _reopen(folder, source)
            marker.unlink()
