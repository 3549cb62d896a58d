"""The public plugin API: what a function in `plugins/` may import and rely on.

Standard library only, so that a plugin's tests need nothing of Nomaflow installed but this module.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable


class StepFailed(Exception):
    """Raise to fail a step with a sentence of your own.

    `retry=False` says that another attempt cannot help: the retry policy is then not applied. `kind` is a
    stable word for the cause (`error`, `connection`, `timeout`, `constraint`, `http_4xx`, `http_429`,
    `http_5xx`, `killed`, `memory_limit`). `error_class` and `traceback_text` are set where the error happened
    in another process.
    """

    def __init__(
        self,
        message: str,
        *,
        retry: bool = True,
        kind: str = "error",
        error_class: str = "",
        traceback_text: str = "",
    ) -> None:
        super().__init__(message)
        self.retry = retry
        self.kind = kind
        self.error_class = error_class
        self.traceback_text = traceback_text


class StepCancelled(Exception):
    """Raised inside a step that is being cancelled or has reached its timeout."""


@runtime_checkable
class SqlTransaction(Protocol):
    """Statements that commit together, or not at all."""

    def execute(self, statement: str, params: Mapping[str, Any] | None = None) -> int:
        """Run one statement with bound `:name` parameters; return the affected rows (-1 when unknown)."""

    def query(self, statement: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run one statement and return all its rows as dicts."""


@runtime_checkable
class SqlConnector(SqlTransaction, Protocol):
    """A named database. `execute` and `query` commit on their own."""

    name: str
    kind: str

    def transaction(self) -> AbstractContextManager[SqlTransaction]:
        """Commit at the end of the block, roll back when it raises."""

    def connection(self) -> AbstractContextManager[Any]:
        """The driver's own DB-API connection, for what the short forms cannot say."""


class StepContext(Protocol):
    """What the first argument of a plugin function gives it."""

    run_id: str
    """The run as the UI shows it, such as `run_00a8c`."""
    job_id: str
    step: str
    """The name of this step."""
    attempt: int
    """1 for the first try."""
    session_user: str
    """Who caused the run: an account name, or `cron`, `api`, `cli`, `system`."""
    params: Mapping[str, Any]
    """The merged parameters after substitution."""
    previous_step: Mapping[str, Any] | None
    """The output of the nearest earlier step that succeeded."""
    log: logging.Logger
    """Lines go to the run's log; `print()` does too, at INFO."""

    def get_connector(self, name: str) -> Any:
        """Open the connector `name`; raises `StepFailed` when there is none of that name."""

    def is_cancelled(self) -> bool:
        """True once the run is being cancelled or the step has reached its timeout."""


PluginFunction = Callable[..., Any]
__all__ = [
    "PluginFunction",
    "Sequence",
    "SqlConnector",
    "SqlTransaction",
    "StepCancelled",
    "StepContext",
    "StepFailed",
]
