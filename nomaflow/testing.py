"""For the tests of your own plugins: a `StepContext` without a worker, a database or a run.

>>> ctx = FakeStepContext(params={"period": "2026-10"})
>>> def send_summary(ctx, *, period):
...     ctx.log.info("summary of %s", period)
...     return {"period": period}
>>> send_summary(ctx, **ctx.params)
{'period': '2026-10'}
>>> ctx.lines
[('INFO', 'summary of 2026-10')]
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from nomaflow.types import StepFailed


@dataclass(kw_only=True)
class FakeStepContext:
    """Give it what your function reads; look at `lines` for what it logged."""

    params: Mapping[str, Any] = field(default_factory=dict)
    connectors: Mapping[str, Any] = field(default_factory=dict)
    """What `get_connector` answers, by name; `FakeSqlConnector` is one for SQL."""
    previous_step: Mapping[str, Any] | None = None
    run_id: str = "run_00001"
    job_id: str = "test-job"
    step: str = "test-step"
    attempt: int = 1
    session_user: str = "ann"
    cancelled: bool = False
    """Set it to make `is_cancelled()` true."""
    lines: list[tuple[str, str]] = field(default_factory=list)
    """(level, message) of each logged line."""

    def __post_init__(self) -> None:
        self.log = logging.Logger("nomaflow.step", logging.DEBUG)
        self.log.addHandler(_Keep(self.lines))

    def get_connector(self, name: str) -> Any:
        if name not in self.connectors:
            raise StepFailed(f"there is no connector {name!r}", retry=False)
        return self.connectors[name]

    def is_cancelled(self) -> bool:
        return self.cancelled


class _Keep(logging.Handler):
    def __init__(self, lines: list[tuple[str, str]]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append((record.levelname, record.getMessage()))


class FakeSqlConnector:
    """An SQL connector over an SQLite connection of yours, with `:name` parameters.

    >>> import sqlite3
    >>> db = FakeSqlConnector(sqlite3.connect(":memory:"), "create table t (n int); insert into t values (4)")
    >>> db.query("select n from t where n > :least", {"least": 3})
    [{'n': 4}]
    >>> db.close()
    """

    kind = "sqlite"

    def __init__(self, link: Any, script: str = "", *, name: str = "fake") -> None:
        self.name = name
        self._link = link
        link.isolation_level = None  # each statement commits on its own, as with a real connector
        link.executescript(script)

    def execute(self, statement: str, params: Mapping[str, Any] | None = None) -> int:
        return int(self._link.execute(statement, dict(params or {})).rowcount)

    def query(self, statement: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        cursor = self._link.execute(statement, dict(params or {}))
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    @contextmanager
    def transaction(self) -> Iterator[FakeSqlConnector]:
        self._link.execute("begin")
        try:
            yield self
        except BaseException:
            self._link.execute("rollback")
            raise
        self._link.execute("commit")

    @contextmanager
    def connection(self) -> Iterator[Any]:
        yield self._link

    def close(self) -> None:
        self._link.close()
