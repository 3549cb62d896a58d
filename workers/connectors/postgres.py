"""PostgreSQL: opening a session, running statements, and what a copy needs to know of the server."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from psycopg.types import datetime as dates
from psycopg.types.json import JsonbDumper

from nomaflow.extending import ConnectorKind, Field, InvalidConfig, Scope
from nomaflow.types import StepFailed
from workers.connectors.copy_stream import copy_out
from workers.connectors.opening import CONNECT_SECONDS, open_within, stopping
from workers.connectors.result import Result
from workers.connectors.statement import Statement
from workers.copying.ends import Place
from workers.copying.postgres_reader import PostgresReader
from workers.copying.postgres_writer import PostgresWriter

_SESSION = """
select set_config(name, value, false) from (values
    ('client_connection_check_interval', '1000'), ('idle_in_transaction_session_timeout', '0'),
    ('datestyle', 'ISO, YMD'), ('intervalstyle', 'postgres'), ('bytea_output', 'hex'),
    ('extra_float_digits', '1')
) as wanted(name, value) where exists (select from pg_settings where pg_settings.name = wanted.name)
"""
_CHUNK_ROWS = 1000
_END_SECONDS = 5


class Postgres(ConnectorKind):
    kind = "postgres"
    label = "PostgreSQL"
    fields = (
        Field(name="url", kind="url", label="URL", help="postgresql://user@host:5432/database"),
        Field(name="host", kind="text", label="Host"),
        Field(name="port", kind="integer", label="Port", minimum=1, maximum=65535),
        Field(name="database", kind="text", label="Database"),
        Field(name="user", kind="text", label="User"),
        Field(name="password", kind="password", label="Password", secret=True),
        Field(
            name="sslmode",
            kind="choice",
            label="TLS",
            choices=("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
        ),
        Field(
            name="options", kind="map", label="Server settings", help="such as search_path, statement_timeout"
        ),
    )

    def clean(self, config: Mapping[str, Any]) -> dict[str, Any]:
        cleaned = super().clean(config)
        url = cleaned.get("url", "")
        if "${" in url:
            return cleaned
        if not url and not cleaned.get("database"):
            raise InvalidConfig({"url": "give a URL, or host, database and user"})
        if url:
            cleaned.update(_without_password(url))
        return cleaned

    def open(self, name: str, config: Mapping[str, Any], *, tag: str, scope: Scope) -> PostgresSession:
        return PostgresSession(name=name, settings=_conninfo(config, tag), options=config.get("options") or {},
                               tag=tag, scope=scope)  # fmt: skip


def _without_password(url: str) -> dict[str, str]:
    """A URL is shown; the password in it moves to the secret field."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise InvalidConfig({"url": "must start with postgresql://"})
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise InvalidConfig({"url": "is not a PostgreSQL URL"}) from None
    if parts.password is None:
        return {}
    user, _, place = parts.netloc.rpartition("@")
    netloc = f"{user.split(':')[0]}@{place}"
    return {"url": urlunsplit(parts._replace(netloc=netloc)), "password": unquote(parts.password)}


def _conninfo(config: Mapping[str, Any], tag: str) -> dict[str, Any]:
    """libpq's settings; a dead or silent network ends within about half a minute."""
    try:
        found: dict[str, Any] = conninfo_to_dict(config["url"]) if config.get("url") else {}
    except psycopg.ProgrammingError:
        raise StepFailed("the connector's URL is not a PostgreSQL URL", retry=False) from None
    named = {"host": "host", "port": "port", "database": "dbname", "user": "user", "password": "password",
             "sslmode": "sslmode"}  # fmt: skip
    found.update({key: config[field] for field, key in named.items() if config.get(field)})
    found.update(
        application_name=tag[:63], client_encoding="UTF8", connect_timeout=CONNECT_SECONDS,
        keepalives=1, keepalives_idle=10, keepalives_interval=5, keepalives_count=3, tcp_user_timeout=30000,
    )  # fmt: skip
    return found


class _Statements:
    """`execute` and `query`, on whichever connection and transaction."""

    def __init__(self, session: PostgresSession, connection: psycopg.Connection[Any]) -> None:
        self._session = session
        self._connection = connection

    def execute(self, statement: str, params: Mapping[str, Any] | None = None) -> int:
        with self._session.running(self._connection):
            return int(self._connection.execute(*_bound(Statement.read(statement), params)).rowcount)

    def query(self, statement: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        with self._session.running(self._connection), self._connection.cursor(row_factory=dict_row) as cursor:
            return list(cursor.execute(*_bound(Statement.read(statement), params)).fetchall())


class PostgresSession:
    """One named database for one attempt of a step. Opens what it needs when it needs it; `close` ends all."""

    kind: ClassVar[str] = "postgres"

    def __init__(
        self, *, name: str, settings: Mapping[str, Any], options: Mapping[str, Any], tag: str, scope: Scope
    ) -> None:
        self.name = name
        self.scope = scope
        self._settings = dict(settings)
        self._options = {"timezone": "UTC", **options}
        self._tag = tag[:63]
        self._own: psycopg.Connection[Any] | None = None
        self._opened: list[psycopg.Connection[Any]] = []
        self._pids: list[int] = []

    def connect(self) -> psycopg.Connection[Any]:
        """A new connection in autocommit mode, closed with the session."""
        with self.translated():
            connection = open_within(self._connect, scope=self.scope, what=f"connector {self.name!r}")
        self._opened.append(connection)
        self._pids.append(connection.info.backend_pid)
        return connection

    def _connect(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(**self._settings, autocommit=True)
        try:
            connection.execute(_SESSION)
            for setting, value in self._options.items():
                connection.execute("select set_config(%s, %s, false)", (setting, str(value)))
        except BaseException:
            connection.close()
            raise
        for kind, loader in _LOADERS.items():
            connection.adapters.register_loader(kind, loader)
        connection.adapters.register_dumper(dict, JsonbDumper)
        return connection

    def _connection(self) -> psycopg.Connection[Any]:
        if self._own is None or self._own.closed:
            self._own = self.connect()
        return self._own

    def execute(self, statement: str, params: Mapping[str, Any] | None = None) -> int:
        return _Statements(self, self._connection()).execute(statement, params)

    def query(self, statement: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        return _Statements(self, self._connection()).query(statement, params)

    @contextmanager
    def transaction(self) -> Iterator[_Statements]:
        connection = self._connection()
        with self.translated(), connection.transaction():
            yield _Statements(self, connection)

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Any]]:
        """psycopg's connection; commits at the end of the block, rolls back when it raises."""
        connection = self.connect()
        connection.autocommit = False
        with self.running(connection), connection:
            yield connection

    def run(self, statement: Statement, params: Mapping[str, Any], *, keep: int) -> Result:
        """Run one statement in constant memory where it only reads, keeping the first `keep` rows."""
        connection = self._connection()
        with self.running(connection), connection.cursor() as cursor:
            if statement.streams:
                return _stream(cursor, statement, params, keep)
            cursor.execute(*_bound(statement, params))
            columns = tuple(column.name for column in cursor.description) if cursor.description else None
            rows = cursor.fetchmany(keep) if columns is not None else []
            return Result(max(cursor.rowcount, 0), columns, rows)

    def copy_out(
        self, connection: psycopg.Connection[Any], query: str, *, size: int
    ) -> Iterator[tuple[bytes, int]]:
        return copy_out(connection, query, size=size)

    def reader(self, place: Place) -> PostgresReader:
        return PostgresReader(self, place)

    def writer(self, place: Place) -> PostgresWriter:
        return PostgresWriter(self, place)

    @contextmanager
    def running(self, connection: psycopg.Connection[Any]) -> Iterator[None]:
        """While the block runs, a stop cancels on the server; driver errors become `StepFailed`."""
        with stopping(self.scope, lambda: connection.cancel_safe(timeout=2)), self.translated():
            yield

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Driver errors become `StepFailed` with a kind."""
        try:
            yield
        except psycopg.Error as error:
            raise _failure(self.name, error) from error

    def name_of(self, *parts: str) -> str:
        """A quoted, qualified identifier."""
        return sql.Identifier(*parts).as_string()

    def literal(self, value: Any) -> str:
        return sql.Literal(value).as_string()

    def close(self) -> None:
        while self._opened:
            with suppress(psycopg.Error):
                self._opened.pop().close()
        self._own = None

    def ended_on_server(self) -> bool:
        """Close, then ask the server until none of this session's backends is left (at most 5 s)."""
        self.close()
        deadline = time.monotonic() + _END_SECONDS
        settings = {**self._settings, "application_name": "nomaflow probe", "connect_timeout": 3}
        with suppress(psycopg.Error), psycopg.connect(**settings, autocommit=True) as probe:
            while time.monotonic() < deadline:
                left = probe.execute(
                    "select count(*) from pg_stat_activity where pid = any(%s) and application_name = %s",
                    (self._pids, self._tag),
                ).fetchone()
                if left == (0,):
                    return True
                time.sleep(0.02)
        return False

    def __enter__(self) -> PostgresSession:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _bound(statement: Statement, params: Mapping[str, Any] | None) -> tuple[Any, dict[str, Any] | None]:
    """The driver's form: `%(name)s` with doubled percent signs, or the text untouched when nothing is bound."""
    if not statement.names:
        return statement.pieces[0], None
    text = statement.render(
        literal=lambda piece: piece.replace("%", "%%"), parameter=lambda name: f"%({name})s"
    )
    return text, statement.values(params or {})


def _stream(
    cursor: psycopg.Cursor[Any], statement: Statement, params: Mapping[str, Any], keep: int
) -> Result:
    rows: list[tuple[Any, ...]] = []
    count = 0
    for row in cursor.stream(*_bound(statement, params), size=_CHUNK_ROWS):
        count += 1
        if count <= keep:
            rows.append(row)
    columns = tuple(column.name for column in cursor.description or ())
    return Result(count, columns, rows)


def _failure(connector: str, error: psycopg.Error) -> StepFailed:
    """A sentence that names the connector, and the kind of failure by SQLSTATE class."""
    state = error.sqlstate or ""
    parts = [error.diag.message_primary or str(error).strip() or type(error).__name__]
    parts += [part for part in (error.diag.message_detail, error.diag.message_hint) if part]
    kind = "error"
    if state.startswith("23"):
        kind = "constraint"
    elif state == "57014":
        kind = "timeout"
    elif state[:2] in ("08", "28", "53", "57", "3D") or (
        not state and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
    ):
        kind = "connection"
    return StepFailed(f"connector {connector!r}: {' · '.join(parts)}", retry=kind != "constraint", kind=kind)


def _or_text(loader: type[Any]) -> type[Any]:
    """Dates Python cannot hold (infinity, BC, year 10000, 24:00) load as the server's text."""

    class Loader(loader):
        def load(self, data: Any) -> Any:
            try:
                return super().load(data)
            except psycopg.DataError:
                return bytes(data).decode()

    return Loader


_LOADERS = {
    "date": _or_text(dates.DateLoader),
    "time": _or_text(dates.TimeLoader),
    "timetz": _or_text(dates.TimetzLoader),
    "interval": _or_text(dates.IntervalLoader),
    "timestamp": _or_text(dates.TimestampLoader),
    "timestamptz": _or_text(dates.TimestamptzLoader),
}
