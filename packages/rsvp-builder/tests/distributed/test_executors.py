"""The contract of executors, the same for this process, several processes and a Ray cluster."""

from __future__ import annotations

import pytest

from rsvp_builder.build import build
from rsvp_builder.catalog import shipped
from rsvp_builder.dataset.layout import Folder, commit_json
from rsvp_builder.dataset.validate import validate
from rsvp_builder.demo.dota import write_release
from rsvp_builder.engine.executors import executor
from rsvp_builder.engine.plan import make_plan
from rsvp_builder.engine.run import run_units
from rsvp_builder.engine.unit import Job, UnitResult
from rsvp_builder.errors import RsvpError, StrictError
from rsvp_builder.readers import index_release
from rsvp_builder.settings import Settings

MANIFEST = shipped()["DOTA-v2.0"]


@pytest.fixture(params=["this process", "processes", "ray"])
def options(request):
    if request.param == "ray":
        return {"engine": "ray", "address": request.getfixturevalue("cluster").address}
    return {"workers": {"this process": 1, "processes": 2}[request.param]}


@pytest.fixture
def entered(options):
    given = {"engine": "local", "workers": None, "address": None} | options
    with executor(**given) as execute:
        yield execute


@pytest.fixture
def job_and_plan(raw, settings, tmp_path):
    resolved = settings.resolved(MANIFEST)
    plan = make_plan(MANIFEST, resolved, index_release(raw.root, MANIFEST))
    folder = Folder(tmp_path / "out")
    commit_json(folder.plan(MANIFEST.name), {})
    return Job(raw.root, folder.out, MANIFEST, resolved, strict=False), plan


def test_the_data_set_has_the_same_bytes_and_progress_counts_up(
    options, raw, settings, reference, tmp_path, digest
):
    told = []
    built = build("DOTA", raw.root, tmp_path / "out", settings, on_progress=told.append, **options)
    assert digest(tmp_path / "out") == digest(reference)
    assert validate(tmp_path / "out", decode=True).problems == []
    units = told[0].units
    assert units > 10
    assert [state.done for state in told] == list(range(units + 1))
    assert told[-1].rows == built.summary["rows"]["written"]


def test_results_are_short_and_in_the_order_of_the_plan(entered, job_and_plan):
    job, plan = job_and_plan
    told = list(run_units(entered, job, plan.units))
    assert [done.unit for done in told] == [unit.number for unit in plan.units]
    for done in told:
        result = UnitResult.load(Folder(job.out).marker(MANIFEST.name, done.unit))
        assert (done.images, done.rows) == (result.counts.images_seen, result.counts.rows)


def test_strict_stops_at_the_first_defect_in_order_and_keeps_what_is_finished(options, tmp_path, digest):
    release = write_release(tmp_path / "raw", train=4, val=0, test=0)
    spoiled = sorted(release.root.glob("train/images/*.png"))[2:]
    for image in spoiled:
        image.write_bytes(bytes(image.stat().st_size))

    def stopped(out, **options):
        with pytest.raises(StrictError, match=spoiled[0].name) as caught:
            build("DOTA", release.root, out, Settings(tile=0), strict=True, **options)
        return str(caught.value), set(digest(out))

    message, files = stopped(tmp_path / "out", **options)
    expected, kept = stopped(tmp_path / "serial", workers=1)
    assert message == expected
    assert sum("unit-" in name for name in kept) == 2
    assert files == kept


def test_no_units_are_no_mistake(entered, job_and_plan):
    assert list(run_units(entered, job_and_plan[0], [])) == []


def test_an_address_goes_with_ray(raw, tmp_path):
    with pytest.raises(RsvpError, match="--address here:6379 goes with --engine ray"):
        build("DOTA", raw.root, tmp_path, address="here:6379")
