"""SQLite: one file, opened by the worker that runs the step."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from nomaflow.extending import ConnectorKind, Field, InvalidConfig, Scope
from nomaflow.types import StepFailed
from workers.connectors.opening import stopping
from workers.connectors.result import Result
from workers.connectors.statement import Statement
from workers.copying.ends import Place
from workers.copying.sqlite_ends import SqliteReader, SqliteWriter

_BUSY_SECONDS = 15


class Sqlite(ConnectorKind):
    kind = "sqlite"
    label = "SQLite"
    fields = (
        Field(
            name="path",
            kind="text",
            label="File",
            required=True,
            help="absolute path on the worker's machine",
        ),
        Field(name="read_only", kind="boolean", label="Read only", default=False),
    )

    def clean(self, config: Mapping[str, Any]) -> dict[str, Any]:
        cleaned = super().clean(config)
        path = cleaned["path"]
        if "\0" in path or not ("${" in path or Path(path).is_absolute()):
            raise InvalidConfig({"path": "must be an absolute path"})
        return cleaned

    def open(self, name: str, config: Mapping[str, Any], *, tag: str, scope: Scope) -> SqliteSession:
        return SqliteSession(
            name=name, path=str(config.get("path", "")), read_only=bool(config.get("read_only")), scope=scope
        )


class _Statements:
    """`execute` and `query` on one connection; each commits on its own unless a transaction is open."""

    def __init__(self, session: SqliteSession, connection: sqlite3.Connection) -> None:
        self._session = session
        self._connection = connection

    def execute(self, statement: str, params: Mapping[str, Any] | None = None) -> int:
        with self._session.running(self._connection):
            return self._connection.execute(*_bound(Statement.read(statement), params)).rowcount

    def query(self, statement: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        with self._session.running(self._connection):
            cursor = self._connection.execute(*_bound(Statement.read(statement), params))
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor]


class SqliteSession:
    """One database file for one attempt of a step."""

    kind: ClassVar[str] = "sqlite"

    def __init__(self, *, name: str, path: str, read_only: bool, scope: Scope) -> None:
        self.name = name
        self.path = path
        self.read_only = read_only
        self.scope = scope
        self._own: sqlite3.Connection | None = None
        self._opened: list[sqlite3.Connection] = []

    def connect(self) -> sqlite3.Connection:
        """A new connection in autocommit mode. A file that does not exist is created, its folder is not."""
        if not Path(self.path).is_absolute():
            raise StepFailed(f"connector {self.name!r}: the path {self.path!r} is not absolute", retry=False)
        mode = "ro" if self.read_only else "rwc"
        with self.translated():
            connection = sqlite3.connect(
                f"{Path(self.path).as_uri()}?mode={mode}", uri=True, isolation_level=None,
                check_same_thread=False, timeout=_BUSY_SECONDS,
            )  # fmt: skip
            self._opened.append(connection)
            connection.execute("pragma schema_version").fetchone()
        return connection

    def _connection(self) -> sqlite3.Connection:
        if self._own is None:
            self._own = self.connect()
        return self._own

    def execute(self, statement: str, params: Mapping[str, Any] | None = None) -> int:
        return _Statements(self, self._connection()).execute(statement, params)

    def query(self, statement: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        return _Statements(self, self._connection()).query(statement, params)

    @contextmanager
    def transaction(self) -> Iterator[_Statements]:
        connection = self._connection()
        with self._transaction(connection):
            yield _Statements(self, connection)

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """sqlite3's connection in a transaction; commits at the end of the block, rolls back when it raises."""
        connection = self.connect()
        with self.running(connection), self._transaction(connection):
            yield connection

    @contextmanager
    def _transaction(self, connection: sqlite3.Connection) -> Iterator[None]:
        with self.translated():
            connection.execute("begin immediate" if not self.read_only else "begin")
            try:
                yield
                if connection.in_transaction:
                    connection.execute("commit")
            except BaseException:
                with suppress(sqlite3.Error):
                    connection.execute("rollback")
                raise

    def run(self, statement: Statement, params: Mapping[str, Any], *, keep: int) -> Result:
        connection = self._connection()
        with self.running(connection):
            cursor = connection.execute(*_bound(statement, params))
            if cursor.description is None:
                return Result(max(cursor.rowcount, 0), None, [])
            rows = cursor.fetchmany(keep)
            count = len(rows) + sum(1 for _ in cursor)
            columns = tuple(column[0] for column in cursor.description)
            return Result(max(cursor.rowcount, count), columns, rows)

    def reader(self, place: Place) -> SqliteReader:
        return SqliteReader(self, place)

    def writer(self, place: Place) -> SqliteWriter:
        return SqliteWriter(self, place)

    @contextmanager
    def running(self, connection: sqlite3.Connection) -> Iterator[None]:
        with stopping(self.scope, connection.interrupt), self.translated():
            yield

    @contextmanager
    def translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _failure(self.name, error) from error
        except OverflowError:
            raise StepFailed(
                f"connector {self.name!r}: a number is too large for SQLite", retry=False
            ) from None

    def name_of(self, *parts: str) -> str:
        """A quoted, qualified identifier."""
        for part in parts:
            if "\0" in part:
                raise StepFailed(f"{part!r} is not a name", retry=False)
        return ".".join('"' + part.replace('"', '""') + '"' for part in parts)

    def close(self) -> None:
        while self._opened:
            with suppress(sqlite3.Error):
                self._opened.pop().close()
        self._own = None

    def ended_on_server(self) -> bool:
        """There is no server: the statement ends with the connection."""
        self.close()
        return True

    def __enter__(self) -> SqliteSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _bound(statement: Statement, params: Mapping[str, Any] | None) -> tuple[str, dict[str, Any]]:
    text = statement.render(literal=lambda piece: piece, parameter=lambda name: f":{name}")
    return text, {name: _value(value) for name, value in statement.values(params or {}).items()}


def _value(value: Any) -> Any:
    """SQLite knows five types; the others are stored as their standard text."""
    if isinstance(value, datetime):
        return value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    return value


def _failure(connector: str, error: sqlite3.Error) -> StepFailed:
    kind = "error"
    name = getattr(error, "sqlite_errorname", "") or ""
    if isinstance(error, sqlite3.IntegrityError):
        kind = "constraint"
    elif name.startswith(("SQLITE_CANTOPEN", "SQLITE_NOTADB", "SQLITE_IOERR")):
        kind = "connection"
    elif name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        kind = "timeout"
    return StepFailed(f"connector {connector!r}: {error}", retry=kind != "constraint", kind=kind)
