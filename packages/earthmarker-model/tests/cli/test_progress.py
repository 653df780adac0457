"""How far a command is."""

import sys

from earthmarker_cli import progress as module
from earthmarker_cli.progress import progress


def test_a_plain_line_every_30_seconds(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    with progress("rows") as tell:
        for second in range(0, 100, 10):
            now[0] = second
            tell(second, 1000, "loss [1]" if second == 60 else "")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "30 of 1,000 rows\n60 of 1,000 rows, loss [1]\n90 of 1,000 rows\n"


def test_a_bar_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress("rows") as tell:
        tell(1, 2, "")
        tell(2, 2, "done")
    assert capsys.readouterr().out == ""


def test_one_process_of_several_speaks(capsys, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(module, "_PLAIN_SECONDS", 0.0)
    with progress("rows") as tell:
        tell(1, 2, "")
    assert capsys.readouterr() == ("", "")
