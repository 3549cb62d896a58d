"""The two ends of a copy: what a reader and a writer of any kind of place must be able to say and do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from nomaflow.types import StepFailed

Mode = Literal["overwrite", "append"]

Generic = Literal[
    "smallint", "integer", "bigint", "real", "double", "numeric", "boolean", "text", "bytes",
    "date", "time", "timestamp", "timestamptz", "json", "uuid",
]  # fmt: skip
"""Types every kind of place can translate to its own; what fits none travels as text."""

CHUNK_BYTES = 256 * 1024
"""Size of one piece of a raw stream: smaller ones cost a system call each, larger ones only memory."""


@dataclass(frozen=True)
class Place:
    """A table or query as the step names it."""

    connector: str
    schema: str
    table: str
    query: str = ""
    columns: tuple[str, ...] = ()
    """Only these, when given."""
    where: str = ""

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> Place:
        return cls(
            connector=str(value["connector"]),
            schema=str(value.get("schema") or ""),
            table=str(value.get("table") or ""),
            query=str(value.get("query") or ""),
            columns=tuple(value.get("columns") or ()),
            where=str(value.get("where") or ""),
        )

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}" if self.schema else self.table or "query"


@dataclass(frozen=True)
class Column:
    """One column as its place describes it."""

    name: str
    kind: str
    """Of the place, such as `postgres`."""
    type: str
    """As the place would declare it, such as `numeric(12,2)`."""
    generic: Generic
    wire: str | None = None
    """Name of a binary format; two columns of one kind with the same one hold identical bytes."""
    precision: int | None = None
    scale: int | None = None


@dataclass(frozen=True)
class Pair:
    """A source column and the target column it fills."""

    source: Column
    target: Column


@dataclass(frozen=True)
class Chunk:
    """A piece of the stream: raw bytes of a shared format, or rows."""

    data: bytes | Sequence[tuple[Any, ...]]
    rows: int


@dataclass(frozen=True)
class Total:
    """How many rows the source says it has."""

    rows: int
    exact: bool


class Reader(Protocol):
    """Reads one table or query in one snapshot."""

    kind: str
    formats: tuple[str, ...]
    """Raw formats it can produce, best first."""
    rows_read: int

    def open(self) -> tuple[Column, ...]:
        """Take the snapshot and describe the columns; `StepFailed` names a table or column that is missing."""

    def identity(self) -> object | None:
        """Equal for two ends that are the same table; None for a query."""

    def total(self) -> Total | None: ...

    def check(self, pairs: Sequence[Pair]) -> None:
        """`StepFailed` when the target's types would lose part of a value."""

    def chunks(self, pairs: Sequence[Pair], *, raw: str | None, batch_size: int) -> Iterator[Chunk]: ...

    def cancel(self) -> None:
        """Called from another thread: what runs now fails soon."""

    def close(self) -> None: ...


class Writer(Protocol):
    """Fills one table, all or nothing."""

    kind: str

    def open(self, mode: Mode) -> tuple[Column, ...] | None:
        """Describe the columns that can be written; None when the table does not exist."""

    def identity(self) -> object | None: ...

    def create(self, source: Sequence[Column]) -> tuple[Column, ...]:
        """Declare the missing table after the source's types; it exists for others after `commit`."""

    def raw_format(self, reader: Reader, pairs: Sequence[Pair]) -> str | None:
        """The raw format this copy can use, or None for rows."""

    def begin(self, pairs: Sequence[Pair], *, raw: str | None) -> None: ...

    def write(self, chunk: Chunk) -> None: ...

    def finish(self) -> int:
        """End the stream; build what belongs to the new contents, put it in place. Return the rows written."""

    def commit(self) -> None: ...

    def cancel(self) -> None: ...

    def close(self) -> None:
        """Roll back what was not committed."""


def pair(source: Sequence[Column], target: Sequence[Column], *, table: str) -> tuple[Pair, ...]:
    """Match by name, exactly or else whatever the case; a source column without a home is refused.

    >>> a, b = Column("Id", "x", "int", "integer"), Column("id", "y", "int", "integer")
    >>> [(p.source.name, p.target.name) for p in pair([a], [b], table="t")]
    [('Id', 'id')]
    """
    exact = {column.name: column for column in target}
    folded: dict[str, list[Column]] = {}
    for column in target:
        folded.setdefault(column.name.casefold(), []).append(column)
    pairs = []
    for column in source:
        near = folded.get(column.name.casefold(), [])
        found = exact.get(column.name) or (near[0] if len(near) == 1 else None)
        if found is None:
            raise StepFailed(f"target {table} has no column {column.name!r} to write to", retry=False)
        pairs.append(Pair(column, found))
    if not pairs:
        raise StepFailed(f"the source of {table} has no columns", retry=False)
    names = [item.target.name for item in pairs]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise StepFailed(f"two source columns fit target column {min(twice)!r}", retry=False)
    return tuple(pairs)


def choose(columns: Sequence[Column], wanted: Sequence[str], *, what: str) -> tuple[Column, ...]:
    """The `wanted` columns in that order, or all; `StepFailed` names one that does not exist."""
    if not wanted:
        return tuple(columns)
    known = {column.name: column for column in columns}
    for name in wanted:
        if name not in known:
            raise StepFailed(f"{what} has no column {name!r}", retry=False)
    return tuple(known[name] for name in wanted)
