"""Every file that workers read has its stamp in the index, whatever the reader: a change of it is seen."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from pathlib import Path

import pytest

from rsvp_builder.catalog import shipped
from rsvp_builder.demo import write
from rsvp_builder.engine import changes
from rsvp_builder.engine.plan import make_plan
from rsvp_builder.engine.unit import Job, run_unit
from rsvp_builder.images.raster import Raster
from rsvp_builder.readers import index_release
from rsvp_builder.settings import Settings
from rsvp_builder.stamps import stamp

_LISTENING: list[set[str]] = []


def _opened(event, arguments):
    if event == "open" and _LISTENING and isinstance(arguments[0], str | bytes | os.PathLike):
        _LISTENING[-1].add(os.fsdecode(arguments[0]))


@contextlib.contextmanager
def listening(monkeypatch):
    """Names of the files that are opened meanwhile, by Python or by GDAL."""
    if not getattr(sys, "_faults_listen", False):
        sys.addaudithook(_opened)  # which cannot be taken away again
        sys._faults_listen = True
    whole, names = Raster.__init__, set()

    def open_raster(self, path, expected):
        names.add(str(path))
        whole(self, path, expected)

    _LISTENING.append(names)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(Raster, "__init__", open_raster)
            yield names
    finally:
        _LISTENING.remove(names)


def first_of_each_reader():
    kinds = {}
    for manifest in shipped().values():
        kinds.setdefault(manifest.reader, manifest.name)
    return set(kinds.values())


FAST = first_of_each_reader()


@pytest.mark.parametrize(
    "source", [n if n in FAST else pytest.param(n, marks=pytest.mark.slow) for n in sorted(shipped())]
)
def test_workers_open_no_file_of_the_release_without_a_stamp(source, tmp_path, monkeypatch):
    root = tmp_path / "raw"
    root.mkdir()
    write(source, root, seed=0)
    manifest = shipped()[source]
    settings = Settings(tile=0).resolved(manifest)
    index = index_release(root, manifest)
    units = make_plan(manifest, settings, index).units
    seen = set()
    for unit in units:
        with listening(monkeypatch) as names:
            run_unit(Job(root, tmp_path / "out", manifest, settings, strict=False), unit)
        opened = {str(Path(name).relative_to(root)) for name in names if name.startswith(f"{root}/")}
        stamped = dict(changes._files(unit.items))
        assert opened <= stamped.keys()
        for path, known in stamped.items():
            assert known == stamp((root / path).stat()), path
        seen |= opened
    pictures = {item.image for item in index.items if item.image}
    assert pictures <= seen


@pytest.mark.parametrize("source", sorted(FAST))
def test_a_copy_with_other_times_is_the_same_release(source, tmp_path):
    root, copy = tmp_path / "raw", tmp_path / "copy"
    root.mkdir()
    write(source, root, seed=0)
    shutil.copytree(root, copy, copy_function=shutil.copyfile)
    manifest = shipped()[source]
    settings = Settings().resolved(manifest)
    ours, theirs = (make_plan(manifest, settings, index_release(r, manifest)) for r in (root, copy))
    assert ours.fingerprint == theirs.fingerprint
    assert ours.units == theirs.units
