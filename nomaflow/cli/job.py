"""`nomaflow job …`"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from nomaflow.cli import tables, watch
from nomaflow.cli.client import Client, client_options
from nomaflow.cli.run import show_run


@click.group()
def job() -> None:
    """List, show, run, import and export jobs."""


@job.command("list")
@client_options
def list_jobs(client: Client, as_json: bool) -> None:
    """List the jobs with their schedule and last run."""
    jobs = client.jobs()
    if as_json:
        return click.echo(json.dumps({"jobs": jobs}, indent=2))
    return tables.table(("JOB", "ENABLED", "LAST RUN", "SCHEDULE", "NEXT", "TAGS"), map(_row, jobs))


def _row(entry: dict[str, Any]) -> tuple[Any, ...]:
    last = entry["last_run"] or {}
    schedule = f"{entry['schedule']} ({entry['timezone']})" if entry["schedule"] else "manual-only"
    return (
        entry["id"],
        "yes" if entry["enabled"] else "no",
        tables.state(last.get("state"), canceling=last.get("canceling", False)),
        schedule,
        entry["next_fire"],
        ", ".join(entry["tags"]),
    )


@job.command()
@click.argument("job_id")
@client_options
def show(job_id: str, client: Client, as_json: bool) -> None:
    """Show one job and its steps."""
    found = client.job(job_id)
    if as_json:
        return click.echo(json.dumps({"job": found}, indent=2))
    last = found["last_run"] or {}
    tables.facts(
        {
            "job": found["id"],
            "description": found["description"],
            "tags": ", ".join(found["tags"]),
            "enabled": "yes" if found["enabled"] else "no",
            "schedule": f"{found['schedule']} ({found['timezone']})" if found["schedule"] else "manual-only",
            "next fire": found["next_fire"],
            "last run": tables.state(last.get("state")).append(f" {last.get('run_id', '')}"),
            "params": json.dumps(found["definition"]["params"]) if found["definition"]["params"] else None,
        }
    )
    click.echo()
    steps = enumerate(found["definition"]["steps"], start=1)
    rows = ((n, s["name"], s["type"], "yes" if s["enabled"] else "no") for n, s in steps)
    return tables.table(("#", "STEP", "TYPE", "ENABLED"), rows)


@job.command()
@click.argument("job_id")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="Change a parameter.")
@click.option("--op-kwarg", "op_kwargs", multiple=True, metavar="STEP.NAME=VALUE", help="Change an argument.")
@click.option("--disable-step", "disabled", multiple=True, metavar="STEP", help="Leave a step out.")
@click.option("--log-level", type=click.Choice(["DEBUG", "INFO", "WARNING"], case_sensitive=False))
@click.option("--wait", is_flag=True, help="Wait for the end; the exit code says how it went.")
@click.option("--follow", is_flag=True, help="The same, printing the log.")
@client_options
def run(job_id: str, client: Client, as_json: bool, wait: bool, follow: bool, **changes: Any) -> None:
    """Run a job now. A VALUE that reads as JSON is taken as JSON, anything else as text."""
    started = client.start(job_id, _body(**changes))
    run_id = started["run_id"]
    if not (wait or follow):
        text = f"{run_id} {started['state']} · {started['url']}"
        return click.echo(json.dumps(started, indent=2) if as_json else text)
    if not as_json:
        click.echo(f"{run_id} {started['state']}", err=True)
    state = watch.until_end(client, run_id, show=_shower(as_json) if follow else None)
    show_run(client.run(run_id), as_json=as_json, with_log=False, compact=follow)
    return watch.exit_by(state)


def _shower(as_json: bool) -> Any:
    return (lambda line: click.echo(json.dumps(line))) if as_json else watch.show_text


def _body(
    params: tuple[str, ...], op_kwargs: tuple[str, ...], disabled: tuple[str, ...], log_level: str | None
) -> dict[str, Any]:
    """The request's body: only what was changed."""
    per_step: dict[str, dict[str, Any]] = {}
    for left, value in map(_pair, op_kwargs):
        step, dot, name = left.rpartition(".")
        if not dot or not step or not name:
            raise click.UsageError(f"--op-kwarg needs STEP.NAME=VALUE, not {left!r}.")
        per_step.setdefault(step, {})[name] = value
    body = {
        "params": dict(map(_pair, params)),
        "op_kwargs": per_step,
        "step_enabled": dict.fromkeys(disabled, False),
        "log_level": log_level.upper() if log_level else None,
    }
    return {name: value for name, value in body.items() if value}


def _pair(text: str) -> tuple[str, Any]:
    """
    >>> _pair("n=3"), _pair("who=ann"), _pair('days=["mon"]'), _pair("eq=a=b"), _pair("nan=NaN")
    (('n', 3), ('who', 'ann'), ('days', ['mon']), ('eq', 'a=b'), ('nan', 'NaN'))
    """
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.UsageError(f"{text!r} must be NAME=VALUE.")
    try:
        return name, json.loads(value, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return name, value


def _no_constant(word: str) -> None:
    raise ValueError(word)


@job.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@client_options
def import_jobs(file: Path, client: Client, as_json: bool) -> None:
    """Create and update the jobs and connectors of a TOML FILE: all of them, or none (`-` reads stdin)."""
    raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    try:
        result = client.import_toml(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise click.ClickException(f"{file} is not UTF-8 text.") from None
    if as_json:
        return click.echo(json.dumps(result, indent=2))
    for word, names in result.items():
        if names:
            click.echo(f"{word}: {', '.join(names)}")
    return None


@job.command("export")
@click.argument("job_id")
@client_options
def export_job(job_id: str, client: Client, as_json: bool) -> None:
    """Print a job as TOML, ready to be imported elsewhere."""
    text = client.export_toml(job_id)
    click.echo(json.dumps({"id": job_id, "toml": text}, indent=2) if as_json else text, nl=as_json)


@job.command()
@click.argument("job_id")
@client_options
def enable(job_id: str, client: Client, as_json: bool) -> None:
    """Let the job's schedule fire."""
    _switch(client, job_id, True, as_json)


@job.command()
@click.argument("job_id")
@client_options
def disable(job_id: str, client: Client, as_json: bool) -> None:
    """Keep the job's schedule from firing; it can still be run by hand."""
    _switch(client, job_id, False, as_json)


def _switch(client: Client, job_id: str, enabled: bool, as_json: bool) -> None:
    found = client.set_enabled(job_id, enabled)
    text = f"{found['id']} is {'enabled' if found['enabled'] else 'disabled'}"
    click.echo(json.dumps({"job": found}, indent=2) if as_json else text)
