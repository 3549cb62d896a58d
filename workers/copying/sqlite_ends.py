"""Reading from and writing to SQLite: rows only, one transaction on each side."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from nomaflow.types import StepFailed
from workers.connectors.statement import Statement
from workers.copying.ends import Chunk, Column, Generic, Mode, Pair, Place, Reader, Total, choose

if TYPE_CHECKING:
    from workers.connectors.sqlite import SqliteSession

# The first word found in a declared type decides, in this order.
_DECLARED: tuple[tuple[str, Generic], ...] = (
    ("BOOL", "boolean"), ("INT", "bigint"), ("CHAR", "text"), ("CLOB", "text"), ("TEXT", "text"), ("BLOB", "bytes"),
    ("REAL", "double"), ("FLOA", "double"), ("DOUB", "double"), ("TIMESTAMPTZ", "timestamptz"),
    ("DATETIME", "timestamp"), ("TIMESTAMP", "timestamp"), ("DATE", "date"), ("TIME", "time"), ("DEC", "numeric"),
    ("NUMERIC", "numeric"), ("JSON", "json"), ("UUID", "uuid"),
)  # fmt: skip
_TYPES: dict[Generic, str] = {
    "smallint": "INTEGER", "integer": "INTEGER", "bigint": "INTEGER", "real": "REAL", "double": "REAL",
    "boolean": "BOOLEAN", "bytes": "BLOB",
}  # fmt: skip
_SIZE = re.compile(r"\((\d+)(?:\s*,\s*(\d+))?\)")
_EXACT_DIGITS = 15
"""SQLite keeps a number with a fraction as a double: more digits than this are kept as text."""


def _column(name: str, declared: str) -> Column:
    upper = declared.upper()
    generic: Generic = next((generic for word, generic in _DECLARED if word in upper), "text")
    size = _SIZE.search(declared) if generic == "numeric" else None
    return Column(
        name, "sqlite", declared, generic,
        precision=int(size[1]) if size else None, scale=int(size[2] or 0) if size else None,
    )  # fmt: skip


def _declared(column: Column) -> str:
    if column.kind == "sqlite":
        return column.type
    if column.generic == "numeric" and column.precision and column.precision <= _EXACT_DIGITS:
        return f"NUMERIC({column.precision},{column.scale or 0})"
    return _TYPES.get(column.generic, "TEXT")


class _End:
    """What both ends need: a connection and the table's columns."""

    kind: ClassVar[str] = "sqlite"

    def __init__(self, session: SqliteSession, place: Place) -> None:
        self._session = session
        self._place = place
        self._connection: Any = None

    @property
    def _schema(self) -> str:
        return self._place.schema if self._place.schema not in ("", "public") else "main"

    @property
    def _name(self) -> str:
        return self._session.name_of(self._schema, self._place.table)

    def _table_kind(self) -> str | None:
        """`table` or `view`; None when there is neither."""
        known = {row[1] for row in self._connection.execute("pragma database_list")}
        if self._schema not in known:
            raise StepFailed(
                f"there is no schema {self._schema!r} on connector {self._place.connector!r}", retry=False
            )
        row = self._connection.execute(
            f"select type from {self._session.name_of(self._schema)}.sqlite_master "  # noqa: S608
            "where type in ('table', 'view') and lower(name) = lower(?)",
            (self._place.table,),
        ).fetchone()
        return row[0] if row else None

    def _columns(self) -> tuple[Column, ...]:
        """Without generated columns, which nobody can write."""
        found = self._connection.execute(
            f"pragma {self._session.name_of(self._schema)}.table_xinfo({self._session.name_of(self._place.table)})"
        )
        return tuple(_column(row[1], row[2] or "") for row in found if row[6] == 0)

    def identity(self) -> object | None:
        if self._place.query:
            return None
        return ("sqlite", os.path.realpath(self._session.path), self._schema, self._place.table.lower())

    def cancel(self) -> None:
        if self._connection is not None:
            self._connection.interrupt()

    def close(self) -> None:
        """SQLite rolls back what is open when the connection ends."""
        if self._connection is not None:
            with suppress(Exception):
                self._connection.close()


class SqliteReader(_End):
    formats: tuple[str, ...] = ()

    def __init__(self, session: SqliteSession, place: Place) -> None:
        super().__init__(session, place)
        self.rows_read = 0

    def open(self) -> tuple[Column, ...]:
        self._connection = self._session.connect()
        with self._session.translated():
            self._connection.execute("begin")
            if self._place.query:
                columns = self._query_columns()
            elif self._table_kind() is None:
                raise StepFailed(
                    f"there is no table {self._place} on connector {self._place.connector!r}", retry=False
                )
            else:
                columns = self._columns()
        return choose(columns, self._place.columns, what=f"source {self._place}")

    def _query_columns(self) -> tuple[Column, ...]:
        cursor = self._connection.execute(f"select * from ({_one(self._place.query)}\n) limit 0")  # noqa: S608
        return tuple(_column(column[0], "") for column in cursor.description)

    def total(self) -> Total | None:
        if self._place.query or self._place.where:
            return None
        with self._session.translated():
            if self._table_kind() != "table":
                return None
            query = f"select count(*) from {self._name}"  # noqa: S608
            return Total(self._connection.execute(query).fetchone()[0], exact=True)

    def check(self, pairs: Sequence[Pair]) -> None:
        """A numeric column with fewer decimals would round in silence."""
        for item in pairs:
            scale = item.target.scale
            if (
                scale is None
                or item.target.kind == "sqlite"
                or item.source.generic not in ("numeric", "double")
            ):
                continue
            name = self._session.name_of(item.source.name)
            with self._session.translated():
                lost = self._connection.execute(
                    f"select exists (select 1 from ({self._select((name,))}) "  # noqa: S608
                    f"where typeof({name}) = 'real' and {name} <> round({name}, {scale}))"
                ).fetchone()[0]
            if lost:
                raise StepFailed(
                    f"column {item.source.name!r}: the source has values with more than the {scale} decimals "
                    f"the target's {item.target.type} keeps",
                    retry=False,
                )

    def chunks(self, pairs: Sequence[Pair], *, raw: str | None, batch_size: int) -> Iterator[Chunk]:
        fields = [self._session.name_of(item.source.name) for item in pairs]
        with self._session.translated():
            cursor = self._connection.execute(self._select(fields))
            while rows := cursor.fetchmany(batch_size):
                self.rows_read += len(rows)
                yield Chunk(rows, len(rows))

    def _select(self, fields: Sequence[str]) -> str:
        inner = f"({_one(self._place.query)}\n)" if self._place.query else self._name
        condition = f" where ({_one(self._place.where)}\n)" if self._place.where else ""
        return f"select {', '.join(fields)} from {inner}{condition}"  # noqa: S608


class SqliteWriter(_End):
    """Overwrite is DELETE and INSERT in one transaction: indexes, views, triggers and keys stay what they are."""

    def __init__(self, session: SqliteSession, place: Place) -> None:
        super().__init__(session, place)
        self._mode: Mode = "overwrite"
        self._insert = ""
        self._floats: list[int] = []
        self._written = 0
        self.placed = ""

    def open(self, mode: Mode) -> tuple[Column, ...] | None:
        self._mode = mode
        self._connection = self._session.connect()
        with self._session.translated():
            found = self._table_kind()
            if found == "view":
                raise StepFailed(f"target {self._place} is not a table", retry=False)
            return self._columns() if found else None

    def create(self, source: Sequence[Column]) -> tuple[Column, ...]:
        fields = ", ".join(f"{self._session.name_of(column.name)} {_declared(column)}" for column in source)
        with self._session.translated():
            self._begin()
            self._connection.execute(f"create table {self._name} ({fields})")
            return self._columns()

    def _begin(self) -> None:
        """The cache may not spill: that needs a lock which a reader of the same file would hold off."""
        if not self._connection.in_transaction:
            self._connection.execute("pragma cache_spill = off")
            self._connection.execute("begin immediate")

    def raw_format(self, reader: Reader, pairs: Sequence[Pair]) -> str | None:
        return None

    def begin(self, pairs: Sequence[Pair], *, raw: str | None) -> None:
        fields = ", ".join(self._session.name_of(item.target.name) for item in pairs)
        marks = ", ".join("?" for _ in pairs)
        self._insert = f"insert into {self._name} ({fields}) values ({marks})"  # noqa: S608
        self._floats = [at for at, item in enumerate(pairs) if item.source.generic in ("real", "double")]
        with self._session.translated():
            self._begin()
            if self._mode == "overwrite":
                self._connection.execute(f"delete from {self._name}")  # noqa: S608
                self.placed = "rows replaced in one transaction"

    def write(self, chunk: Chunk) -> None:
        if isinstance(chunk.data, bytes):
            raise RuntimeError("SQLite takes rows only")
        with self._session.translated():
            self._connection.executemany(self._insert, self._storable(chunk.data))
        self._written += chunk.rows

    def _storable(self, rows: Sequence[tuple[Any, ...]]) -> Sequence[tuple[Any, ...]]:
        """SQLite turns NaN into NULL; the text 'NaN' keeps the difference."""
        if not any(row[at] != row[at] for row in rows for at in self._floats):
            return rows
        return [tuple("NaN" if value != value else value for value in row) for row in rows]

    def finish(self) -> int:
        return self._written

    def commit(self) -> None:
        with self._session.translated():
            self._connection.execute("commit")


def _one(text: str) -> str:
    statement = Statement.read(text)
    if statement.names:
        raise StepFailed(f"a source cannot use the parameter :{statement.names[0]}", retry=False)
    return statement.pieces[0]
