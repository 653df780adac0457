"""What is installed is pinned, down to the requirements of requirements."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OWN = ("rsvp-builder", "rsvp-eval", "earthmarker-model")


def pins(repository):
    lines = (repository / "constraints.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def asked_for(repository):
    """Every requirement that this repository states: of packages, extras, builds, tests."""
    for package in OWN:
        project = tomllib.loads((repository / "packages" / package / "pyproject.toml").read_text())
        yield from project["project"]["dependencies"]
        yield from project["build-system"]["requires"]
        for extra in project["project"].get("optional-dependencies", {}).values():
            yield from extra
    for line in (repository / "requirements-test.txt").read_text().splitlines():
        if not line.startswith("#"):
            yield line


def test_every_pin_is_exact_and_there_is_one_of_each(repository):
    names = []
    for line in pins(repository):
        assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.!+-]*", line), line
        names.append(canonicalize_name(line.partition("==")[0]))
    assert len(names) == len(set(names)) > 100


def test_every_pin_is_one_that_its_requirements_allow(repository):
    versions = {
        canonicalize_name(line.partition("==")[0]): line.partition("==")[2] for line in pins(repository)
    }
    for text in asked_for(repository):
        requirement = Requirement(text)
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), text


def test_requirements_of_requirements_are_pinned_too(repository):
    pinned = {canonicalize_name(line.partition("==")[0]) for line in pins(repository)}
    todo = [(text, "asked for here") for text in asked_for(repository)]
    met = set()
    while todo:
        text, by = todo.pop()
        requirement = Requirement(text)
        name = canonicalize_name(requirement.name)
        key = (name, frozenset(requirement.extras))
        if key in met:
            continue
        met.add(key)
        try:
            found = importlib.metadata.requires(requirement.name) or []
        except importlib.metadata.PackageNotFoundError:
            # Of a test requirement that this environment was made without.
            assert name in pinned, f"{name}, of {by}"
            continue
        assert name in pinned, f"{name}, of {by}"
        for further in found:
            marker = Requirement(further).marker
            extras = requirement.extras or {""}
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
                todo.append((further, requirement.name))
    assert len(met) > 100
