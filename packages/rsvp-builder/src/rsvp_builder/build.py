"""Building one source from Python: the whole way from a raw release to a data set on disk."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsvp_builder.catalog import candidates
from rsvp_builder.dataset.captions import forget_captions
from rsvp_builder.dataset.finish import finish, mark_complete
from rsvp_builder.dataset.layout import Folder, read_json, remove_folder
from rsvp_builder.engine.changes import all_contents
from rsvp_builder.engine.executors import Engine, executor
from rsvp_builder.engine.plan import Plan, Unit, make_plan, save_plan, unit_stamp, write_plan
from rsvp_builder.engine.run import available_cpus, run_units
from rsvp_builder.engine.unit import Job, UnitResult
from rsvp_builder.errors import RsvpError, StrictError
from rsvp_builder.finding import recognise
from rsvp_builder.ledger import BY_DESIGN, Drop, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index, index_release, reader_for
from rsvp_builder.remote.place import Place, folder_of, opened, parse_out
from rsvp_builder.settings import Settings
from rsvp_builder.tasks import task

_CAPTIONS_GONE = (
    "rows are built anew, so the captioned ones were taken out; their answers are kept: "
    "`rsvp-build caption merge OUT` puts back those whose rows are still the same"
)


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
        out: folder or URL of the data set.
        summary: the ledger's summary.
        notices: remarks on how the release was understood.
        resumed: units that an earlier run had finished.
    """

    manifest: Manifest
    out: Path | str
    summary: dict[str, Any]
    notices: tuple[str, ...]
    resumed: int

    @property
    def folder(self) -> Folder:
        """Folder of the data set, or the one that mirrors the small files of its URL on this machine."""
        return folder_of(self.out)


def build(
    source: str,
    root: Path,
    out: Path | str,
    settings: Settings | None = None,
    *,
    workers: int | None = None,
    engine: Engine = "local",
    address: str | None = None,
    strict: bool = False,
    overwrite: bool = False,
    retry_failed: bool = False,
    paranoid: bool = False,
    split_lists: Mapping[str, Path] | None = None,
    excluded: Set[tuple[str, str]] = frozenset(),
    on_progress: Callable[[Progress], None] | None = None,
) -> Built:
    """Build one source into a data set.

    A build that was interrupted goes on where it stopped when it is called again. Units whose files changed
    since they were built are built again.

    Args:
        source: name or family of a shipped manifest, or the path of a TOML file.
        root: folder of the raw release.
        out: folder of the data set, or a URL that fsspec knows; other sources in it stay.
        settings: what to make of the release.
        workers: processes, or on a cluster most units at a time; None for what the machines have.
        engine: what runs the units; the bytes do not depend on it.
        address: of a Ray cluster, see :func:`rsvp_builder.engine.ray.ray_tasks`.
        strict: stop at the first input that cannot be used.
        overwrite: start this source anew if it is there already.
        retry_failed: build again the units in which files could not be read.
        paranoid: tell files that changed by their contents, not only by their size and time. Each is read
            twice more, and once more when a build goes on.
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
    with executor(engine, workers, address) as execute:
        index = without(index_release(root, manifest), manifest.name, excluded)
        plan = make_plan(manifest, settings, index)
        if strict:
            for drop in plan.drops:
                if drop.reason not in BY_DESIGN:
                    raise StrictError(f"--strict: {drop}")
        out = parse_out(out)
        with opened(out, manifest.name) as place:
            folder = place.folder
            folder.sweep(manifest.name)
            captioned = folder.captions(manifest.name).is_file()
            if overwrite:
                _remove(place, manifest.name)
            save_plan(folder, manifest, plan, root)
            place.push()
            changed = _forget_changed(place, manifest.name, plan, root, paranoid, workers)
            if retry_failed:
                _forget_failed(place, manifest.name, plan)
            todo = [unit for unit in plan.units if not folder.marker(manifest.name, unit.number).exists()]
            resumed = len(plan.units) - len(todo)
            notices = (*index.notices, *changed)
            if not todo and manifest.name in folder.finished():
                summary = read_json(folder.ledger(manifest.name) / "summary.json")
                return Built(manifest, out, summary, notices, resumed)
            if forget_captions(folder, manifest.name) or captioned:
                place.remove_captions(manifest.name)
                notices = (*notices, _CAPTIONS_GONE)
            # Absolute, because workers need not stand where we do.
            out_here = folder.out.absolute()
            job = Job(root.absolute(), out_here, manifest, settings, strict, place.url, paranoid)
            images = rows = 0

            def tell(done: int) -> None:
                if on_progress:
                    on_progress(Progress(manifest.name, done, len(plan.units), images, rows))

            tell(resumed)
            results = run_units(execute, job, todo)
            try:
                for done, told in enumerate(results, start=resumed + 1):
                    images += told.images
                    rows += told.rows
                    tell(done)
            finally:
                # Whoever listens may raise; workers have to end before the lock goes.
                if isinstance(results, Generator):
                    results.close()
            place.gather()
            folder.sweep(manifest.name)  # of workers that were lost on the way
            summary = finish(folder, manifest, settings, plan)
            place.push()
    return Built(manifest, out, summary, notices, resumed)


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


def _reopen(place: Place, source: str) -> None:
    """From here until it is finished again the source is not complete, should the build be killed."""
    finished = place.folder.finished()
    if source in finished:
        mark_complete(place.folder, [name for name in finished if name != source])
        place.push()


def _remove(place: Place, source: str) -> None:
    """Remove a source; killed on the way, it is an unfinished build of what it was before."""
    _reopen(place, source)
    folder = place.folder
    for marker in folder.state(source).glob("unit-*.json"):
        marker.unlink()
    place.push()
    place.remove_shards(source)
    remove_folder(folder.ledger(source))
    folder.settings(source).unlink(missing_ok=True)
    # The plan goes last: without it, another build would take what is left for its own.
    remove_folder(folder.state(source))


def _forget_changed(
    place: Place, source: str, plan: Plan, root: Path, paranoid: bool, threads: int | None
) -> tuple[str, ...]:
    """Have the units whose files changed since they were built be built again.

    Returns:
        A remark, if there are any.
    """
    folder = place.folder
    units = [unit for unit in plan.units if folder.marker(source, unit.number).exists()]
    # A plan of before there were stamps has none: what it was made for counts as unchanged.
    then = read_json(folder.plan(source)).get("stamps", [])
    now = [unit_stamp(unit) for unit in plan.units]
    if paranoid:
        changed = list(_of_other_contents(folder, source, units, root, threads))
    else:
        known = len(then) == len(now)
        changed = [unit for unit in units if known and then[unit.number] != now[unit.number]]
    if changed:
        _reopen(place, source)
        for unit in changed:
            folder.marker(source, unit.number).unlink()
        place.push()
    # The new plan comes last: killed before, the next run finds the same changes.
    if then != now:
        write_plan(folder, source, plan, root)
        place.push()
    if not changed:
        return ()
    first = changed[0].items[0].image_id
    return (
        f"{len(changed)} of {len(plan.units)} units are built again, because files of theirs changed since "
        f"they were built{' or were not compared then' if paranoid else ''}; the first begins at {first}",
    )


def _of_other_contents(
    folder: Folder, source: str, units: Sequence[Unit], root: Path, threads: int | None
) -> Iterator[Unit]:
    for unit, found in zip(units, all_contents(root, units, threads or available_cpus()), strict=True):
        if UnitResult.load(folder.marker(source, unit.number)).contents != found:
            yield unit


def _forget_failed(place: Place, source: str, plan: Plan) -> None:
    markers = [place.folder.marker(source, unit.number) for unit in plan.units]
    failed = [path for path in markers if path.exists() and UnitResult.load(path).counts.quarantined]
    if failed:
        _reopen(place, source)
        for marker in failed:
            marker.unlink()
        place.push()
