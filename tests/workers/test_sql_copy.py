"""`sql_copy`: what arrives, whatever the pair of places."""

from __future__ import annotations

import sqlite3

import pytest

from nomaflow.extending import InvalidConfig
from nomaflow.types import StepFailed
from tests.workers.databases import Databases
from workers.executors.sql_copy import SqlCopy

ODD = """
create table orders as
select g as id, 'n' || g as name, (g * 1.37)::numeric(14, 2) as price, g / 3.0::float8 as score, g % 2 = 0 as paid,
       timestamp '2026-01-01' + g * interval '1 minute' as placed, date '2026-01-01' + g as due,
       jsonb_build_object('n', g) as extra,
       case g % 3 when 0 then null when 1 then '' else E'a\\tb\\nc\\\\d''日本' end as note,
       '\\x00ff'::bytea as raw, '6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid as key
from generate_series(1, {rows}) g
"""
EVERY_TYPE = """
create table orders (a int2, b numeric, c float8, d text, e char(5), f timestamp, g timestamptz, h date, i time, j json,
                     k jsonb, l int[], m text[], n inet, o int4range, p interval, q bytea, r bool);
insert into orders values
 (1, 'NaN', 'NaN', '', 'x', 'infinity', '-infinity',
  '0044-03-15 BC', '24:00', 'null', 'null', '{{1,NULL}}', '{{"",NULL}}',
  '::1', 'empty', '1 mon -3 days', '', null),
 (null, 12345678901234567890.123456789, '-Infinity', E'\\t\\n\\\\.', '日本', null, null, null, null, null, null, '{{}}',
  null, null, '[1,5)', null, '\\x00', true);
"""


def fill(databases: Databases, rows: int = 2500, *, text: str = ODD) -> None:
    databases.ops.execute(text.format(rows=rows))  # type: ignore[arg-type]


def source_rows(databases: Databases, columns: str = "*") -> list[tuple[object, ...]]:
    return databases.ops.execute(f"select {columns} from orders order by 1, 2").fetchall()  # type: ignore[arg-type]


def test_a_missing_table_is_created_and_filled(databases: Databases) -> None:
    fill(databases)
    ctx = databases.execution()
    output = databases.copy(ctx=ctx, batch_size=1000)
    assert {**output, "elapsed_ms": 0} == {
        "source_rows": 2500, "target_rows": 2500, "rows_affected": 2500, "elapsed_ms": 0,
    }  # fmt: skip
    assert databases.rows("select * from orders order by 1, 2") == source_rows(databases)
    assert [line for line in ctx.lines if "▶" in line] == [
        "INFO ▶ batch 1 of 3 · 1 000 rows",
        "INFO ▶ batch 2 of 3 · 2 000 rows",
        "INFO ▶ batch 3 of 3 · 2 500 rows",
    ]


def test_every_odd_value_arrives_as_it_was(databases: Databases) -> None:
    fill(databases, text=EVERY_TYPE)
    databases.copy()
    databases.copy()
    text = "select orders::text from orders order by 1"
    assert databases.rows(text) == databases.ops.execute(text).fetchall()
    declared = "select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = 'orders'::regclass"
    both = [
        connection.execute(declared + " and attnum > 0").fetchall()
        for connection in (databases.ops, databases.reporting)
    ]
    assert both[0] == both[1]


def test_between_different_types_values_are_checked_never_reinterpreted(databases: Databases) -> None:
    databases.ops.execute("create table orders as select 5::bigint as a, 'x'::text as b, 1.5::float8 as c")
    databases.reporting.execute("create table orders (a float8, b varchar(1), c numeric)")
    databases.copy()
    assert databases.rows("select a::text, b, c::text from orders") == [("5", "x", "1.5")]
    databases.reporting.execute("drop table orders; create table orders (a float8, b varchar(1), c int)")
    with pytest.raises(StepFailed, match=r"invalid input syntax.*1\.5"):
        databases.copy()
    assert databases.rows("select count(*) from orders") == [(0,)]


def test_decimals_are_never_cut_in_silence(databases: Databases) -> None:
    databases.ops.execute("create table orders as select 12.34::numeric as price")
    databases.reporting.execute("create table orders (price numeric(10, 0))")
    with pytest.raises(StepFailed, match=r"'price'.*decimals"):
        databases.copy()
    databases.reporting.execute("alter table orders alter price type numeric(10, 2)")
    databases.copy()
    assert databases.rows("select price::text from orders") == [("12.34",)]


def test_user_types_travel_as_text(databases: Databases) -> None:
    for connection in (databases.ops, databases.reporting):
        connection.execute("create type mood as enum ('sad', 'ok')")
    databases.ops.execute("create table orders as select 'ok'::mood as m, array['sad', 'ok']::mood[] as ms")
    databases.reporting.execute("create table orders (m mood, ms mood[])")
    databases.copy()
    assert databases.rows("select m::text, ms::text from orders") == [("ok", "{sad,ok}")]


def test_a_query_some_columns_and_a_condition(databases: Databases) -> None:
    fill(databases, 10)
    databases.copy(query="select id, name from orders where id > 8;", to="few")
    assert databases.rows("select * from few order by 1") == [(9, "n9"), (10, "n10")]
    step, place = SqlCopy(), {"connector": "reporting", "schema": databases.target_schema, "table": "one"}
    source = {
        "connector": "ops",
        "schema": databases.schema,
        "table": "orders",
        "columns": ["name"],
        "where": "id = 3",
    }
    step.run(databases.execution(), step.clean({"source": source, "target": place}))
    assert databases.rows("select * from one") == [("n3",)]
    source["columns"] = ["nope"]
    with pytest.raises(StepFailed, match="no column 'nope'"):
        step.run(databases.execution(), step.clean({"source": source, "target": place}))


def test_views_can_be_sources_but_not_targets(databases: Databases) -> None:
    databases.ops.execute("create view orders as select 1 as id")
    ctx = databases.execution()
    databases.copy(ctx=ctx, batch_size=1)
    assert "INFO ▶ batch 1 · 1 rows" in ctx.lines
    databases.query("file", "create view v as select 2 as id")
    databases.copy("file", "reporting", table="v", mode="append")
    assert databases.rows("select id from orders order by 1") == [(1,), (2,)]
    databases.reporting.execute("create view shown as select * from orders")
    for target, name in (("reporting", "shown"), ("file", "v")):
        with pytest.raises(StepFailed, match="is not a table"):
            databases.copy(target=target, to=name)


def test_an_empty_source_empties_the_target(databases: Databases) -> None:
    databases.ops.execute("create table orders (a int)")
    databases.reporting.execute("create table orders (a int); insert into orders values (1)")
    assert databases.copy()["target_rows"] == 0
    assert databases.rows("select * from orders") == []


def test_append_adds_all_or_nothing(databases: Databases) -> None:
    databases.ops.execute("create table orders as select g as a from generate_series(1, 50000) g")
    databases.reporting.execute(
        "create table orders (a int primary key); insert into orders values (0), (49999)"
    )
    with pytest.raises(StepFailed, match="duplicate key") as caught:
        databases.copy(mode="append")
    assert caught.value.kind == "constraint"
    assert databases.rows("select a from orders order by 1") == [(0,), (49999,)]
    databases.reporting.execute("delete from orders where a = 49999")
    databases.copy(mode="append")
    assert databases.rows("select count(*) from orders") == [(50001,)]


def test_names_are_quoted(databases: Databases) -> None:
    nasty = 'we"ird; drop table x -- é'
    databases.ops.execute(f'create table "{nasty.replace(chr(34), chr(34) * 2)}" ("select" int, "A b" text)')  # type: ignore[arg-type]
    databases.ops.execute(f"insert into \"{nasty.replace(chr(34), chr(34) * 2)}\" values (1, 'x')")  # type: ignore[arg-type]
    for _ in range(2):
        databases.copy(table=nasty, to=nasty)
    databases.copy(target="file", table=nasty, to=nasty)
    databases.copy(source="file", table=nasty, to="plain")
    assert databases.rows('select "select", "A b" from plain') == [(1, "x")]


@pytest.mark.parametrize("wrong", ["nope", 'x"; drop table orders; --', "x" * 200, "ORDERS"])
def test_a_table_that_does_not_exist_is_named(databases: Databases, wrong: str) -> None:
    fill(databases, 1)
    for source in ("ops", "file"):
        with pytest.raises(StepFailed, match="there is no table") as caught:
            databases.copy(source=source, table=wrong)
        assert wrong in str(caught.value)


def test_a_missing_column_or_schema_or_connector_is_named(databases: Databases) -> None:
    fill(databases, 1)
    databases.reporting.execute("create table orders (id int)")
    with pytest.raises(StepFailed, match="no column 'name'"):
        databases.copy()
    step = SqlCopy()
    source = {"connector": "ops", "schema": databases.schema, "table": "orders"}
    for target, named in (
        ({"connector": "reporting", "schema": "nowhere", "table": "x"}, "'nowhere'"),
        ({"connector": "absent", "schema": "s", "table": "x"}, "'absent'"),
    ):
        with pytest.raises(StepFailed, match=named):
            step.run(databases.execution(), step.clean({"source": source, "target": target}))


def test_a_table_onto_itself_is_refused(databases: Databases) -> None:
    fill(databases, 3)
    databases.extra["alias"] = databases.execution().connectors["ops"]
    place = {"schema": databases.schema, "table": "orders"}
    step = SqlCopy()
    config = step.clean({"source": {"connector": "ops", **place}, "target": {"connector": "alias", **place}})
    with pytest.raises(StepFailed, match="same table"):
        step.run(databases.execution(), config)
    databases.query("file", "create table t (a)")
    with pytest.raises(StepFailed, match="same table"):
        databases.copy("file", "file", table="t", to="T")
    assert len(source_rows(databases)) == 3


def test_through_sqlite_and_back(databases: Databases) -> None:
    fill(databases, 3000)
    databases.copy(target="file", batch_size=500)
    databases.copy("file", "file", to="second")
    with sqlite3.connect(databases.file) as file:
        assert file.execute("select count(*), sum(id), count(note) from second").fetchone() == (
            3000,
            4501500,
            2000,
        )
        assert file.execute("select name, price, due, extra, raw from second where id = 2").fetchone() == (
            "n2", 2.74, "2026-01-03", '{"n": 2}', b"\x00\xff",
        )  # fmt: skip
    file.close()
    databases.ops.execute("select 1")
    databases.reporting.execute(
        "create table orders (id int primary key, name text, price numeric(14, 2), score float8, paid bool, "
        "placed timestamp, "
        "due date, extra jsonb, note text, raw bytea, key uuid)"
    )
    output = databases.copy("file", "reporting", table="second", batch_size=700)
    assert output["target_rows"] == 3000
    assert databases.rows("select * from orders order by 1") == source_rows(databases)


def test_sqlite_keeps_nan_apart_from_null_and_large_decimals_exact(databases: Databases) -> None:
    databases.ops.execute(
        "create table orders as select 'NaN'::float8 as f, 12345678901234567890.5::numeric as n, null::float8 as e"
    )
    databases.copy(target="file")
    assert databases.query("file", "select * from orders")["rows_preview"] == [
        {"f": "NaN", "n": "12345678901234567890.5", "e": None}
    ]
    databases.copy("file", "reporting")
    assert databases.rows("select f::text, n::text, e from orders") == [
        ("NaN", "12345678901234567890.5", None)
    ]


def test_binary_data_in_a_sqlite_text_column_is_refused(databases: Databases) -> None:
    databases.query("file", "create table t (a text)")
    databases.query("file", "insert into t values (x'00')")
    with pytest.raises(StepFailed, match="binary data"):
        databases.copy("file", "reporting", table="t")


def test_sqlite_overwrite_is_one_transaction(databases: Databases) -> None:
    databases.query("file", "create table orders (id integer primary key)")
    databases.query("file", "create view v as select count(*) as n from orders")
    databases.query("file", "insert into orders values (1), (2)")
    databases.ops.execute("create table orders as select 7 as id from generate_series(1, 2)")
    with pytest.raises(StepFailed, match="UNIQUE"):
        databases.copy(target="file")
    assert databases.query("file", "select n from v")["rows_preview"] == [{"n": 2}]
    databases.ops.execute("delete from orders where ctid = '(0,1)'")
    databases.copy(target="file")
    assert databases.query("file", "select n from v")["rows_preview"] == [{"n": 1}]


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"mode": "upsert"}, "mode"),
        ({"type_coercion": "jde"}, "type_coercion"),
        ({"decimal_mode": "truncate"}, "decimal_mode"),
        ({"strip_both_columns": ["a"]}, "strip_both_columns"),
    ],
)
def test_what_is_not_built_yet_is_refused_by_name(config: dict[str, object], field: str) -> None:
    place = {"connector": "c", "schema": "s", "table": "t"}
    with pytest.raises(InvalidConfig) as caught:
        SqlCopy().clean({"source": place, "target": place, **config})
    assert "not available in this version" in caught.value.problems[field]


@pytest.mark.parametrize(
    ("source", "field"),
    [
        ("orders", "source"),
        ({"schema": "s", "table": "t"}, "source.connector"),
        ({"connector": "c"}, "source.table"),
        ({"connector": "c", "table": "t", "query": "select 1"}, "source.query"),
        ({"connector": "c", "table": "t", "colums": []}, "source.colums"),
        ({"connector": "c", "table": "t", "columns": [1]}, "source.columns"),
        ({"connector": "c", "table": "t\0"}, "source.table"),
        ({"connector": "c", "table": 5}, "source.table"),
    ],
)
def test_a_wrong_place_is_named(source: object, field: str) -> None:
    with pytest.raises(InvalidConfig) as caught:
        SqlCopy().clean({"source": source, "target": {"connector": "c", "schema": "s", "table": "t"}})
    assert field in caught.value.problems
    assert SqlCopy().clean({
        "source": {"connector": "${params:c}", "table": "t"}, "target": {"connector": "c", "table": "t"},
    })["batch_size"] == 10000  # fmt: skip
