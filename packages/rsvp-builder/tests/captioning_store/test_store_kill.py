"""A run killed at any moment loses no money and no answer, and sends nothing twice by itself."""

import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest
from store_making import entry

from rsvp_builder.captioning.store import Store

HERE = Path(__file__).parent
CAP = 12.0
WORST = 0.01
REQUESTS = 3000


def run(path, journal, seed, size):
    """A victim, killed once its journal has grown by so many bytes; whether it was.

    By the journal, not the clock: how far it gets must not depend on how busy the machine is.
    """
    before = journal.stat().st_size if journal.exists() else 0
    command = [sys.executable, str(HERE / "store_victim.py"), str(path), str(journal), str(seed), str(CAP)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        while process.poll() is None and (not journal.exists() or journal.stat().st_size < before + size):
            time.sleep(0.0005)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=20)
        return process.returncode == -signal.SIGKILL


def read(journal):
    """``(what, key, attempt)`` of each line; a line cut off by the kill counts for nothing."""
    lines = journal.read_text().split("\n")[:-1] if journal.exists() else []
    return [tuple(line.split()[:3]) for line in lines]


def check_consistent(path):
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    wrong = connection.execute(
        "SELECT count(*) FROM requests r WHERE (r.state = 'sent') !="
        " EXISTS (SELECT 1 FROM attempts a WHERE a.request = r.id AND a.state = 'sent')"
        " OR r.attempts != (SELECT count(*) FROM attempts a WHERE a.request = r.id AND a.state != 'returned')"
    ).fetchone()[0]
    assert wrong == 0
    connection.close()


def test_a_run_killed_twelve_times(path, tmp_path):
    journal = tmp_path / "journal"
    chance = random.Random(6)
    with Store(path) as store:
        store.add(entry(n, worst_usd=WORST) for n in range(REQUESTS))
    kills = 0
    released = 0
    for turn in range(16):
        kills += run(path, journal, turn, chance.randint(0, 6000))
        with Store(path) as store:
            spent = store.spent()
            assert spent.usd + spent.reserved_usd <= CAP + 1e-9
            # At most what one claim holds, and what earlier kills left.
            assert store.lost() <= 8 * (turn + 1)
            counts = store.counts()
            assert sum(counts.values()) == REQUESTS
            assert counts["sent"] == store.lost()
            if turn % 4 == 3:
                released += store.release_lost()
                assert store.counts()["sent"] == 0
                assert store.spent().usd + store.spent().reserved_usd <= CAP + 1e-9
        check_consistent(path)
    assert kills >= 12
    assert released > 0, "no kill fell between claim and record: the test shows nothing"

    events = read(journal)
    sent = defaultdict(int)
    unsent = defaultdict(int)
    answered = {}
    for what, name, attempt in events:
        if what == "sent":
            sent[name, attempt] += 1
        elif what == "unsent":
            unsent[name, attempt] += 1
        elif what in ("done", "faulty"):
            assert (name, attempt) not in answered, "answered twice"
            answered[name, attempt] = what
    assert len(sent) > 100
    for name, times in sent.items():
        # The same attempt goes out again only after the endpoint said it did nothing.
        assert times <= 1 + unsent[name], f"{name} was sent {times} times"

    connection = sqlite3.connect(path)
    kept = {
        (name, str(attempt)): state
        for name, attempt, state in connection.execute(
            "SELECT r.key, a.attempt, iif(a.text IS NULL, 'faulty', 'done') FROM attempts a"
            " JOIN requests r ON r.id = a.request WHERE a.state = 'answered'"
        )
    }
    lost_cost = connection.execute("SELECT count(*), sum(cost) FROM attempts WHERE state = 'lost'").fetchone()
    again = connection.execute(
        "SELECT count(*) FROM (SELECT request FROM attempts WHERE state = 'answered' AND text IS NOT NULL"
        " GROUP BY request HAVING count(*) > 1)"
    ).fetchone()[0]
    connection.close()
    # Everything that the victim noted as recorded is kept; the last record before a kill may lack its note.
    assert answered.items() <= kept.items()
    assert len(kept) - len(answered) <= kills
    assert again == 0, "a request was answered, and paid for, twice"
    assert lost_cost[0] == released
    # An attempt after a faulty one reserves more: never less than the plain worst case.
    assert lost_cost[1] >= released * WORST * 1e9


@pytest.mark.slow
def test_a_hundred_thousand_entries_stay_cheap(path):
    """Bounds a wide way above what was measured: for growth with the size, not for speed."""
    count = 100_000
    started = time.process_time()
    with Store(path) as store:
        assert store.add(entry(n) for n in range(count)) == count
        assert time.process_time() - started < 60
        from store_making import taken

        outcome = taken("word " * 200)
        started, done = time.process_time(), 0
        while done < 5_000:
            claimed = store.claim(32, 5_000.0)
            for one in claimed:
                store.record(one.key, one.attempt, outcome, 0.002, final=False)
            done += len(claimed)
        assert (time.process_time() - started) / done < 0.002
        assert sum(1 for _ in store.results()) == done
