"""`nomaflow token …`"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click

from nomaflow.cli import setup
from nomaflow.cli.output import emit, json_option


@click.group()
def token() -> None:
    """Create API tokens."""


@token.command()
@click.argument("username")
@click.option("--name", default="cli", show_default=True, help="What the token is for.")
@click.option("--scope", "scopes", multiple=True, help="Narrow it to this permission (repeatable).")
@click.option("--days", type=click.IntRange(1, 3650), help="It ends after this many days.")
@json_option
def create(username: str, name: str, scopes: tuple[str, ...], days: int | None, as_json: bool) -> None:
    """Create a token for USERNAME and print it, this once; it is the last word of the output."""
    setup()
    from django.utils import timezone

    from jobs_app import tokens
    from jobs_app.permissions import InvalidPattern
    from nomaflow.cli.local import actor
    from nomaflow.cli.user import find

    ends = timezone.now() + timedelta(days=days) if days else None
    try:
        made, plain = tokens.create(find(username), name=name, scopes=scopes, expires_at=ends, actor=actor())
    except InvalidPattern as error:
        raise click.UsageError(str(error)) from None
    value: dict[str, Any] = {"token": plain, "name": made.name, "user": username, "scopes": list(scopes)}
    emit(value, as_json=as_json, text=lambda: f"Token “{made.name}” of {username}, shown once: {plain}")
