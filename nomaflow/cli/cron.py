"""`nomaflow cron …`"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import click

from nomaflow.cli.output import emit, json_option


@click.group()
def cron() -> None:
    """Work out when a schedule fires."""


@cron.command("next")
@click.argument("expression")
@click.option("--zone", default="UTC", show_default=True, help="Time zone, such as Europe/Paris.")
@click.option("--from", "start", help="Fires strictly after this time (now); without an offset, in --zone.")
@click.option("--count", default=5, show_default=True, type=click.IntRange(1, 1_000))
@json_option
def next_fires(expression: str, zone: str, start: str | None, count: int, as_json: bool) -> None:
    """Print the next times EXPRESSION fires, in UTC."""
    from jobs_app.cron import CronError, parse

    try:
        schedule = parse(expression, zone)
    except CronError as error:
        raise click.UsageError(str(error)) from None
    fires = [_utc(fire) for fire in schedule.upcoming(_start(start, zone), count)]
    emit({"fires": fires}, as_json=as_json, text=lambda: "\n".join(fires) or "never")


def _start(text: str | None, zone: str) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(f"--from {text!r} is no time such as 2026-11-22T02:30:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
