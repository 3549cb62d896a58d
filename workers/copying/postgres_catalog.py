"""What PostgreSQL's catalogue says about a table: its columns, and what hangs on it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, get_args

from workers.copying.ends import Column, Generic, Place

GENERIC: dict[str, Generic] = {
    "int2": "smallint", "int4": "integer", "int8": "bigint", "float4": "real", "float8": "double",
    "numeric": "numeric", "bool": "boolean", "text": "text", "varchar": "text", "bpchar": "text", "bytea": "bytes",
    "date": "date", "time": "time", "timestamp": "timestamp", "timestamptz": "timestamptz", "json": "json",
    "jsonb": "json", "uuid": "uuid",
}  # fmt: skip
DECLARED: dict[str, str] = {name: name for name in get_args(Generic)} | {
    "double": "double precision", "bytes": "bytea", "json": "jsonb",
}  # fmt: skip
_WIRE = set(GENERIC) | {
    "timetz", "interval", "inet", "cidr", "macaddr", "macaddr8", "bit", "varbit", "point", "box", "circle", "path",
    "polygon", "line", "lseg", "int4range", "int8range", "numrange", "daterange", "tsrange", "tstzrange",
}  # fmt: skip
"""Built-in types whose binary form means the same on every server (not money, oids or registry names)."""
_FIRST_USER_OID = 16384
_SCALE = re.compile(r"numeric\((\d+),(-?\d+)\)")

_TABLE = """
select c.oid::bigint, n.nspname, c.relname, c.relkind::text
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relname = %(table)s and c.relkind in ('r', 'p', 'v', 'm', 'f')
  and case when %(schema)s = '' then pg_table_is_visible(c.oid) else n.nspname = %(schema)s end
"""
_TYPES = """
select oid::bigint, typname, format_type(oid, typmod)
from unnest(%s::oid[], %s::int[]) with ordinality as wanted(type, typmod, place)
join pg_type on pg_type.oid = wanted.type order by place
"""
_WRITABLE = """
select attname, atttypid::bigint, atttypmod from pg_attribute
where attrelid = %s and attnum > 0 and not attisdropped and attgenerated = '' order by attnum
"""


@dataclass(frozen=True)
class Table:
    oid: int
    schema: str
    name: str
    relkind: str


@contextmanager
def qualified(connection: Any) -> Iterator[None]:
    """In the block the server prints every name qualified; triggers and defaults outside it see the usual path."""
    path = connection.execute("select current_setting('search_path')").fetchone()[0]
    connection.execute("set local search_path = pg_catalog")
    yield
    connection.execute("select set_config('search_path', %s, true)", (path,))


def server_of(connection: Any) -> tuple[str, ...]:
    """Tells one database of one running server from every other."""
    query = "select pg_postmaster_start_time()::text, oid::text from pg_database where datname = current_database()"
    return tuple(connection.execute(query).fetchone())


def table_of(connection: Any, place: Place) -> Table | None:
    row = connection.execute(_TABLE, {"schema": place.schema, "table": place.table}).fetchone()
    return Table(*row) if row else None


def described(connection: Any, query: str) -> tuple[Column, ...]:
    """The columns a query would return."""
    cursor = connection.execute(f"select * from ({query}\n) as described limit 0")  # noqa: S608
    result = cursor.pgresult
    names = [column.name for column in cursor.description]
    return _columns(connection, [(name, result.ftype(at), result.fmod(at)) for at, name in enumerate(names)])


def writable(connection: Any, oid: int) -> tuple[Column, ...]:
    """A table's columns without the generated ones."""
    return _columns(connection, connection.execute(_WRITABLE, (oid,)).fetchall())


def _columns(connection: Any, found: list[tuple[str, int, int]]) -> tuple[Column, ...]:
    types = connection.execute(_TYPES, ([row[1] for row in found], [row[2] for row in found])).fetchall()
    return tuple(
        _column(name, oid, base, text) for (name, _, _), (oid, base, text) in zip(found, types, strict=True)
    )


def _column(name: str, oid: int, base: str, text: str) -> Column:
    known = oid < _FIRST_USER_OID and base.removeprefix("_") in _WIRE
    scale = _SCALE.fullmatch(text)
    return Column(
        name, "postgres", text, GENERIC.get(base, "text") if known else "text", wire=base if known else None,
        precision=int(scale[1]) if scale else None, scale=int(scale[2]) if scale else None,
    )  # fmt: skip
