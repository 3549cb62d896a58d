"""Stay with a run until it ends: print its lines, or only wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import click

from nomaflow.cli import tables
from nomaflow.cli.client import Client

FINAL = frozenset(("SUCCEEDED", "PARTIAL", "FAILED", "CANCELED", "SKIPPED"))
_SHORTEST, _LONGEST = 0.1, 1.0


def lines(client: Client, run_id: str, *, until_end: bool, **query: Any) -> Iterator[dict[str, Any]]:
    """The log's lines in order, as they come when `until_end`; the generator's value is the last state."""
    after, pause = query.pop("after", 0) or 0, _SHORTEST
    while True:
        page = client.lines(run_id, {**query, "after": after, "limit": 5_000})
        yield from page["lines"]
        after = page["last"]
        if page["more"]:
            continue
        # The state was read before the lines: a final run has no line that this page misses.
        if page["state"] in FINAL or not until_end:
            return page["state"]
        pause = _SHORTEST if page["lines"] else min(pause * 1.5, _LONGEST)
        time.sleep(pause)


def until_end(client: Client, run_id: str, *, show: Callable[[dict[str, Any]], None] | None, **q: Any) -> str:
    """Pass each line to `show` until the run ends; return its last state."""
    source = lines(client, run_id, until_end=True, **q)
    while True:
        try:
            line = next(source)
        except StopIteration as end:
            return str(end.value)
        except KeyboardInterrupt:
            click.echo(f"\nNo longer watching; {run_id} goes on.", err=True)
            raise click.exceptions.Exit(1) from None
        if show:
            show(line)


def show_text(line: dict[str, Any]) -> None:
    click.echo(tables.log_line(line))


def exit_by(state: str) -> None:
    """Exit code 0 for SUCCEEDED, 1 for every other end."""
    raise click.exceptions.Exit(0 if state == "SUCCEEDED" else 1)
