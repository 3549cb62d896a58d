"""`nomaflow run …`"""

from __future__ import annotations

import json
from typing import Any

import click

from nomaflow.cli import tables, watch
from nomaflow.cli.client import Client, client_options
from nomaflow.durations import duration

_LEVEL = click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"], case_sensitive=False)


@click.group()
def run() -> None:
    """Show runs and their logs."""


@run.command("list")
@click.option("--job", multiple=True, help="Only this job (repeatable).")
@click.option("--state", multiple=True, help="Only this state, in any case (repeatable).")
@click.option("--trigger", multiple=True, help="cron, user, api, cli, job or system (repeatable).")
@click.option("--user", help="Only runs this account asked for.")
@click.option("--from", "from_", help="Asked for at or after this date or time.")
@click.option("--to", help="Asked for before this time, or up to the end of this date.")
@click.option("-q", help="Text in the job's id, the reason or the trigger; or a run id.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 500))
@click.option("--before", help="Go on after the page that ended with this run.")
@client_options
def list_runs(client: Client, as_json: bool, from_: str | None, **query: Any) -> None:
    """List runs, newest first."""
    chosen = {name: list(value) if isinstance(value, tuple) else value for name, value in query.items()}
    found = client.runs({**chosen, "from": from_})
    if as_json:
        return click.echo(json.dumps(found, indent=2))
    tables.table(
        ("RUN", "JOB", "STATE", "TRIGGERED BY", "QUEUED", "DURATION", "REASON"), map(_row, found["runs"])
    )
    if found["next_before"]:
        click.echo(f"More: --before {found['next_before']}", err=True)
    return None


def _row(entry: dict[str, Any]) -> tuple[Any, ...]:
    return (
        entry["run_id"],
        entry["job_id"],
        tables.state(entry["state"], canceling=entry["canceling"]),
        entry["triggered_by"],
        entry["queued_at"],
        duration(entry["duration_ms"]),
        entry["reason"],
    )


@run.command()
@click.argument("run_id")
@client_options
def show(run_id: str, client: Client, as_json: bool) -> None:
    """Show one run, its steps and its latest log lines."""
    show_run(client.run(run_id), as_json=as_json, with_log=True)


def show_run(found: dict[str, Any], *, as_json: bool, with_log: bool, compact: bool = False) -> None:
    """Print a run as the API tells it; `compact` JSON is one line, to end a stream of lines."""
    if as_json:
        return click.echo(json.dumps(found, indent=None if compact else 2))
    facts = found["run"]
    tables.facts(
        {
            "run": facts["run_id"],
            "job": facts["job_id"],
            "state": tables.state(facts["state"], canceling=facts["canceling"]),
            "reason": facts["reason"],
            "triggered by": " · ".join(filter(None, (facts["triggered_by"], facts["trigger_detail"]))),
            "started": facts["started_at"],
            "finished": facts["finished_at"],
            "duration": duration(facts["duration_ms"]),
            "params": json.dumps(facts["snapshot"]["params"]) if facts["snapshot"].get("params") else None,
        }
    )
    click.echo()
    tables.table(
        ("#", "STEP", "TYPE", "STATE", "DURATION", "ROWS", "TRIES", "REASON"), map(_step, found["steps"])
    )
    if with_log and found["logs"]:
        click.echo()
        for line in found["logs"]:
            watch.show_text(line)
    return None


def _step(entry: dict[str, Any]) -> tuple[Any, ...]:
    return (
        entry["position"],
        entry["name"],
        entry["type"],
        tables.state(entry["state"]),
        duration(entry["duration_ms"]),
        entry["rows_affected"],
        entry["attempts_made"],
        entry["error_message"] or entry["reason"],
    )


@run.command()
@click.argument("run_id")
@click.option("--follow", is_flag=True, help="Stay until the run ends; the exit code says how it went.")
@click.option("--level", type=_LEVEL, help="The least to show.")
@click.option("--step", help="Only this step (name or position).")
@click.option("-q", help="Only lines with this text.")
@click.option("--after", default=0, type=click.IntRange(0), help="Only lines after this number.")
@click.option("--tail", type=click.IntRange(1, 5_000), help="Only the last lines.")
@client_options
def logs(run_id: str, client: Client, as_json: bool, follow: bool, tail: int | None, **query: Any) -> None:
    """Print a run's log; with --json one object a line."""
    show = (lambda line: click.echo(json.dumps(line))) if as_json else watch.show_text
    if tail:
        page = client.lines(run_id, {**query, "tail": tail})
        for line in page["lines"]:
            show(line)
        query["after"] = page["last"]
    if follow:
        return watch.exit_by(watch.until_end(client, run_id, show=show, **query))
    if not tail:
        for line in watch.lines(client, run_id, until_end=False, **query):
            show(line)
    return None


@run.command()
@click.argument("run_id")
@client_options
def cancel(run_id: str, client: Client, as_json: bool) -> None:
    """Cancel a run that is queued or running."""
    answer = client.cancel(run_id)
    words = {"canceled": "is cancelled", "canceling": "is being cancelled"}
    text = f"{answer['run']['run_id']} {words[answer['outcome']]}"
    click.echo(json.dumps(answer, indent=2) if as_json else text)
