"""Calls that fail on the way: nothing is done twice, and what is not known is not guessed."""

from __future__ import annotations

import time

import batch_doubles as doubles
import pytest
from batch_doubles import Run, key_of

from rsvp_builder.captioning.batch.remote import RefusedError
from rsvp_builder.errors import RsvpError

DROP = {"do": "drop"}
FAIL = {"do": "status", "status": 500}


def finish(run, server, count):
    """Fetch what is there: every request was answered once and nothing is left anywhere."""
    run.fetch()
    assert run.counts() == {"done": count}
    assert server.paid() == {key_of(number): 1 for number in range(count)}
    assert server.seen()["files"] == []
    assert run.left_here() == []


@pytest.mark.parametrize("fault", [DROP, FAIL])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("operation", ["files.create", "batches.create"])
def test_a_call_without_an_answer_is_looked_into_before_it_is_made_again(run, server, operation, when, fault):
    run.plan(2)
    server.control(faults=[{"on": operation, "when": when, **fault}])
    assert run.submit().requests == 2
    assert server.seen()["faults"] == []
    assert len(server.events("files.create")) == 1
    assert len(server.events("batches.create")) == 1
    finish(run, server, 2)


def test_a_server_without_metadata_is_searched_by_the_file(run, server):
    run.plan(1)
    server.control(
        scripts=[{"forget_metadata": True}], faults=[{"on": "batches.create", "when": "after", **DROP}]
    )
    run.submit()
    assert len(server.events("batches.create")) == 1
    finish(run, server, 1)


def test_the_search_goes_through_all_pages(run, server, tmp_path):
    run.plan(1)
    server.control(
        faults=[{"on": "batches.create", "when": "after", **DROP}, {"on": "batches.list", "times": 3, **FAIL}]
    )
    with pytest.raises(RsvpError):
        run.submit()
    others = Run(server, tmp_path / "others")
    others.plan(7, first=1)
    others.submit(max_requests=1)
    # The server lists the newest first.
    server.control(page=3)
    created = server.events("batches.create")
    assert len(created) == 8
    assert run.submit().resumed == created[:1]
    assert server.events("batches.create") == created


@pytest.mark.parametrize("operation", ["files.create", "batches.create"])
def test_a_busy_endpoint_is_waited_for_as_long_as_it_asks(run, server, operation):
    run.plan(1)
    fault = {"on": operation, "do": "status", "status": 429, "headers": {"Retry-After": "1"}}
    server.control(faults=[fault])
    began = time.monotonic()
    run.submit()
    assert time.monotonic() - began >= 1
    finish(run, server, 1)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("operation", ["files.create", "batches.create"])
def test_what_is_given_up_is_gone_on_with_by_the_next_call(run, server, operation, when):
    run.plan(2)
    listing = operation.replace("create", "list")
    server.control(
        faults=[{"on": operation, "when": when, "times": 3, **DROP}, {"on": listing, "times": 3, **FAIL}]
    )
    with pytest.raises(RsvpError, match="nothing is sent twice") as error:
        run.submit()
    assert not isinstance(error.value, RefusedError)
    assert run.counts() == {"sent": 2}, "it may be at the endpoint"
    server.control(calm=True)
    run.source.made.clear()
    told = run.submit()
    assert len(told.resumed) == 1 and told.requests == 0
    assert run.source.made == [], "no body is made again"
    assert len(server.events("batches.create")) == 1
    finish(run, server, 2)


@pytest.mark.parametrize(("operation", "status"), [("files.create", 401), ("files.create", 413)])
def test_a_refused_upload_gives_everything_back(run, server, operation, status):
    run.plan(3)
    server.control(faults=[{"on": operation, "do": "status", "status": status}])
    with pytest.raises(RefusedError, match=str(status)):
        run.submit(max_requests=2)
    assert run.counts() == {"planned": 3}
    assert run.spent() == (0, 0)
    assert run.left_here() == []
    run.submit()
    finish(run, server, 3)


def test_a_refused_batch_gives_everything_back_and_removes_its_file(run, server):
    run.plan(3)
    server.control(faults=[{"on": "batches.create", "do": "status", "status": 400}])
    with pytest.raises(RefusedError, match="400"):
        run.submit(max_requests=2)
    assert run.counts() == {"planned": 3}
    assert (run.left_here(), server.seen()["files"]) == ([], [])
    run.submit()
    finish(run, server, 3)


def test_a_used_up_quota_is_not_tried_again(run, server):
    run.plan(1)
    fault = {"on": "files.create", "do": "status", "status": 429, "code": "insufficient_quota", "times": 9}
    server.control(faults=[fault])
    with pytest.raises(RefusedError, match="429"):
        run.submit()
    assert server.seen()["faults"][0]["times"] == 8
    assert run.counts() == {"planned": 1}


def test_a_refusal_after_a_call_without_an_answer_proves_nothing(run, server):
    run.plan(1)
    refusal = {"on": "batches.create", "do": "status", "status": 400}
    server.control(faults=[{"on": "batches.create", **DROP}, refusal])
    with pytest.raises(RsvpError) as error:
        run.submit()
    assert not isinstance(error.value, RefusedError)
    assert run.counts() == {"sent": 1}
    assert len(run.submit().resumed) == 1
    finish(run, server, 1)


def test_a_refused_search_proves_nothing(run, server):
    run.plan(1)
    server.control(
        faults=[
            {"on": "batches.create", "when": "after", **DROP},
            {"on": "batches.list", "do": "status", "status": 401},
        ]
    )
    with pytest.raises(RsvpError) as error:
        run.submit()
    assert not isinstance(error.value, RefusedError)
    assert run.counts() == {"sent": 1}
    server.control(faults=[{"on": "batches.list", "do": "status", "status": 401}])
    with pytest.raises(RefusedError, match="401"):
        run.submit()
    assert run.counts() == {"sent": 1}, "a wrong key at resuming must not free what may be at the endpoint"
    run.submit()
    assert len(server.events("batches.create")) == 1
    finish(run, server, 1)


def test_an_endpoint_without_batches_is_told_so(run, server):
    run.plan(1)
    server.control(faults=[{"on": "files.create", "do": "status", "status": 404}])
    with pytest.raises(RefusedError, match="caption online"):
        run.submit()


def test_nobody_listens(run):
    run.plan(1)
    run.server.base_url = "http://127.0.0.1:9/v1"
    with pytest.raises(RsvpError, match="3 times"):
        run.submit()
    assert run.counts() == {"sent": 1}


def test_a_download_that_breaks_is_made_again(run, server):
    run.plan(3)
    run.submit()
    server.control(faults=[{"on": "files.content", "when": "during", "bytes": 900, "times": 2}])
    counts = run.fetch().counts
    assert (counts.done, counts.duplicates, counts.malformed, counts.missing) == (3, 0, 0, 0)
    finish(run, server, 3)


def test_a_download_that_keeps_breaking_changes_nothing(run, server):
    run.plan(3)
    run.submit()
    server.control(faults=[{"on": "files.content", "when": "during", "bytes": 900, "times": 3}])
    with pytest.raises(RsvpError, match="download"):
        run.fetch()
    assert run.counts() == {"sent": 3}
    finish(run, server, 3)


def test_files_that_cannot_be_deleted_are_deleted_by_the_next_fetch(run, server):
    run.plan(2)
    run.submit()
    server.control(faults=[{"on": "files.delete", "times": 3, **FAIL}])
    with pytest.raises(RsvpError, match="deletion"):
        run.fetch()
    assert run.counts() == {"done": 2}
    assert len(server.seen()["files"]) == 2
    finish(run, server, 2)
    assert len(server.events("files.content")) == 1, "what was fetched is not fetched again"


def test_a_folder_that_cannot_be_written_is_the_users_to_mend(run, server):
    run.plan(1)
    run.files.write_text("a file where a folder should be")
    with pytest.raises(RsvpError, match="batches"):
        run.submit()
    assert run.counts() == {"planned": 1}
    assert server.seen()["events"] == []
    run.files.unlink()
    run.submit()
    finish(run, server, 1)
    assert doubles.key_of(0) in run.texts()
