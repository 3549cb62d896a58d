"""Reading from PostgreSQL: one repeatable-read snapshot; COPY for a raw stream, a server-side cursor for rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from nomaflow.types import StepFailed
from workers.connectors.statement import Statement
from workers.copying.ends import CHUNK_BYTES, Chunk, Column, Pair, Place, Total, choose
from workers.copying.postgres_catalog import described, server_of, table_of

if TYPE_CHECKING:
    from workers.connectors.postgres import PostgresSession

BINARY = "postgres-binary"
TEXT = "postgres-text"
_COPY = {BINARY: "binary", TEXT: "text"}
_AS_IS = {"int2", "int4", "int8", "float4", "float8", "bool", "bytea", "text", "varchar", "bpchar"}
_COUNTABLE = ("r", "m")
"""Counting a view would run it twice."""
_EXACT_COUNT_BYTES = 512 * 1024 * 1024


class PostgresReader:
    kind: ClassVar[str] = "postgres"
    formats = (BINARY, TEXT)

    def __init__(self, session: PostgresSession, place: Place) -> None:
        self._session = session
        self._place = place
        self._connection: Any = None
        self._identity: object | None = None
        self.rows_read = 0

    def open(self) -> tuple[Column, ...]:
        self._connection = self._session.connect()
        with self._session.translated():
            self._connection.execute("begin isolation level repeatable read read only")
            if not self._place.query:
                found = table_of(self._connection, self._place)
                if found is None:
                    raise StepFailed(
                        f"there is no table {self._place} on connector {self._place.connector!r}", retry=False
                    )
                self._identity = (*server_of(self._connection), found.oid)
            columns = described(self._connection, self._select(("*",), where=False))
        return choose(columns, self._place.columns, what=f"source {self._place}")

    def identity(self) -> object | None:
        return self._identity

    def total(self) -> Total | None:
        """Counted where that is quick, else the planner's figure."""
        if self._place.query or self._place.where:
            return None
        with self._session.translated():
            name = self._name()
            kind, size, known = self._connection.execute(
                "select relkind::text, pg_relation_size(oid), reltuples::bigint from pg_class where oid = %s::regclass",
                (name,),
            ).fetchone()
            if kind not in _COUNTABLE:
                return None
            if size > _EXACT_COUNT_BYTES:
                return Total(known, exact=False) if known > 0 else None
            return Total(self._connection.execute(f"select count(*) from {name}").fetchone()[0], exact=True)  # noqa: S608

    def check(self, pairs: Sequence[Pair]) -> None:
        """A numeric column with fewer decimals would round in silence."""
        for item in pairs:
            scale = item.target.scale
            if item.source.generic != "numeric" or item.target.generic != "numeric" or scale is None:
                continue
            if item.source.scale is not None and item.source.scale <= scale:
                continue
            column = self._session.name_of(item.source.name)
            query = self._select((column,), where=True)
            with self._session.translated():
                lost = self._connection.execute(
                    f"select exists (select from ({query}) s where s.{column} <> round(s.{column}, {scale}))"  # noqa: S608
                ).fetchone()[0]
            if lost:
                raise StepFailed(
                    f"column {item.source.name!r}: the source has values with more than the {scale} decimals "
                    f"the target's {item.target.type} keeps",
                    retry=False,
                )

    def chunks(self, pairs: Sequence[Pair], *, raw: str | None, batch_size: int) -> Iterator[Chunk]:
        with self._session.translated():
            if raw:
                yield from self._raw(pairs, raw)
            else:
                yield from self._rows(pairs, batch_size)

    def _raw(self, pairs: Sequence[Pair], raw: str) -> Iterator[Chunk]:
        query = self._select([self._session.name_of(item.source.name) for item in pairs], where=True)
        for data, rows in self._session.copy_out(
            self._connection, f"copy ({query}) to stdout (format {_COPY[raw]})", size=CHUNK_BYTES
        ):
            self.rows_read += rows
            yield Chunk(data, rows)

    def _rows(self, pairs: Sequence[Pair], batch_size: int) -> Iterator[Chunk]:
        """What Python would change (dates, decimals, json, arrays) travels as the server's text."""
        fields = []
        for item in pairs:
            name = self._session.name_of(item.source.name)
            fields.append(name if item.source.wire in _AS_IS else f"{name}::text")
        with self._connection.cursor(name="nomaflow_copy") as cursor:
            cursor.itersize = batch_size
            cursor.execute(self._select(fields, where=True))
            while rows := cursor.fetchmany(batch_size):
                self.rows_read += len(rows)
                yield Chunk(rows, len(rows))

    def _name(self) -> str:
        return self._session.name_of(*(part for part in (self._place.schema, self._place.table) if part))

    def _select(self, fields: Sequence[str], *, where: bool) -> str:
        """The text of a SELECT; identifiers come quoted, `query` and `where` are the author's SQL."""
        inner = f"({_one(self._place.query)}\n) as source" if self._place.query else self._name()
        condition = f" where ({_one(self._place.where)}\n)" if where and self._place.where else ""
        return f"select {', '.join(fields)} from {inner}{condition}"  # noqa: S608

    def cancel(self) -> None:
        if self._connection is not None:
            self._connection.cancel_safe(timeout=2)

    def close(self) -> None:
        if self._connection is not None:
            with suppress(Exception):
                self._connection.close()


def _one(text: str) -> str:
    """One statement, without its semicolon; it has no parameters."""
    statement = Statement.read(text)
    if statement.names:
        raise StepFailed(f"a source cannot use the parameter :{statement.names[0]}", retry=False)
    return statement.pieces[0]
