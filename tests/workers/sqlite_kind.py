"""A connector kind on SQLite, small enough to be seen through, which steps open in their own process."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from nomaflow.extending import ConnectorKind, Scope


class SqliteKind(ConnectorKind):
    kind = "test-sqlite"

    def open(self, name: str, config: Mapping[str, Any], *, tag: str, scope: Scope) -> Session:
        return Session(config["path"], tag, scope)


class Session:
    def __init__(self, path: str, tag: str, scope: Scope) -> None:
        self._link = sqlite3.connect(path, check_same_thread=False)
        self._scope = scope
        self.tag = tag

    def query(self, statement: str) -> list[dict[str, Any]]:
        with self._scope.guard(self._link.interrupt):
            cursor = self._link.execute(statement)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]


def endless() -> str:
    """A statement that only an interrupt ends."""
    return "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"
