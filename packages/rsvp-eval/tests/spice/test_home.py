"""Where SPICE is looked for, and what is said where it is not there."""

import importlib.util

import pytest

from rsvp_eval.errors import UnavailableError
from rsvp_eval.metrics.spice import home, missing


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    monkeypatch.delenv(home.HOME, raising=False)
    monkeypatch.delenv("JAVA_HOME", raising=False)


@pytest.fixture
def not_installed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


@pytest.fixture
def installed(monkeypatch, lay_home):
    """A pycocoevalcap that brings SPICE without CoreNLP."""
    libraries = [
        f"lib/{name}" for name in ("Meteor-1.5.jar", "SceneGraphParser-1.0.jar", "json-simple-1.1.1.jar")
    ]
    folder = lay_home(home.SPICE, *libraries, at="pycocoevalcap/spice")

    class Spec:
        submodule_search_locations = (str(folder.parent),)

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: Spec)
    return folder


def test_everything_may_lie_in_one_folder(whole_home, monkeypatch, not_installed):
    monkeypatch.setenv(home.HOME, str(whole_home))
    found = home.locate()
    assert found.spice == whole_home / "spice-1.0.jar"
    assert found.models == whole_home / "stanford-corenlp-3.6.0-models.jar"
    assert found.meteor == whole_home / "lib" / "Meteor-1.5.jar"
    assert len(found.libraries) == 3
    assert str(found.corenlp) in found.class_path


@pytest.mark.parametrize("folder", ["", "lib/", "stanford-corenlp-full-2015-12-09/"])
def test_corenlp_alone_may_lie_there_if_pycocoevalcap_brings_spice(folder, installed, lay_home, monkeypatch):
    own = lay_home(f"{folder}{home.CORENLP}", f"{folder}{home.MODELS}")
    monkeypatch.setenv(home.HOME, str(own))
    found = home.locate()
    assert found.spice.parent == installed
    assert found.models == own / folder / home.MODELS


def test_what_pycocoevalcap_fetched_is_found_without_the_variable(installed, lay_home):
    lay_home(f"lib/{home.CORENLP}", f"lib/{home.MODELS}", at="pycocoevalcap/spice")
    found = home.locate()
    assert found.models.parent == installed / "lib"
    assert home.CORENLP not in {p.name for p in found.libraries}


def test_a_reason_is_given_for_whatever_is_missing(whole_home, monkeypatch, not_installed, lay_home):
    assert "spice-1.0.jar was not found: install pycocoevalcap" in missing()
    monkeypatch.setenv(home.HOME, "/nowhere")
    assert "RSVP_SPICE_HOME is /nowhere, which is not a folder" in missing()
    monkeypatch.setenv(home.HOME, str(whole_home))
    (whole_home / home.MODELS).unlink()
    assert missing().startswith("CoreNLP 3.6.0 models were not found: set RSVP_SPICE_HOME")
    assert "docs/metrics-licences.md" in missing()
    (whole_home / home.CORENLP).unlink()
    lay_home("stanford-corenlp-4.5.7.jar")
    assert "3.6.0 was not found (there is stanford-corenlp-4.5.7.jar; another version parses" in missing()
    (whole_home / "lib" / "SceneGraphParser-1.0.jar").unlink()
    assert "has no SceneGraphParser-1.0.jar" in missing()


def test_java_is_that_of_java_home_or_the_path(whole_home, monkeypatch, tmp_path, not_installed):
    monkeypatch.setenv(home.HOME, str(whole_home))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "Java was not found on the path" in missing()
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert missing() is None
    assert home.java() == str(java)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "bin"))
    with pytest.raises(UnavailableError, match="Java was not found in JAVA_HOME"):
        home.java()


def test_synonyms_come_from_spices_own_meteor_or_an_installed_one(monkeypatch):
    pytest.importorskip("pycocoevalcap")
    synsets = home.synonyms()
    assert synsets("car") & synsets("automobile")
    assert not synsets("car") & synsets("dog")
    assert synsets("women") & synsets("woman")


def test_tables_that_cannot_be_read_are_named(whole_home, monkeypatch):
    monkeypatch.setenv(home.HOME, str(whole_home))
    with pytest.raises(home.EvalError, match=r"Meteor-1\.5\.jar: expected METEOR's jar"):
        home.synonyms()
