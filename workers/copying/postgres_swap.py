"""Putting a table's new contents in place of the old ones: by renaming a stash, or row by row inside the table.

A rename is quick and leaves no dead rows, but everything that hangs on the old table stays with it. So it is
used only where all that hangs on the table is known and rebuilt on the stash: columns with defaults and
identity, indexes, constraints, grants, owner, comments, storage parameters. Anything else (views, inbound
foreign keys, triggers, policies, rules, publications, partitions, missing ownership) keeps the table itself:
one statement deletes the old rows and inserts the stash's, so that readers see one or the other.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from nomaflow.types import StepFailed
from workers.copying.postgres_catalog import Table, qualified
from workers.copying.postgres_rebuild import Rebuild

if TYPE_CHECKING:
    from workers.connectors.postgres import PostgresSession

_LOCK_TRIES = 15
_LOCK_MS = 2000
_LOCK_PAUSE = 1.0
_LOCKED = "55P03"
_ADVISORY_SPACE = 0x4E4F4D41

# Everything recorded as depending on the table that `Rebuild` does not know how to carry over.
_OBSTACLES = """
select pg_describe_object(d.classid, d.objid, d.objsubid)
from pg_depend d
where d.refclassid = 'pg_class'::regclass and d.refobjid = %(oid)s
  and not (d.classid = 'pg_attrdef'::regclass)
  and not (d.classid = 'pg_type'::regclass
           and exists (select from pg_type t where t.oid = d.objid and t.typrelid = %(oid)s))
  and not (d.classid = 'pg_constraint'::regclass
           and exists (select from pg_constraint k where k.oid = d.objid and k.conrelid = %(oid)s
                       and k.confrelid <> k.conrelid))
  and not (d.classid = 'pg_class'::regclass
           and exists (select from pg_class c where c.oid = d.objid
                       and (c.relkind = 't' or c.relkind in ('i', 'S'))))
union all
select pg_describe_object(d.classid, d.objid, d.objsubid)
from pg_depend d join pg_type t on t.typrelid = %(oid)s
where d.refclassid = 'pg_type'::regclass and d.refobjid in (t.oid, t.typarray) and d.objid <> t.typarray
union all
select what from pg_class c join pg_namespace n on n.oid = c.relnamespace cross join lateral (values
    ('it is partitioned', c.relkind <> 'r'),
    ('it is a partition or inherits', c.relispartition or exists (select from pg_inherits where inhrelid = c.oid)),
    ('row security is on', c.relrowsecurity or c.relforcerowsecurity),
    ('its replica identity is set', c.relreplident <> 'd'),
    ('it has a type or access method of its own',
        c.reloftype <> 0 or c.relam <> (select oid from pg_am where amname = 'heap')),
    ('an index is invalid', exists (select from pg_index where indrelid = c.oid and not indisvalid)),
    ('a column has a statistics target',
        exists (select from pg_attribute where attrelid = c.oid and attnum > 0 and attstattarget > 0)),
    ('another role owns it', not pg_has_role(c.relowner, 'MEMBER')),
    ('its owner may not create in the schema', not has_schema_privilege(c.relowner, n.oid, 'CREATE')),
    ('no right to create in the schema', not has_schema_privilege(n.oid, 'CREATE'))
) as reasons(what, met) where c.oid = %(oid)s and met
"""
_INBOUND = """
select conrelid::regclass::text, conname from pg_constraint
where confrelid = %s and contype = 'f' and confdeltype <> 'a' limit 1
"""


def replacement(
    session: PostgresSession, connection: Any, table: Table, columns: Sequence[str]
) -> Swap | InPlace:
    """Make the stash for `table`, to be filled through its `into`."""
    _claim(connection, table)
    with qualified(connection):
        obstacles = [row[0] for row in connection.execute(_OBSTACLES, {"oid": table.oid}).fetchall()]
        if obstacles:
            return InPlace(session, connection, table, columns, because=obstacles[0])
        return Swap(session, connection, table)


def _claim(connection: Any, table: Table) -> None:
    """Two overwrites of one table would wait for each other's locks until both gave up: the second is refused."""
    query = "select pg_try_advisory_xact_lock(%s, (%s::bigint %% 2147483648)::int)"
    if not connection.execute(query, (_ADVISORY_SPACE, table.oid)).fetchone()[0]:
        raise StepFailed(f"another copy is overwriting {table.schema}.{table.name}")


class InPlace:
    """The table stays; its rows are replaced by one statement."""

    def __init__(
        self, session: PostgresSession, connection: Any, table: Table, columns: Sequence[str], *, because: str
    ) -> None:
        self._connection = connection
        self._target = session.name_of(table.schema, table.name)
        self._fields = [session.name_of(name) for name in columns]
        self.how = f"rows replaced in the table itself ({because})"
        self._refuse_cascade(table)
        self.into = session.name_of("pg_temp", stash_name())
        # A temporary stash needs no right to create in the schema and writes no WAL.
        connection.execute(
            f"create temporary table {self.into} on commit drop as "  # noqa: S608
            f"select {', '.join(self._fields)} from {self._target} with no data"
        )

    def _refuse_cascade(self, table: Table) -> None:
        """Replacing rows must not delete or change rows of other tables."""
        found = self._connection.execute(_INBOUND, (table.oid,)).fetchone()
        if found:
            raise StepFailed(
                f"{table.schema}.{table.name} cannot be overwritten: foreign key {found[1]!r} of {found[0]} has an "
                "ON DELETE action, which would change that table; use mode append, or make it NO ACTION",
                retry=False,
            )

    def put_in_place(self) -> None:
        """The count makes the deletion finish before the first row goes in; foreign keys are checked at the end."""
        fields = ", ".join(self._fields)
        values = ", ".join(f"stash.{field}" for field in self._fields)
        self._connection.execute(
            f"with gone as (delete from {self._target} returning 1), old as (select count(*) from gone) "  # noqa: S608
            f"insert into {self._target} ({fields}) overriding system value "
            f"select {values} from {self.into} as stash cross join old"
        )


class Swap:
    """A new table takes the old one's name."""

    how: ClassVar[str] = "stash renamed"

    def __init__(self, session: PostgresSession, connection: Any, table: Table) -> None:
        self._session = session
        self._connection = connection
        self._table = table
        self._name = stash_name()
        self.into = session.name_of(table.schema, self._name)
        self._rebuild = Rebuild(session, connection, table, self._name)
        self._rebuild.declare()

    def put_in_place(self) -> None:
        """Indexes and constraints, then the swap under a lock that is asked for shortly and again."""
        with qualified(self._connection):
            self._rebuild.index()
            self._locking(self._rebuild.constrain)
            self._locking(self._rename)

    def _rename(self) -> None:
        target = self._session.name_of(self._table.schema, self._table.name)
        self._connection.execute(f"lock table {target} in access exclusive mode")
        self._rebuild.adopt()
        self._connection.execute(f"drop table {target}")
        self._connection.execute(
            f"alter table {self.into} rename to {self._session.name_of(self._table.name)}"
        )
        self._rebuild.rename()

    def _locking(self, work: Any) -> None:
        """Waiting readers queue behind a waiting lock, so no wait is long; between waits they go on."""
        self._connection.execute(f"set local lock_timeout = {_LOCK_MS}")
        for attempt in range(_LOCK_TRIES):
            self._connection.execute("savepoint swap")
            renames = list(self._rebuild.renames)
            try:
                work()
            except Exception as error:
                if getattr(error, "sqlstate", None) != _LOCKED:
                    raise
                self._connection.execute("rollback to savepoint swap")
                self._rebuild.renames = renames
                if attempt + 1 == _LOCK_TRIES:
                    raise StepFailed(
                        f"{self._table.schema}.{self._table.name} is locked by another session; the table was left "
                        "as it was", kind="timeout"
                    ) from error  # fmt: skip
                self._session.scope.sleep(_LOCK_PAUSE)
            else:
                break
        self._connection.execute("set local lock_timeout = 0")


def stash_name() -> str:
    return f"nomaflow_stash_{secrets.token_hex(8)}"
