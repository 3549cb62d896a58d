"""Writing to PostgreSQL in one transaction: whatever ends it early leaves the target as it was, and no stash behind."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, ClassVar

from nomaflow.types import StepFailed
from workers.copying.ends import Chunk, Column, Mode, Pair, Place, Reader
from workers.copying.postgres_catalog import DECLARED, Table, server_of, table_of, writable
from workers.copying.postgres_reader import _COPY, BINARY, TEXT
from workers.copying.postgres_swap import InPlace, Swap, replacement

if TYPE_CHECKING:
    from workers.connectors.postgres import PostgresSession


class PostgresWriter:
    kind: ClassVar[str] = "postgres"

    def __init__(self, session: PostgresSession, place: Place) -> None:
        self._session = session
        self._place = place
        self._connection: Any = None
        self._table: Table | None = None
        self._stash: Swap | InPlace | None = None
        self._stream = ExitStack()
        self._copy: Any = None
        self._cursor: Any = None
        self._mode: Mode = "overwrite"
        self._bytes_allowed: list[bool] = []

    def open(self, mode: Mode) -> tuple[Column, ...] | None:
        self._mode = mode
        self._connection = self._session.connect()
        with self._session.translated():
            self._connection.execute("begin")
            self._table = table_of(self._connection, self._place)
            if self._table is None:
                self._require_schema()
                return None
            if self._table.relkind not in ("r", "p"):
                raise StepFailed(f"target {self._place} is not a table", retry=False)
            return writable(self._connection, self._table.oid)

    def _require_schema(self) -> None:
        found = self._connection.execute(
            "select from pg_namespace where nspname = %(name)s or %(name)s::text = ''",
            {"name": self._place.schema},
        )
        if not found.rowcount:
            raise StepFailed(
                f"there is no schema {self._place.schema!r} on connector {self._place.connector!r}",
                retry=False,
            )

    def identity(self) -> object | None:
        return (*server_of(self._connection), self._table.oid) if self._table else None

    def create(self, source: Sequence[Column]) -> tuple[Column, ...]:
        fields = ", ".join(
            f"{self._session.name_of(column.name)} {self._declared(column)}" for column in source
        )
        name = self._session.name_of(*(part for part in (self._place.schema, self._place.table) if part))
        with self._session.translated():
            self._connection.execute(f"create table {name} ({fields})")
            self._table = table_of(self._connection, self._place)
            if self._table is None:
                raise StepFailed(f"target {self._place} could not be created", retry=False)
            self._mode = "append"
            return writable(self._connection, self._table.oid)

    def _declared(self, column: Column) -> str:
        if column.kind == self.kind:
            return column.type
        if column.generic == "numeric" and column.precision:
            return f"numeric({column.precision},{column.scale or 0})"
        return DECLARED[column.generic]

    def raw_format(self, reader: Reader, pairs: Sequence[Pair]) -> str | None:
        """Binary bytes only between identical types: others can be read as wrong values without an error.

        Between different types the server's own text is as quick to pass on, and every value is checked.
        """
        if BINARY in reader.formats and all(
            item.source.wire and item.source.wire == item.target.wire for item in pairs
        ):
            return BINARY
        return TEXT if TEXT in reader.formats else None

    def begin(self, pairs: Sequence[Pair], *, raw: str | None) -> None:
        if self._table is None:
            raise RuntimeError("begin before open or create")
        names = [item.target.name for item in pairs]
        self._bytes_allowed = [item.target.generic == "bytes" for item in pairs]
        with self._session.translated():
            if self._mode == "overwrite":
                self._stash = replacement(self._session, self._connection, self._table, names)
            into = (
                self._stash.into
                if self._stash
                else self._session.name_of(self._table.schema, self._table.name)
            )
            fields = ", ".join(self._session.name_of(name) for name in names)
            self._cursor = self._connection.cursor()
            self._copy = self._stream.enter_context(
                self._cursor.copy(f"copy {into} ({fields}) from stdin (format {_COPY[raw or TEXT]})")
            )

    def write(self, chunk: Chunk) -> None:
        with self._session.translated():
            if isinstance(chunk.data, bytes):
                self._copy.write(chunk.data)
                return
            self._refuse_bytes_in_text(chunk.data)
            for row in chunk.data:
                self._copy.write_row(row)

    def _refuse_bytes_in_text(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """A dynamically typed source may hold a blob anywhere; as text it would be stored as its hex digits."""
        for row in rows:
            for allowed, value in zip(self._bytes_allowed, row, strict=True):
                if not allowed and type(value) is bytes:
                    raise StepFailed(
                        f"target {self._place}: binary data for a column that is not bytea", retry=False
                    )

    def finish(self) -> int:
        with self._session.translated():
            self._stream.close()
            written = int(self._cursor.rowcount)
            if self._stash:
                self._stash.put_in_place()
            return written

    @property
    def placed(self) -> str:
        """How the new contents came into place, for the log; empty for append."""
        return self._stash.how if self._stash else ""

    def commit(self) -> None:
        with self._session.translated():
            self._connection.execute("commit")

    def cancel(self) -> None:
        if self._connection is not None:
            self._connection.cancel_safe(timeout=2)

    def close(self) -> None:
        """The server rolls back what is open when the connection ends."""
        if self._connection is not None:
            with suppress(Exception):
                self._connection.close()
