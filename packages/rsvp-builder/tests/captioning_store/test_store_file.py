"""The file: one writer, its version, damage, and what is never in it."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from store_making import entry, key, taken

from rsvp_builder.captioning.store import Store, StoreError

HERE = Path(__file__).parent
OPENS = """
import sys
from pathlib import Path
from rsvp_builder.captioning.store import Store, StoreError
try:
    Store(Path(sys.argv[1])).close()
except StoreError as error:
    print(error)
    sys.exit(2)
"""


def opened_elsewhere(path):
    return subprocess.run(
        [sys.executable, "-c", OPENS, str(path)], capture_output=True, text=True, check=False
    )


def test_a_second_process_is_told_and_may_look(path):
    with Store(path) as store:
        store.add([entry(1)])
        second = opened_elsewhere(path)
        assert second.returncode == 2, second.stderr
        assert f"another process is at work on this store (process {os.getpid()})" in second.stdout
        with Store(path, read_only=True) as reader:
            assert reader.counts()["planned"] == 1
            store.claim(1, None)
            assert reader.counts()["sent"] == 1
            assert reader.spent() == store.spent()
            assert reader.lost() == 0
            with pytest.raises(StoreError, match="reading only"):
                reader.claim(1, None)
        assert opened_elsewhere(path).returncode == 2
    assert opened_elsewhere(path).returncode == 0


def test_a_reader_knows_what_a_dead_writer_lost(path):
    with Store(path) as store:
        store.add([entry(1)])
        store.claim(1, None)
    with Store(path, read_only=True) as reader:
        assert reader.lost() == 1


def test_the_same_process_may_not_open_it_twice(path, store):
    with pytest.raises(StoreError, match="open already"):
        Store(path)
    store.add([entry(1)])
    assert opened_elsewhere(path).returncode == 2


def test_a_worker_process_that_outlives_its_parent_does_not_keep_the_lock(path):
    script = (
        "import os, sys, time\nfrom pathlib import Path\nfrom rsvp_builder.captioning.store import Store\n"
        "store = Store(Path(sys.argv[1]))\nchild = os.fork()\n"
        "if child == 0:\n    sys.stdin.read()\n    os._exit(0)\n"
        "print(child, flush=True)\nos._exit(9)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", script, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        child = int(process.stdout.readline())
        assert process.wait(timeout=20) == 9
        os.kill(child, 0)
        with Store(path) as store:
            assert store.counts()["planned"] == 0
        process.stdin.close()


def test_another_version_is_refused_and_left_alone(path):
    Store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"version 2; this rsvp-builder reads version 1"):
        Store(path)
    assert path.read_bytes() == before


def test_the_version_is_in_the_header(path):
    Store(path).close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_other_files_are_refused_and_left_alone(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("not a database at all " * 50)
    with pytest.raises(StoreError, match="damaged, or not a SQLite database"):
        Store(text)
    assert text.read_text() == "not a database at all " * 50
    other = tmp_path / "other.sqlite"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    with pytest.raises(StoreError, match="another SQLite database"):
        Store(other)
    with pytest.raises(StoreError, match="is a folder"):
        Store(tmp_path)
    with pytest.raises(StoreError, match="no store"):
        Store(tmp_path / "none.sqlite", read_only=True)
    with pytest.raises(StoreError, match="cannot be written"):
        Store(text / "below" / "a.sqlite")


@pytest.mark.parametrize("damage", ["cut", "overwritten", "one page"])
def test_a_damaged_file_is_told(path, damage):
    with Store(path) as store:
        store.add(entry(n) for n in range(500))
    size = path.stat().st_size
    with path.open("r+b") as file:
        if damage == "cut":
            file.truncate(size // 2)
        elif damage == "one page":
            # Of the rows, of which opening reads none; 0x0d begins a leaf of a table.
            pages = range(0, size, 4096)
            leaves = [at for at in pages if at and (file.seek(at), file.read(1))[1] == b"\x0d"]
            file.seek(leaves[-1] + 3)
            file.write(b"\xff" * 64)
        else:
            file.seek(8192)
            file.write(b"\xa5" * (size - 16384))
    with pytest.raises(StoreError, match=r"damaged.*recover"):
        Store(path)


def test_an_empty_file_becomes_a_store(path):
    path.touch()
    with Store(path) as store:
        assert store.add([entry(1)]) == 1


def test_no_key_reaches_the_file(path):
    secrets = ["sk-proj-abcDEF123_456-xyz", "sk-test-000111222333"]
    with Store(path) as store:
        store.add([entry(1), entry(2)])
        store.claim(2, None)
        store.fail(key(1), 1, f"401 Incorrect API key provided: {secrets[0]}.", sent=False, final=True)
        store.fail(key(2), 1, f"Authorization: Bearer {secrets[1]}", sent=True, final=True)
        assert [r.error for r in store.results("failed")] == [
            "401 Incorrect API key provided: sk-...",
            "Authorization: Bearer ...",
        ]
    for file in path.parent.iterdir():
        for secret in secrets:
            assert secret.encode() not in file.read_bytes()


def test_threads_may_share_a_store(path):
    from concurrent.futures import ThreadPoolExecutor

    with Store(path) as store:
        store.add(entry(n, worst_usd=0.01) for n in range(400))

        def work(_):
            done = []
            while claimed := store.claim(7, 2.0):
                for one in claimed:
                    store.record(one.key, one.attempt, taken(), 0.005, final=False)
                    done.append(one.key)
            return done

        with ThreadPoolExecutor(4) as pool:
            keys = [name for done in pool.map(work, range(4)) for name in done]
        assert len(keys) == len(set(keys))
        assert store.counts()["done"] == len(keys)
        assert store.spent().usd == pytest.approx(len(keys) * 0.005)
        assert store.spent().usd <= 2.0
        assert store.counts()["planned"] < 10
