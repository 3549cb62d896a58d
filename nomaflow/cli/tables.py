"""What people read: tables, states with icon, word and colour, lines of a log."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_STATES = {
    "QUEUED": ("…", "cyan"),
    "PENDING": ("·", "bright_black"),
    "RUNNING": ("▶", "blue"),
    "SUCCEEDED": ("✔", "green"),
    "PARTIAL": ("◐", "yellow"),
    "FAILED": ("✖", "red"),
    "CANCELED": ("⊘", "magenta"),
    "SKIPPED": ("↷", "bright_black"),
}
_LEVELS = {"WARNING": "yellow", "ERROR": "red", "DEBUG": "bright_black"}
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")


def state(word: str | None, *, canceling: bool = False) -> Text:
    """A state's icon and word in its colour."""
    if not word:
        return Text("–", style="bright_black")
    icon, colour = _STATES.get(word, ("?", "white"))
    return Text(f"{icon} {'canceling…' if canceling else word}", style=colour)


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print aligned columns."""
    grid = Table(*columns, box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for row in rows:
        grid.add_row(*(cell if isinstance(cell, Text) else Text(plain(cell)) for cell in row))
    _print(grid)


def facts(pairs: Mapping[str, Any]) -> None:
    """Print names and values, one a line; what is empty is left out."""
    grid = Table.grid(padding=(0, 2))
    for name, value in pairs.items():
        if value not in (None, "", [], {}):
            grid.add_row(Text(name, style="bold"), value if isinstance(value, Text) else Text(plain(value)))
    _print(grid)


def _print(grid: Table) -> None:
    """Nothing is cut where the output goes to a file or a pipe."""
    width = None if sys.stdout.isatty() else 1_000
    Console(file=sys.stdout, width=width, highlight=False).print(grid)


def log_line(line: Mapping[str, Any]) -> str:
    """`2026-11-22T02:30:01.295Z INFO    [step] message`, coloured by level."""
    step = f"[{line['step']}] " if line["step"] else ""
    text = plain(f"{line['at']} {line['level']:<7} {step}{line['message']}")
    colour = _LEVELS.get(line["level"])
    return click.style(text, fg=colour) if colour else text


def plain(value: Any) -> str:
    """Text that cannot steer the terminal: control characters are shown as `\\x1b`."""
    if value is None:
        return "–"
    return _CONTROLS.sub(lambda found: f"\\x{ord(found.group()):02x}", str(value))
