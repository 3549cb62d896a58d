"""Real databases for the tests of the SQL steps: a schema of its own on two PostgreSQL databases, SQLite files."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.executions import SimpleExecution
from workers.executors.sql_copy import SqlCopy
from workers.executors.sql_query import SqlQuery

URL = os.environ.get("NOMAFLOW_TEST_OPS_URL") or os.environ["NOMAFLOW_DATABASE_URL"]
TARGET_URL = os.environ.get("NOMAFLOW_TEST_REPORTING_URL") or os.environ["NOMAFLOW_DATABASE_URL"]


@dataclass
class Databases:
    """`ops` and `reporting` are PostgreSQL, each with schemas of this test; `file` is SQLite."""

    schema: str
    ops: psycopg.Connection[Any]
    reporting: psycopg.Connection[Any]
    file: Path
    extra: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def target_schema(self) -> str:
        return f"{self.schema}_t"

    def execution(self, **values: Any) -> SimpleExecution:
        connectors = {
            "ops": {"kind": "postgres", "config": {"url": URL, "options": {"search_path": self.schema}}},
            "reporting": {
                "kind": "postgres",
                "config": {"url": TARGET_URL, "options": {"search_path": self.target_schema}},
            },
            "file": {"kind": "sqlite", "config": {"path": str(self.file)}},
            **self.extra,
        }
        return SimpleExecution(connectors=connectors, **values)

    def query(
        self, connector: str, query: str, *, ctx: SimpleExecution | None = None, **config: Any
    ) -> dict[str, Any]:
        step = SqlQuery()
        return step.run(
            ctx or self.execution(), step.clean({"connector": connector, "query": query, **config})
        )

    def copy(
        self,
        source: str = "ops",
        target: str = "reporting",
        *,
        table: str = "orders",
        to: str = "orders",
        query: str = "",
        ctx: SimpleExecution | None = None,
        **config: Any,
    ) -> dict[str, Any]:
        schemas = {"ops": self.schema, "reporting": self.target_schema}
        from_ = {"query": query} if query else {"schema": schemas.get(source, "main"), "table": table}
        step = SqlCopy()
        places = {
            "source": {"connector": source, **from_},
            "target": {"connector": target, "schema": schemas.get(target, "main"), "table": to},
        }
        return step.run(ctx or self.execution(), step.clean({**places, **config}))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """From the target database."""
        return self.reporting.execute(query).fetchall()  # type: ignore[arg-type]

    def stashes(self) -> int:
        found = self.rows("select count(*) from pg_class where relname like 'nomaflow_stash%'")
        return int(found[0][0])


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[Databases]:
    schema = f"nf_{secrets.token_hex(6)}"
    with (
        psycopg.connect(URL, autocommit=True) as ops,
        psycopg.connect(TARGET_URL, autocommit=True) as reporting,
    ):
        for connection, name in ((ops, schema), (reporting, f"{schema}_t")):
            connection.execute(f"create schema {name}")  # type: ignore[arg-type]
            connection.execute(f"set search_path = {name}")  # type: ignore[arg-type]
            connection.execute("set client_min_messages = warning")
        yield Databases(schema, ops, reporting, tmp_path / "data.sqlite")
        ops.execute(f"drop schema {schema} cascade")  # type: ignore[arg-type]
        reporting.execute(f"drop schema {schema}_t cascade")  # type: ignore[arg-type]
