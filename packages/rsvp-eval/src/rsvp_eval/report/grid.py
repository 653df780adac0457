"""A small table of text, and the ways to print one."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Group

_MARKDOWN = str.maketrans({"|": "\\|", "\\": "\\\\", "<": "&lt;", "\n": " ", "\r": " "})

_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "±": r"$\pm$",
        "↑": r"$\uparrow$",
        "↓": r"$\downarrow$",
        "–": "--",
        "†": r"$\dagger$",
        "×": r"$\times$",
        "−": r"$-$",
        "≤": r"$\leq$",
    }
)


@dataclass(frozen=True)
class Grid:
    """A table.

    Attributes:
        title: heading; empty for none.
        columns: heads of the columns.
        rows: cells, as many a row as columns.
        numeric: columns that are aligned right.
        notes: lines to put below.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int] = frozenset()
    notes: Sequence[str] = ()

    def markdown(self) -> str:
        """As GitHub's Markdown, with a line feed at the end."""
        lines = [f"### {self.title.translate(_MARKDOWN)}", ""] if self.title else []
        rules = ["---:" if i in self.numeric else "---" for i in range(len(self.columns))]
        lines += [_piped(self.columns), "|" + "|".join(rules) + "|", *(_piped(row) for row in self.rows)]
        if self.notes:
            lines += ["", *(f"- {note.translate(_MARKDOWN)}" for note in self.notes)]
        return "\n".join(lines) + "\n"

    def latex(self) -> str:
        """As a tabular of LaTeX with the rules of booktabs; notes are comments."""
        align = "".join("r" if i in self.numeric else "l" for i in range(len(self.columns)))
        lines = [f"% {self.title}"] if self.title else []
        lines += [rf"\begin{{tabular}}{{{align}}}", r"\toprule", _ampersands(self.columns), r"\midrule"]
        lines += [_ampersands(row) for row in self.rows]
        lines += [r"\bottomrule", r"\end{tabular}", *(f"% {' '.join(note.split())}" for note in self.notes)]
        return "\n".join(lines) + "\n"

    def csv(self) -> str:
        """As comma-separated values, cells as they are; no notes."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(self.rows)
        return file.getvalue()

    def terminal(self) -> Group:
        """For a terminal, by way of rich."""
        from rich.box import SIMPLE_HEAD
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=SIMPLE_HEAD, title=Text(self.title) if self.title else None, title_justify="left")
        for i, column in enumerate(self.columns):
            table.add_column(Text(column), justify="right" if i in self.numeric else "left")
        for row in self.rows:
            table.add_row(*(Text(cell) for cell in row))
        return Group(table, *(Text(f"- {note}") for note in self.notes))


def _piped(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.translate(_MARKDOWN) for cell in cells) + " |"


def _ampersands(cells: Sequence[str]) -> str:
    return " & ".join(cell.translate(_LATEX) for cell in cells) + r" \\"
