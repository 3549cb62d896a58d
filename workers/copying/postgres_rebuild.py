"""Giving a stash everything the old table has, so that after the rename nobody sees a difference but the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nomaflow.types import StepFailed
from workers.copying.postgres_catalog import Table

if TYPE_CHECKING:
    from workers.connectors.postgres import PostgresSession

_TABLE = """
select relpersistence::text, coalesce(reloptions, '{}'), relacl is null, relowner::regrole::text,
       (select quote_ident(spcname) from pg_tablespace s where s.oid = reltablespace),
       obj_description(oid, 'pg_class')
from pg_class where oid = %s
"""
_INDEXES = """
select c.relname, quote_ident(c.relname), i.indisunique, pg_get_indexdef(c.oid), k.conname,
       pg_get_constraintdef(k.oid), obj_description(c.oid, 'pg_class'), obj_description(k.oid, 'pg_constraint'),
       i.indisclustered
from pg_index i join pg_class c on c.oid = i.indexrelid
left join pg_constraint k on k.conindid = c.oid and k.conrelid = i.indrelid and k.contype in ('p', 'u', 'x')
where i.indrelid = %s order by i.indisprimary desc, c.relname
"""
_FOREIGN_KEYS = """
select conname, pg_get_constraintdef(oid), obj_description(oid, 'pg_constraint') from pg_constraint
where conrelid = %s and contype = 'f' order by conname
"""
_GRANTS = """
select null, g.grantee, a.rolname, g.privilege_type, g.is_grantable
from pg_class c cross join aclexplode(c.relacl) g left join pg_roles a on a.oid = g.grantee where c.oid = %(oid)s
union all
select t.attname, g.grantee, a.rolname, g.privilege_type, g.is_grantable
from pg_attribute t cross join aclexplode(t.attacl) g left join pg_roles a on a.oid = g.grantee
where t.attrelid = %(oid)s and not t.attisdropped
"""
_SEQUENCES = """
select s.relname, n.nspname, a.attname, d.deptype::text
from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S'
join pg_namespace n on n.oid = s.relnamespace
join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = %s
  and d.deptype in ('a', 'i')
"""


class Rebuild:
    """Copies a table's properties to its stash, in the order declare, index, constrain, adopt, rename."""

    def __init__(self, session: PostgresSession, connection: Any, table: Table, stash: str) -> None:
        self._quote = session.name_of
        self._literal = session.literal
        self._connection = connection
        self._table = table
        self._stash = session.name_of(table.schema, stash)
        self._target = session.name_of(table.schema, table.name)
        self.renames: list[str] = []

    def _all(self, query: str) -> list[Any]:
        params: Any = {"oid": self._table.oid} if "%(oid)s" in query else (self._table.oid,)
        return list(self._connection.execute(query, params).fetchall())

    def declare(self) -> None:
        """The empty stash: columns, defaults, identity, checks, comments, storage."""
        persistence, options, _, _, space, _ = self._all(_TABLE)[0]
        compression = " including compression" if self._connection.info.server_version >= 140000 else ""
        self._connection.execute(
            f"create {'unlogged ' if persistence == 'u' else ''}table {self._stash} (like {self._target} "
            "including defaults including generated including identity including constraints including storage"
            f"{compression} including comments)" + (f" tablespace {space}" if space else "")
        )
        for option in options:
            name, _, value = option.partition("=")
            self._connection.execute(
                f"alter table {self._stash} set ({self._quote(name)} = {self._literal(value)})"
            )

    def index(self) -> None:
        """Built after the load: sorting once is quicker than one search per row."""
        for position, row in enumerate(self._all(_INDEXES)):
            (
                name,
                quoted,
                unique,
                definition,
                constraint,
                constraint_definition,
                about,
                about_constraint,
                *_,
            ) = row
            temporary = f"{self._stash_index(position)}"
            if constraint:
                self._connection.execute(
                    f"alter table {self._stash} add constraint {self._quote(temporary)} {constraint_definition}"
                )
                change = f"rename constraint {self._quote(temporary)} to {self._quote(constraint)}"
                self.renames.append(f"alter table {self._target} {change}")
                if about_constraint:
                    self.renames.append(self._constraint_comment(constraint, about_constraint))
                if constraint != name:
                    self.renames.append(self._index_rename(constraint, name))
            else:
                self._connection.execute(self._moved(definition, quoted, unique, temporary))
                self.renames.append(self._index_rename(temporary, name))
            if about:
                index = self._quote(self._table.schema, name)
                self.renames.append(f"comment on index {index} is {self._literal(about)}")

    def _stash_index(self, position: int) -> str:
        return f"{self._stash.rpartition('.')[2].strip(chr(34))}_{position}"

    def _index_rename(self, old: str, new: str) -> str:
        return f"alter index {self._quote(self._table.schema, old)} rename to {self._quote(new)}"

    def _constraint_comment(self, name: str, text: str) -> str:
        return f"comment on constraint {self._quote(name)} on {self._target} is {self._literal(text)}"

    def _moved(self, definition: str, quoted: str, unique: bool, temporary: str) -> str:
        """The server's own text of the index, with the stash in the table's place."""
        schema, table = self._connection.execute(
            "select quote_ident(%s), quote_ident(%s)", (self._table.schema, self._table.name)
        ).fetchone()
        create = "CREATE UNIQUE INDEX" if unique else "CREATE INDEX"
        head = f"{create} {quoted} ON {schema}.{table} USING "
        if not definition.startswith(head):
            raise StepFailed(
                f"index {quoted} of {schema}.{table} cannot be rebuilt: {definition}", retry=False
            )
        return f"{create} {self._quote(temporary)} ON {self._stash} USING {definition[len(head) :]}"

    def constrain(self) -> None:
        """Foreign keys to other tables lock those, so they come last."""
        for name, definition, about in self._all(_FOREIGN_KEYS):
            self._connection.execute(
                f"alter table {self._stash} add constraint {self._quote(name)} {definition}"
            )
            if about:
                self.renames.append(self._constraint_comment(name, about))

    def adopt(self) -> None:
        """With the old table locked: sequences with their values, owner, grants, comment."""
        _, _, no_grants, owner, _, about = self._all(_TABLE)[0]
        self._revoke_defaults()
        if not no_grants or self._all(_GRANTS):
            self._grant()
        self._connection.execute(f"alter table {self._stash} owner to {owner}")
        # A sequence can only be owned by a table of the same role.
        for name, schema, column, deptype in self._all(_SEQUENCES):
            if deptype == "a":
                self._connection.execute(
                    f"alter sequence {self._quote(schema, name)} owned by {self._stash}.{self._quote(column)}"
                )
            else:
                self._identity(schema, name, column)
        if about is not None:
            self._connection.execute(f"comment on table {self._stash} is {self._literal(about)}")

    def _identity(self, schema: str, name: str, column: str) -> None:
        """The stash has a sequence of its own: it goes on where the old one is, and takes its name."""
        own = self._connection.execute(
            "select s.relname from pg_depend d join pg_class s on s.oid = d.objid and s.relkind = 'S' "
            "join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid "
            "where d.refobjid = %s::regclass and a.attname = %s and d.deptype = 'i'",
            (self._stash, column),
        ).fetchone()[0]
        self._connection.execute(
            f"select setval(%s::regclass, last_value, is_called) from {self._quote(schema, name)}",  # noqa: S608
            (self._quote(self._table.schema, own),),
        )
        self.renames.append(
            f"alter sequence {self._quote(self._table.schema, own)} rename to {self._quote(name)}"
        )

    def _revoke_defaults(self) -> None:
        """Default privileges gave the stash grants the old table may not have."""
        granted = self._connection.execute(
            "select distinct g.grantee, a.rolname from pg_class c cross join aclexplode(c.relacl) g "
            "left join pg_roles a on a.oid = g.grantee where c.oid = %s::regclass and g.grantee <> c.relowner",
            (self._stash,),
        ).fetchall()
        for grantee, role in granted:
            self._connection.execute(f"revoke all on {self._stash} from {self._role(grantee, role)}")

    def _grant(self) -> None:
        for column, grantee, role, privilege, grantable in self._all(_GRANTS):
            on = f"({self._quote(column)}) " if column else ""
            self._connection.execute(
                f"grant {privilege} {on}on {self._stash} to {self._role(grantee, role)}"
                + (" with grant option" if grantable and grantee else "")
            )

    def _role(self, grantee: int, role: str | None) -> str:
        return self._quote(role) if grantee and role else "public"

    def rename(self) -> None:
        """After the old table is gone its names are free."""
        for statement in self.renames:
            self._connection.execute(statement)
        self.renames = []
