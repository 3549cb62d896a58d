"""A small real `Execution`, for running one executor without an engine around it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from nomaflow.extending import ConnectorKind
from nomaflow.types import StepFailed
from workers.cancel import CancelScope, Stop
from workers.connectors.postgres import Postgres
from workers.connectors.sqlite import Sqlite

KINDS: dict[str, ConnectorKind] = {"postgres": Postgres(), "sqlite": Sqlite()}


class ListHandler(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(f"{record.levelname} {record.getMessage()}")


@dataclass
class SimpleExecution:
    connectors: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Name to `{"kind", "config", "queries"}`."""
    params: Mapping[str, Any] = field(default_factory=dict)
    run_id: str = "run_00001"
    job_id: str = "job"
    step: str = "step"
    position: int = 1
    attempt: int = 1
    session_user: str = "system"
    as_of: datetime = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    previous_step: Mapping[str, Any] | None = None
    tag: str = "nomaflow:1:1"
    scope: CancelScope = field(default_factory=CancelScope)
    secrets: set[str] = field(default_factory=set)
    opened: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.handler = ListHandler()
        self.log = logging.Logger(self.step, logging.DEBUG)
        self.log.addHandler(self.handler)

    @property
    def lines(self) -> list[str]:
        return self.handler.lines

    def connector(self, name: str) -> Any:
        known = self.connector_config(name)
        session = KINDS[known["kind"]].open(name, known["config"], tag=self.tag, scope=self.scope)
        self.opened.append(session)
        return session

    def connector_config(self, name: str) -> dict[str, Any]:
        if name not in self.connectors:
            raise StepFailed(f"there is no connector named {name!r}", retry=False)
        return {"queries": {}, **self.connectors[name]}

    def cancel(self) -> None:
        self.scope.cancel(Stop("user_cancel", "cancelled by user:ann", by="user:ann"))

    def mask(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "••••••")
        return text

    def add_secret(self, value: str) -> None:
        self.secrets.add(value)
