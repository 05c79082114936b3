"""Tables, on the terminal and in Markdown."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wirelessenv.text import one_line

NARROWEST = 120
"""Columns of a table's page where the terminal is narrower, or there is none, ..."""
WIDEST = 180
"""... or more where cells need them, up to these: long lines rather than broken cells."""


def print_table(title: str, rows: Sequence[dict[str, Any]]) -> None:
    """Print a table; the first column is what the others are about. All of it is text, as it is.

    Args:
        title: above the table.
        rows: with the same keys, one or more.
    """
    table = Table()
    for index, column in enumerate(rows[0]):
        table.add_column(Text(one_line(column)), justify="right" if index else "left")
    for row in rows:
        table.add_row(*(Text(one_line(value)) for value in row.values()))
    console = Console()
    needed = min(console.measure(table, options=console.options.update(max_width=WIDEST)).maximum, WIDEST)
    console = Console(width=max(console.width, NARROWEST, needed))
    console.print(Text(one_line(title)))
    console.print(table)


def markdown_table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The lines of a Markdown table of rows with the same keys. All of it is text, as it is."""
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return ["| " + " | ".join(one_line(cell).replace("|", "\\|") for cell in line) + " |" for line in lines]
