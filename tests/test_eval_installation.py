"""rsvp-eval as a wheel: with kernels where there is a compiler, with the same values where there is none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile

import pytest


def built(repository, folder, **environment):
    """The wheel of a copy of the package, built in an environment with these variables."""
    source = folder / "source"
    shutil.copytree(
        repository / "packages/rsvp-eval",
        source,
        ignore=shutil.ignore_patterns("build", "*.so", "*.egg-info", "__pycache__", "tests"),
    )
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    subprocess.run(
        [*command, "--wheel-dir", str(folder), str(source)],
        check=True,
        timeout=300,
        env={**os.environ, **environment},
        capture_output=True,
    )
    [path] = folder.glob("rsvp_eval-*.whl")
    return path


@pytest.fixture(scope="module")
def wheel_without_compiler(repository, tmp_path_factory):
    return built(repository, tmp_path_factory.mktemp("plain"), CC="/bin/false", CXX="/bin/false")


def test_the_wheel_carries_what_runs_need(wheel_without_compiler):
    with zipfile.ZipFile(wheel_without_compiler) as archive:
        names = set(archive.namelist())
    for name in ("tasks/aid.toml", "paper/earthmarker.toml", "golden.json", "py.typed", "native/ngrams.cpp"):
        assert f"rsvp_eval/{name}" in names
    assert "rsvp_eval/metrics/spice/RsvpSpice.java" in names
    assert any(name.startswith("rsvp_eval/report/templates/") for name in names)


def test_without_a_compiler_the_values_are_the_same(wheel_without_compiler, tmp_path):
    with zipfile.ZipFile(wheel_without_compiler) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".so")]
        archive.extractall(tmp_path / "site")
    code = (
        "import json, rsvp_eval, rsvp_eval.native; from rsvp_eval.verify import verify;"
        "print(json.dumps([rsvp_eval.__file__, rsvp_eval.native.kernels() is None,"
        " [(c.metric, c.difference, c.failed) for c in verify()]]))"
    )
    path = os.pathsep.join([str(tmp_path / "site"), sysconfig.get_path("purelib")])
    done = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:0] = {path.split(os.pathsep)!r}; {code}"],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
        cwd=tmp_path,
    )
    where, plain, checks = json.loads(done.stdout)
    assert where.startswith(str(tmp_path))
    assert plain
    assert {name for name, difference, _ in checks if difference is not None} >= {
        "bleu_4",
        "rouge_l",
        "cider",
    }
    assert not [name for name, _, failed in checks if failed]


@pytest.mark.skipif(
    shutil.which("c++") is None and shutil.which("g++") is None, reason="there is no C++ compiler"
)
def test_with_a_compiler_the_wheel_has_the_kernels(repository, tmp_path):
    with zipfile.ZipFile(built(repository, tmp_path)) as archive:
        assert [name for name in archive.namelist() if name.startswith("rsvp_eval/native/_kernels")]
