"""METEOR's data are found where they should be, and their index is made once and survives mishaps."""

from __future__ import annotations

import errno
import gzip
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile

import pytest

from rsvp_eval.errors import EvalError, UnavailableError
from rsvp_eval.metrics.meteor import paraphrase_index, resources


@pytest.fixture(autouse=True)
def forgetful():
    """Each test looks and loads anew."""
    resources._locate.cache_clear()
    resources._load.cache_clear()
    yield
    resources._locate.cache_clear()
    resources._load.cache_clear()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def run(code, **env):
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **env}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_named_folder_comes_first(home):
    found = resources.locate()
    assert found == resources.Located(
        home / "meteor-1.5.jar", home / "data" / "paraphrase-en.gz", "RSVP_METEOR_HOME"
    )
    assert resources.missing() is None


def test_the_package_is_found_without_being_imported(monkeypatch, located):
    monkeypatch.delenv(resources.HOME, raising=False)
    code = (
        "import sys; from rsvp_eval.metrics.meteor import resources as r; "
        "print(r.locate().source, r.locate().jar, r.missing(), 'pycocoevalcap' in sys.modules)"
    )
    assert run(code) == f"pycocoevalcap {located.jar} None False"


def test_without_the_package_there_is_a_reason(monkeypatch):
    monkeypatch.delenv(resources.HOME, raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match=r'pip install "rsvp-eval\[meteor\]"') as caught:
        resources.load()
    assert resources.missing() == str(caught.value)


@pytest.mark.parametrize("name", ["meteor-1.5.jar", "data/paraphrase-en.gz"])
def test_a_named_folder_that_lacks_a_file_is_an_error_and_no_reason_to_look_elsewhere(home, name):
    (home / name).unlink()
    with pytest.raises(UnavailableError, match=f"RSVP_METEOR_HOME is {home}, expected"):
        resources.locate()
    assert str(home) in resources.missing()


def test_everything_is_loaded(home):
    loaded = resources.load()
    assert loaded.synonyms.synsets("ships") == {7, 9}
    assert loaded.synonyms.synsets("shippes") == {7, 9}
    assert loaded.function_words == {"the", "of"}
    assert loaded.paraphrases.of("a lot of") == ("many",)
    assert resources.nonbreaking() == {"Mr": False, "No": True}


def test_the_real_jar_is_read(located):
    words = resources._member(located.jar, "function/english.words").split()
    assert len(words) == 93
    assert {"the", "’", "--"} <= set(words)
    abbreviations = resources.nonbreaking()
    assert [a for a, only_before_number in abbreviations.items() if only_before_number] == ["No", "Art", "pp"]
    assert not any(a.startswith("#") for a in abbreviations)


def test_the_hash_tells_the_data_apart(home, write_table):
    first = resources.load().sha256
    resources._load.cache_clear()
    assert resources.load().sha256 == first
    write_table(home / "data" / "paraphrase-en.gz", [("ship", "boat")])
    resources._load.cache_clear()
    second = resources.load()
    assert second.paraphrases.of("ship") == ("boat",), "the index is that of the new table"
    with zipfile.ZipFile(home / "meteor-1.5.jar", "a") as jar:
        jar.writestr("more", "")
    resources._load.cache_clear()
    assert len({first, second.sha256, resources.load().sha256}) == 3


def test_the_cache_is_the_one_named(home, tmp_path, monkeypatch):
    resources.load(tmp_path / "argument")
    assert names(tmp_path / "argument")
    assert not (tmp_path / "cache").exists()
    resources.load()
    assert names(tmp_path / "cache") == names(tmp_path / "argument")
    monkeypatch.delenv(resources.CACHE)
    assert resources.cache_folder().name == "rsvp-eval"


def test_the_index_is_made_once(home, monkeypatch):
    resources.load()
    monkeypatch.setattr(resources, "build", full)
    resources._load.cache_clear()
    assert resources.load().paraphrases.of("ship") == ("vessel",)


def test_processes_may_make_the_index_at_once(home, tmp_path):
    code = "from rsvp_eval.metrics.meteor import resources as r; print(*r.load().paraphrases.of('ship'))"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    assert [process.communicate(timeout=120) for process in running] == [("vessel\n", "")] * 4
    assert len(names(tmp_path / "cache")) == 1


def test_the_index_of_a_quicker_process_is_taken(home, tmp_path, monkeypatch):
    def overtaken(table, folder):
        paraphrase_index.build(table, folder)
        if not (other := tmp_path / "cache" / "other").exists():
            shutil.copytree(folder, other)
            other.rename(wanted)

    resources.load(tmp_path / "elsewhere")
    (name,) = names(tmp_path / "elsewhere")
    wanted = tmp_path / "cache" / name
    resources._load.cache_clear()
    monkeypatch.setattr(resources, "build", overtaken)
    assert resources.load().paraphrases.of("ship") == ("vessel",)
    assert names(tmp_path / "cache") == [name]


@pytest.mark.parametrize("damage", ["missing", "cut", "empty"])
def test_a_broken_index_is_made_anew(home, tmp_path, damage):
    resources.load()
    (index,) = (tmp_path / "cache").iterdir()
    for path in index.iterdir():
        if damage == "missing":
            path.unlink()
        else:
            os.truncate(path, 0 if damage == "empty" else path.stat().st_size - 4)
    resources._load.cache_clear()
    assert resources.load().paraphrases.of("ship") == ("vessel",)
    assert list((tmp_path / "cache").iterdir()) == [index]


def test_a_cache_that_cannot_be_written_is_survived(home, tmp_path, caplog):
    (tmp_path / "cache").write_text("a file, not a folder")
    with caplog.at_level(logging.WARNING):
        assert resources.load().paraphrases.of("ship") == ("vessel",)
    (record,) = caplog.records
    assert str(tmp_path / "cache") in record.getMessage()
    assert "RSVP_EVAL_CACHE" in record.getMessage()


def test_a_full_cache_is_survived_and_nothing_is_left_in_it(home, tmp_path, monkeypatch, caplog):
    def full_there(table, folder):
        if folder.is_relative_to(tmp_path / "cache"):
            (folder / "part.npy").write_bytes(b"part")
            full()
        paraphrase_index.build(table, folder)

    monkeypatch.setattr(resources, "build", full_there)
    assert resources.load().paraphrases.of("ship") == ("vessel",)
    assert "No space left on device" in caplog.text
    assert names(tmp_path / "cache") == []


def test_the_temporary_index_goes_with_the_process(home, tmp_path):
    (tmp_path / "cache").write_text("a file, not a folder")
    (tmp_path / "temporary").mkdir()
    code = (
        "from rsvp_eval.metrics.meteor import resources as r; import os; "
        f"r.load(); print(len(os.listdir({str(tmp_path / 'temporary')!r})))"
    )
    assert run(code, TMPDIR=str(tmp_path / "temporary")) == "1"
    assert names(tmp_path / "temporary") == []


def test_no_room_anywhere_is_an_error(home, monkeypatch):
    monkeypatch.setattr(resources, "build", full)
    with pytest.raises(EvalError, match=f"no room .* {tempfile.gettempdir()}.*Set RSVP_EVAL_CACHE"):
        resources.load()


def test_what_was_abandoned_is_swept_up(home, tmp_path):
    old, new = tmp_path / "cache" / ".unfinished-old", tmp_path / "cache" / ".unfinished-new"
    for left in (old, new):
        left.mkdir(parents=True)
        (left / "part.npy").write_bytes(b"part")
    os.utime(old, (time.time() - 2 * 24 * 3600,) * 2)
    resources.load()
    assert not old.exists()
    assert new.exists(), "another process may be at it"


@pytest.mark.parametrize("content", [b"no jar", b""])
def test_a_broken_jar_is_named(home, content):
    (home / "meteor-1.5.jar").write_bytes(content)
    with pytest.raises(
        EvalError, match=r"meteor-1.5.jar: expected METEOR's jar with synonym/english.synsets"
    ):
        resources.load()


def test_a_jar_without_the_data_is_named(home):
    with zipfile.ZipFile(home / "meteor-1.5.jar", "w") as jar:
        jar.writestr("synonym/english.synsets", "")
    with pytest.raises(EvalError, match=r"english.exceptions"):
        resources.load()


def test_a_broken_table_leaves_no_index(home, tmp_path):
    (home / "data" / "paraphrase-en.gz").write_bytes(gzip.compress(b"0.5\nship\n"))
    with pytest.raises(EvalError, match="lacks a phrase"):
        resources.load()
    assert names(tmp_path / "cache") == []
