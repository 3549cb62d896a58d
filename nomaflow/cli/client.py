"""What the `job` and `run` commands ask for, whoever answers: this machine's database, or a server's API."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import click

Query = Mapping[str, Any]
"""Names and values of the API's query parameters; a value may be a list, None is left out."""

_USAGE_CODES = frozenset(("invalid_value", "unknown_parameter", "unknown_step", "bad_request"))


class Refused(click.ClickException):
    """The answer was no. Exit code 2 when the request itself made no sense, else 1."""

    as_json = False

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(str(error.get("message", "")))
        self.error = dict(error)
        self.exit_code = 2 if error.get("code") in _USAGE_CODES else 1  # type: ignore[misc]

    def show(self, file: Any = None) -> None:
        if self.as_json:
            click.echo(json.dumps({"error": self.error}, indent=2))
        for sentence in self.sentences():
            click.echo(f"nomaflow: {sentence}", err=True)

    def sentences(self) -> list[str]:
        problems = self.error.get("problems") or [self.error]
        return [_sentence(problem) for problem in problems]


def _sentence(problem: Mapping[str, Any]) -> str:
    line = f"line {problem['line']}: " if problem.get("line") else ""
    field = f"{problem['field']}: " if problem.get("field") else ""
    return f"{line}{field}{problem.get('message', '')}"


class Client(Protocol):
    """The answers have the shapes of the REST API. Every method may raise `Refused`."""

    def jobs(self) -> list[dict[str, Any]]: ...

    def job(self, job_id: str) -> dict[str, Any]: ...

    def start(self, job_id: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for a run; `body` is that of `POST /admin/jobs/<id>/run`."""

    def set_enabled(self, job_id: str, enabled: bool) -> dict[str, Any]: ...

    def import_toml(self, text: str) -> dict[str, Any]: ...

    def export_toml(self, job_id: str) -> str: ...

    def runs(self, query: Query) -> dict[str, Any]: ...

    def run(self, run_id: str) -> dict[str, Any]: ...

    def lines(self, run_id: str, query: Query) -> dict[str, Any]:
        """A page of the log: `lines`, `last`, `more`, and the run's `state` as it was before they were read."""

    def cancel(self, run_id: str) -> dict[str, Any]: ...


def connect(server: str | None, token: str | None) -> Client:
    if not server:
        from nomaflow.cli.local import LocalClient

        return LocalClient()
    if not token:
        raise click.UsageError("--server needs --token (or NOMAFLOW_TOKEN).")
    from nomaflow.cli.remote import RemoteClient

    return RemoteClient(server, token)


def client_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--server`, `--token` and `--json`; call the command with `client` and `as_json`."""

    @click.option("--server", envvar="NOMAFLOW_SERVER", help="Ask this server's API, not the database.")
    @click.option("--token", envvar="NOMAFLOW_TOKEN", help="API token for --server.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
    @functools.wraps(command)
    def wrapped(*args: Any, server: str | None, token: str | None, as_json: bool, **kwargs: Any) -> None:
        try:
            command(*args, client=connect(server, token), as_json=as_json, **kwargs)
        except Refused as refused:
            refused.as_json = as_json
            raise

    return wrapped
