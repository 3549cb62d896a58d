"""Overwriting a PostgreSQL table: what hangs on it stays, readers never see it empty, failures leave it as it was."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest

from nomaflow.types import StepCancelled, StepFailed
from tests.eventually import eventually
from tests.workers.databases import TARGET_URL, Databases

SLOW = "select g as id, repeat('x', 20000) as name from generate_series(1, 100000) g where pg_sleep(0.002) is not null"
PROPERTIES = """
create table parent (code text primary key);
insert into parent values ('a'), ('b');
create table orders (
    id int generated always as identity (start with 10 increment by 5), serial_no serial,
    name text not null default 'none',
    code text references parent (code), amount numeric(10, 2) check (amount >= 0),
    twice numeric generated always as (amount * 2) stored,
    constraint orders_key primary key (id), constraint orders_name_once unique (name, code)
) with (fillfactor = 70);
create index orders_lower on orders using btree (lower(name)) where amount > 1;
create unique index "Odd ""index" on orders (amount desc nulls last, name);
comment on table orders is 'the orders''s';
comment on column orders.name is 'who';
comment on index orders_lower is 'low';
comment on constraint orders_key on orders is 'the key';
grant select on orders to public;
grant update (name) on orders to public;
insert into orders (name, code, amount) values ('old', 'a', 1), ('older', 'b', 2);
"""
CATALOGUE = """
select 'column', attname || ' ' || format_type(atttypid, atttypmod) || ' '
       || attnotnull || attidentity::text || attgenerated::text
       || coalesce(pg_get_expr(adbin, adrelid), '') || coalesce(col_description(attrelid, attnum), '')
       || coalesce(attacl::text, '')
from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
where attrelid = 'orders'::regclass and attnum > 0
union all
select 'index', pg_get_indexdef(indexrelid) || coalesce(obj_description(indexrelid, 'pg_class'), '')
from pg_index where indrelid = 'orders'::regclass
union all
select 'constraint', conname || ' ' || pg_get_constraintdef(oid) || coalesce(obj_description(oid, 'pg_constraint'), '')
from pg_constraint where conrelid = 'orders'::regclass and contype <> 'n'
union all
select 'table', relacl::text || reloptions::text || relowner::regrole || obj_description(oid, 'pg_class')
from pg_class where oid = 'orders'::regclass
union all
select 'sequence', s || ' ' || last_value || ' ' || is_called
from (select pg_get_serial_sequence('orders', 'id') as s, last_value, is_called from orders_id_seq) x
union all
select 'serial', pg_get_serial_sequence('orders', 'serial_no')
order by 1, 2
"""
SOURCE = """
create table orders as
select g as id, 'new' || g as name, 'a' as code, g::numeric(10, 2) as amount from generate_series(100, 199) g
"""


def reporting(databases: Databases, *statements: str) -> None:
    for statement in statements:
        databases.reporting.execute(statement)  # type: ignore[arg-type]


def swaps(lines: list[str]) -> list[str]:
    return [line for line in lines if " swap · " in line]


def test_everything_on_the_table_survives_the_swap(databases: Databases) -> None:
    databases.ops.execute(SOURCE)
    reporting(databases, PROPERTIES)
    before = databases.rows(CATALOGUE)
    for _ in range(2):
        ctx = databases.execution()
        databases.copy(ctx=ctx)
        assert databases.rows(CATALOGUE) == before
        assert "stash renamed" in swaps(ctx.lines)[0]
    assert databases.rows("select count(*), min(name), min(twice)::text from orders") == [
        (100, "new100", "200.00")
    ]
    reporting(databases, "insert into orders (name) values ('next')")
    assert databases.rows("select id, serial_no > 100 from orders where name = 'next'") == [(20, True)]
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        reporting(databases, "insert into orders (code) values ('zz')")


def test_a_view_reads_the_new_rows_and_blocks_nothing(databases: Databases) -> None:
    databases.ops.execute(SOURCE)
    reporting(databases, PROPERTIES, "create view report as select id, name from orders",
              "create materialized view frozen as select count(*) as n from orders")  # fmt: skip
    before = databases.rows(CATALOGUE)
    for _ in range(2):
        ctx = databases.execution()
        databases.copy(ctx=ctx)
        assert "view" in swaps(ctx.lines)[0]
        assert databases.rows("select count(*), min(name) from report") == [(100, "new100")]
    assert databases.rows(CATALOGUE) == before


def test_inbound_foreign_keys_hold_at_the_end(databases: Databases) -> None:
    databases.ops.execute("create table orders as select g as id from generate_series(1, 10) g")
    reporting(databases, "create table orders (id int primary key); insert into orders values (3), (4)",
              "create table lines (order_id int references orders); insert into lines values (3)")  # fmt: skip
    databases.copy()
    assert databases.rows("select count(*) from orders") == [(10,)]
    databases.ops.execute("delete from orders where id = 3")
    with pytest.raises(StepFailed, match="lines_order_id_fkey") as caught:
        databases.copy()
    assert caught.value.kind == "constraint"
    assert databases.rows("select count(*) from orders") == [(10,)]


@pytest.mark.parametrize("action", ["cascade", "set null", "restrict"])
def test_an_overwrite_never_reaches_into_other_tables(databases: Databases, action: str) -> None:
    databases.ops.execute("create table orders as select 3 as id")
    reporting(databases, "create table orders (id int primary key); insert into orders values (3)",
              f"create table lines (order_id int references orders on delete {action})",
              "insert into lines values (3)")  # fmt: skip
    with pytest.raises(StepFailed, match="lines_order_id_fkey"):
        databases.copy()
    assert databases.rows("select * from lines") == [(3,)]


@pytest.mark.parametrize(
    "setup",
    [
        "create function f() returns trigger language plpgsql as 'begin return new; end'; "
        "create trigger t before insert on orders for each row execute function f()",
        "alter table orders enable row level security; create policy p on orders using (true)",
        "create rule r as on update to orders do nothing",
        "create table child () inherits (orders)",
        "create statistics s on id, name from orders",
        "alter table orders add parent int references orders (id)",
        "create function g() returns setof orders language sql begin atomic select * from orders; end",
    ],
)
def test_what_cannot_be_rebuilt_keeps_the_table_itself(databases: Databases, setup: str) -> None:
    databases.ops.execute("create table orders as select g as id, 'n' as name from generate_series(1, 9) g")
    reporting(
        databases,
        "create table orders (id int primary key, name text); insert into orders values (50, 'old')",
        setup,
    )
    before = databases.rows("select 'orders'::regclass::oid")
    ctx = databases.execution()
    databases.copy(ctx=ctx)
    assert databases.rows("select 'orders'::regclass::oid") == before
    assert "rows replaced in the table itself" in swaps(ctx.lines)[0]
    assert databases.rows("select count(*) from only orders") == [(9,)]


def test_a_partitioned_table(databases: Databases) -> None:
    databases.ops.execute("create table orders as select g as id from generate_series(1, 20) g")
    reporting(databases, "create table orders (id int) partition by range (id)",
              "create table low partition of orders for values from (0) to (10)",
              "create table high partition of orders for values from (10) to (100)",
              "insert into orders values (5), (50)")  # fmt: skip
    databases.copy()
    assert databases.rows("select count(*), max(id) from low") == [(9, 9)]


def test_readers_see_the_old_rows_or_the_new_never_none(databases: Databases) -> None:
    databases.ops.execute("create table orders as select g as id from generate_series(1, 30000) g")
    databases.copy()
    counts: set[int] = set()
    over = threading.Event()

    def watch() -> None:
        with psycopg.connect(TARGET_URL, autocommit=True) as connection:
            while not over.is_set():
                query = f"select count(*) from {databases.target_schema}.orders"
                counts.update(row[0] for row in connection.execute(query))  # type: ignore[arg-type]

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        for _ in range(3):
            databases.copy()
        reporting(databases, "create view v as select * from orders")
        for _ in range(3):
            databases.copy()
    finally:
        over.set()
        thread.join()
    assert counts == {30000}


class Running:
    """A slow copy in a thread, well under way."""

    def __init__(self, databases: Databases, **config: Any) -> None:
        self.databases = databases
        self.ctx = databases.execution(tag=f"nomaflow:7:{databases.schema}")
        self.error: BaseException | None = None
        self._config = config
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        eventually(lambda: any("▶ batch" in line for line in self.ctx.lines))

    def _run(self) -> None:
        try:
            self.databases.copy(query=SLOW, batch_size=5, ctx=self.ctx, **self._config)
        except BaseException as error:
            self.error = error

    def backends(self) -> list[int]:
        query = "select pid from pg_stat_activity where application_name = %s and query ilike %s"
        return [row[0] for row in self.databases.reporting.execute(query, (self.ctx.tag, "copy%stdin%"))]

    def left(self) -> int:
        query = "select count(*) from pg_stat_activity where application_name = %s"
        return int(self.databases.reporting.execute(query, (self.ctx.tag,)).fetchone()[0])  # type: ignore[index]


OLD = "create table orders (id int primary key, name text); insert into orders values (1, 'old')"


@pytest.mark.parametrize("view", [False, True])
@pytest.mark.parametrize("mode", ["overwrite", "append"])
def test_a_cancel_leaves_the_old_rows_and_no_session(databases: Databases, mode: str, view: bool) -> None:
    reporting(databases, OLD)
    if view:
        reporting(databases, "create view v as select * from orders")
    running = Running(databases, mode=mode)
    running.ctx.cancel()
    running.thread.join(30)
    assert isinstance(running.error, StepCancelled)
    assert sum("session ended on the server" in line for line in running.ctx.lines) == 2
    assert running.left() == 0
    assert databases.rows("select * from orders") == [(1, "old")]
    assert databases.stashes() == 0


def test_a_killed_backend_leaves_the_old_rows_and_no_stash(databases: Databases) -> None:
    reporting(databases, OLD)
    running = Running(databases)
    assert databases.rows(f"select pg_terminate_backend({running.backends()[0]})") == [(True,)]
    running.thread.join(30)
    assert isinstance(running.error, StepFailed)
    assert running.error.kind == "connection"
    eventually(lambda: running.left() == 0)
    assert databases.rows("select * from orders") == [(1, "old")]
    assert databases.stashes() == 0


def test_a_second_overwrite_of_the_same_table_is_refused(databases: Databases) -> None:
    reporting(databases, OLD)
    databases.ops.execute("create table orders as select 5 as id, 'x' as name")
    running = Running(databases)
    with pytest.raises(StepFailed, match="another copy is overwriting"):
        databases.copy()
    running.ctx.cancel()
    running.thread.join(30)
    databases.copy()
    assert databases.rows("select * from orders") == [(5, "x")]


def test_a_lock_on_the_target_is_waited_for_in_short_turns(databases: Databases) -> None:
    databases.ops.execute("create table orders as select 2 as id, 'new' as name")
    reporting(databases, OLD)
    ctx = databases.execution(tag=f"nomaflow:8:{databases.schema}")
    with psycopg.connect(TARGET_URL) as other:
        other.execute(f"select * from {databases.target_schema}.orders")  # type: ignore[arg-type]
        thread = threading.Thread(target=databases.copy, kwargs={"ctx": ctx})
        thread.start()
        waiting = "select count(*) from pg_locks where not granted and relation = 'orders'::regclass"
        eventually(lambda: databases.rows(waiting) == [(1,)])
        eventually(lambda: databases.rows(waiting) == [(0,)])
        assert thread.is_alive()
    thread.join(60)
    assert databases.rows("select * from orders") == [(2, "new")]
