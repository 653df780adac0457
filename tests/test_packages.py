"""How the packages stand to each other and to the world."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import sysconfig
import tomllib
import zipfile

import pytest

PACKAGES = {
    "rsvp-builder": {"rsvp_builder"},
    "earthmarker-model": {"earthmarker", "earthmarker_cli"},
    "rsvp-eval": {"rsvp_eval"},
}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_package_imports_another(repository, package):
    others = set().union(*PACKAGES.values()) - PACKAGES[package]
    for path in (repository / "packages" / package / "src").rglob("*.py"):
        assert not others & set(imported(path)), path


def test_torch_is_a_matter_of_the_model_alone(repository):
    for package in ("rsvp-builder", "rsvp-eval"):
        for path in (repository / "packages" / package / "src").rglob("*.py"):
            assert not {"torch", "transformers", "peft"} & set(imported(path)), path


@pytest.mark.parametrize("package", PACKAGES)
def test_every_import_of_a_package_is_a_declared_dependency(repository, package):
    project = tomllib.loads((repository / "packages" / package / "pyproject.toml").read_text())["project"]
    names = {"pillow": "PIL", "pyyaml": "yaml"}
    extras = [d for extra in project.get("optional-dependencies", {}).values() for d in extra]
    declared = {d.partition(">")[0].partition("[")[0] for d in project["dependencies"] + extras}
    allowed = {names.get(d, d.replace("-", "_")) for d in declared} | PACKAGES[package]
    for path in (repository / "packages" / package / "src").rglob("*.py"):
        foreign = set(imported(path)) - set(sys.stdlib_module_names) - allowed
        assert not foreign, f"{path}: {foreign}"


def test_the_page_of_sources_is_that_of_the_manifests(repository):
    from rsvp_builder.catalog import shipped
    from rsvp_builder.source_table import markdown

    assert (repository / "docs/sources.md").read_text() == markdown(shipped().values()), "run `make docs`"


@pytest.fixture(scope="module")
def wheel(repository, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
         "--wheel-dir", str(folder), str(repository / "packages/rsvp-builder")],
        check=True,
        timeout=120,
    )  # fmt: skip
    [path] = folder.glob("rsvp_builder-*.whl")
    return path


def test_the_wheel_carries_manifests_templates_and_types(wheel, repository):
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    for manifest in (repository / "data_manifests").glob("*.toml"):
        assert f"rsvp_builder/data_manifests/{manifest.name}" in names
    assert "rsvp_builder/py.typed" in names
    assert "rsvp_builder/dataset/templates/card.md.j2" in names
    assert any(name.startswith("rsvp_builder/gallery/templates/") for name in names)


def test_an_installed_wheel_runs_outside_the_checkout(wheel, tmp_path):
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True, timeout=60)
    [site] = environment.glob("lib/python*/site-packages")
    # Offline, the dependencies are those of this environment. A path file is not followed further, so
    # that the editable checkout installed here stays out of sight.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    python = environment / "bin/python"
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}

    def run(*arguments):
        done = subprocess.run(
            [str(python), "-m", "rsvp_builder", *arguments],
            capture_output=True, text=True, cwd=tmp_path, env=clean, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = subprocess.run(
        [str(python), "-c", "import rsvp_builder; print(rsvp_builder.__file__)"],
        capture_output=True, text=True, cwd=tmp_path, env=clean, check=True, timeout=60,
    )  # fmt: skip
    assert where.stdout.startswith(str(environment))
    assert "DOTA-v2.0" in run("list")
    assert "gallery.html" in run("demo", "--out", "demo")
    assert "valid" in run("validate", "demo/dataset")


def test_a_source_distribution_builds_the_same_wheel(wheel, repository, tmp_path):
    pytest.importorskip("hatchling")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path)]
    package = repository / "packages/rsvp-builder"
    subprocess.run([*build, "-t", "sdist"], cwd=package, check=True, capture_output=True, timeout=120)
    [archive] = tmp_path.glob("*.tar.gz")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
         "--wheel-dir", str(tmp_path / "again"), str(archive)],
        check=True,
        timeout=120,
    )  # fmt: skip
    [again] = (tmp_path / "again").glob("*.whl")
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as two:
        assert sorted(one.namelist()) == sorted(two.namelist())
