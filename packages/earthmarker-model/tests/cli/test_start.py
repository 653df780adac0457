"""Help is quick, and what cannot be understood ends with 2."""

import os
import resource
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

COMMANDS = ["train", "cache", "predict", "ask", "ui", "plan", "presets", "init", "merge", "convert"]
HEAVY = ("torch", "transformers", "peft", "numpy", "pyarrow", "PIL", "pydantic", "earthmarker", "gradio")


def test_help_takes_less_than_a_third_of_a_second():
    """The fastest of several, in processor time: what else the machine does is left out."""
    times = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, "-m", "earthmarker_cli", "--help"], capture_output=True, text=True, check=True
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert all(command in done.stdout for command in COMMANDS)
    assert min(times) < 0.3


def test_help_imports_nothing_heavy():
    script = (
        "import sys\nsys.argv = ['earthmarker', '--help']\nfrom earthmarker_cli.app import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"sys.stderr.write(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run, command):
    done = run(command, "--help")
    assert done.code == 0
    assert f"Usage: earthmarker {command}" in done.out


def test_version(run):
    import earthmarker

    assert run("--version").out == f"earthmarker {earthmarker.__version__}\n"


def test_the_exit_codes_are_documented(run):
    from earthmarker_cli.app import ExitCode

    text = " ".join(run("--help").out.split())
    for code in ExitCode:
        assert f"{code.value} " in text
    assert "Exit codes: 0 done; 1 bad input; 2 usage; 130 interrupted." in text


@pytest.mark.parametrize(
    "arguments",
    [
        ["paint"],
        ["train"],
        ["train", "--phase", "two", "--data", "d", "--model", "m", "--out", "o"],
        ["predict", "--data", "d", "--model", "m", "--out", "o", "--batch", "0"],
        ["plan", "--preset", "13b", "--gpus", "none"],
        ["ask", "a.png", "--model", "m", "--box", "1,2,3", "What?"],
        ["ask", "a.png", "--model", "m", "--box", "1,2,3,x", "What?"],
        ["ask", "a.png", "--model", "m", "--point", "1,2,3", "What?"],
        ["ask", "a.png", "--model", "m", "--polygon", "1,2,3,4,5", "What?"],
        ["ask", "a.png", "--model", "m"],
    ],
    ids=" ".join,
)
def test_usage(run, arguments):
    done = run(*arguments)
    assert done.code == 2
    assert done.out == ""
    assert done.err


def test_nothing_is_help(run):
    done = run()
    assert done.code == 2
    assert "Usage: earthmarker" in done.out + done.err


def test_an_interrupt_ends_with_130(run, monkeypatch):
    def stop(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(import_module("earthmarker.presets.count"), "count", stop)
    assert run("presets").code == 130


def test_a_defect_of_ours_keeps_its_traceback(run, monkeypatch):
    module = import_module("earthmarker.presets.count")
    monkeypatch.setattr(module, "count", lambda name: {}["attention"])
    with pytest.raises(KeyError):
        run("presets")


def test_with_several_processes_an_error_says_of_which(run, monkeypatch, tmp_path):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    done = run("merge", tmp_path, "--out", tmp_path / "out")
    assert (done.code, done.out) == (1, "")
    assert "error: process 1: " in done.err


def test_the_console_script_is_declared():
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"earthmarker": "earthmarker_cli.app:main"}


def test_as_a_module_it_is_the_same():
    done = subprocess.run(
        [sys.executable, "-m", "earthmarker_cli", "paint"],
        capture_output=True,
        text=True,
        env=os.environ.copy(),
    )
    assert done.returncode == 2
    assert "No such command 'paint'" in done.stderr
