"""Captions go to Java and tuples come back; whatever goes wrong there is told."""

import os
import shutil
import sqlite3

import pytest

from rsvp_eval.errors import EvalError, UnavailableError
from rsvp_eval.metrics.spice import SpiceParser, home
from rsvp_eval.metrics.spice.cache import FILE, ParseCache
from rsvp_eval.metrics.spice.run import identity


@pytest.fixture(autouse=True)
def no_java_home(monkeypatch):
    monkeypatch.delenv("JAVA_HOME", raising=False)


@pytest.fixture
def parser(tmp_path, monkeypatch):
    """A function that gives the parser of a home, with a cache of its own."""

    def of(folder, **options):
        monkeypatch.setenv(home.HOME, str(folder))
        return SpiceParser(cache=tmp_path / "cache", memory="256m", threads=1, **options)

    return of


@pytest.fixture
def java_that(tmp_path, monkeypatch):
    """A function that puts a Java on the path that runs a shell script and counts its runs."""
    if os.name != "posix":
        pytest.skip("the stand-in for Java is a shell script")
    folder = tmp_path / "fake"
    folder.mkdir()

    def does(script):
        java = folder / "java"
        java.write_text(f'#!/bin/sh\necho "$@" >> {folder}/calls\n{script}\n')
        java.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return folder / "calls"

    return does


def test_captions_become_tuples(stub_home, parser):
    captions = ["man;man,tall", "man,horse,ride", 'größe 🙂 \u2028 \\ " /', "man;man,tall", "", "a\nb"]
    assert parser(stub_home)(captions) == [
        (("man",), ("man", "tall")),
        (("man", "horse", "ride"),),
        (('größe 🙂 \u2028 \\ " /',),),
        (("man",), ("man", "tall")),
        (("",),),
        (("a\nb",),),
    ]


def test_parses_are_kept(stub_home, parser, java_that):
    parser(stub_home)(["man", "horse"])
    calls = java_that("exit 1")
    assert parser(stub_home)(["horse", "man"]) == [(("horse",),), (("man",),)]
    assert not calls.exists()


def test_a_caption_that_cannot_be_parsed_is_named_and_the_others_are_kept(stub_home, parser, java_that):
    with pytest.raises(UnavailableError, match=r"cannot parse the caption 'boom here'.*no tree for it"):
        parser(stub_home)(["man", "boom here", "horse"])
    with pytest.raises(UnavailableError, match=r"'forget it' \(nor 1 others\): SPICE's parser gave nothing"):
        parser(stub_home)(["forget it", "please recurse"])
    java_that("exit 1")
    assert parser(stub_home)(["horse", "man"]) == [(("horse",),), (("man",),)]


def test_a_caption_that_takes_too_long_is_named(stub_home, parser):
    with pytest.raises(UnavailableError, match=r"stopped after 2.5 s of parsing the caption 'hang on'"):
        parser(stub_home, timeout=2.5)(["man", "hang on", "horse"])


def test_java_that_dies_is_told(stub_home, parser):
    with pytest.raises(UnavailableError, match="Java ended with exit code 7"):
        parser(stub_home)(["man", "leave"])


def test_lists_of_the_categories_come_from_the_jar(stub_home, parser):
    words = parser(stub_home).category_words()
    assert (words.cardinality, words.color, words.size) == ({"one", "two"}, {"red"}, {"big"})


def test_spices_own_jar_stops_at_the_models_and_says_so(
    spice_jar, corenlp_of_the_tokeniser, lay_home, parser
):
    folder = lay_home(home.MODELS)
    shutil.copy(corenlp_of_the_tokeniser, folder / home.CORENLP)
    ours = parser(folder)
    with pytest.raises(UnavailableError, match=r"englishPCFG.*models\.jar does not hold the parser's models"):
        ours(["a man rides a horse"])
    words = ours.category_words()
    assert "red" in words.color
    assert "two" in words.cardinality
    assert "big" in words.size


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            "echo 'Module jdk.compiler not in boot Layer' >&2; exit 1",
            "a JDK of version 11 or newer is needed",
        ),
        ("echo 'Unrecognized option: --add-opens' >&2; exit 1", "too old"),
        ("echo 'Invalid maximum heap size: -Xmx9999G' >&2; exit 1", "Java was given 256m of memory"),
        ("""echo '{"fatal": "java.lang.NoClassDefFoundError: x"}'""", "class path is .*spice-1.0.jar"),
        ("echo hello", "it wrote b'hello.n', no JSON"),
        ("exit 3", "Java ended with exit code 3$"),
        ("head -c 300000 /dev/zero >&2; exit 4", "Java ended with exit code 4"),
    ],
)
def test_java_that_does_not_run_spice_is_told(whole_home, parser, java_that, script, message):
    java_that(script)
    with pytest.raises(UnavailableError, match=f"(?s)SPICE does not run: .*{message}"):
        parser(whole_home)(["man"])


def test_models_that_never_load_are_given_up(whole_home, parser, java_that):
    java_that("exec sleep 60")
    with pytest.raises(UnavailableError, match=r"stopped after 0.2 s of loading the parser's models"):
        parser(whole_home, startup=0.2)(["man"])


def test_java_runs_with_the_flags_that_it_needs(whole_home, parser, java_that):
    calls = java_that("""echo '{"caption": 0, "tuples": [["man"]]}'; echo '{"done": 1}'""")
    assert parser(whole_home)(["man"]) == [(("man",),)]
    command = calls.read_text()
    assert "-Xmx256m -Duser.language=en -Duser.country=US" in command
    assert "--add-opens java.base/java.lang=ALL-UNNAMED" in command
    assert "RsvpSpice.java" in command


def test_parses_of_another_parser_are_not_taken(whole_home, tmp_path, monkeypatch):
    monkeypatch.setenv(home.HOME, str(whole_home))
    before = identity(home.locate())
    (whole_home / home.MODELS).write_bytes(b"other models")
    assert identity(home.locate()) != before
    ParseCache("one", tmp_path).put({"man": [["man"]]})
    assert ParseCache("other", tmp_path).get(["man"]) == {}
    assert ParseCache("one", tmp_path).get(["man", "dog"]) == {"man": (("man",),)}


def test_a_cache_that_cannot_be_used_is_named(tmp_path):
    (tmp_path / FILE).write_text("no database, and long enough to be seen as none" * 40)
    with pytest.raises(EvalError, match=r"sqlite: SPICE's parses cannot be kept there: .*RSVP_EVAL_CACHE"):
        ParseCache("one", tmp_path).get(["man"])
    (tmp_path / "file").touch()
    with pytest.raises(EvalError, match="cannot be kept there"):
        ParseCache("one", tmp_path / "file").put({"man": [["man"]]})


def test_the_cache_lies_where_the_variable_says(tmp_path, monkeypatch):
    monkeypatch.setenv("RSVP_EVAL_CACHE", str(tmp_path / "named"))
    ParseCache("one").put({"\ud800": [["man"]]})
    assert ParseCache("one").get(["\ud800"]) == {"\ud800": (("man",),)}
    with sqlite3.connect(tmp_path / "named" / FILE) as database:
        assert database.execute("select count(*) from parses").fetchone() == (1,)
    database.close()
