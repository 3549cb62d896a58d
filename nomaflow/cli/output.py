"""What commands print: progress on stderr for people, one JSON value on stdout for scripts."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import click

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")


def emit(value: Any, *, as_json: bool, text: Callable[[], str]) -> None:
    """Print ``value`` as JSON, or ``text()`` for a person."""
    click.echo(json.dumps(value, indent=2, default=str) if as_json else text())


class Progress:
    """Names each step as it begins and says how long it took; on stderr, so that stdout stays a script's."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet

    def say(self, text: str) -> None:
        if not self.quiet:
            click.echo(text, err=True)

    @contextlib.contextmanager
    def step(self, text: str) -> Iterator[None]:
        if self.quiet:
            yield
            return
        click.echo(f"  {text} … ", err=True, nl=False)
        began = time.monotonic()
        try:
            yield
        except BaseException:
            click.echo("failed", err=True)
            raise
        click.echo(f"done ({time.monotonic() - began:.1f} s)", err=True)
