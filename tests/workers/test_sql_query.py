"""`sql_query` on real PostgreSQL and SQLite."""

from __future__ import annotations

import threading

import pytest

from nomaflow.extending import InvalidConfig
from nomaflow.types import SqlConnector, StepCancelled, StepFailed
from tests.eventually import eventually
from tests.workers.databases import Databases
from workers.executors.sql_query import SqlQuery

VALUES = [
    ("null::int", None),
    ("true", True),
    ("'NaN'::float8", "NaN"),
    ("'-Infinity'::float8", "-Infinity"),
    ("1.10::numeric(10,2)", "1.10"),
    ("'NaN'::numeric", "NaN"),
    ("9007199254740993::bigint", "9007199254740993"),
    ("42", 42),
    ("date '2026-02-03'", "2026-02-03"),
    ("date 'infinity'", "infinity"),
    ("date '0044-03-15 BC'", "0044-03-15 BC"),
    ("timestamp '2026-02-03 04:05:06.7'", "2026-02-03T04:05:06.700000"),
    ("timestamptz '2026-02-03 04:05:06+02'", "2026-02-03T02:05:06+00:00"),
    ("time '24:00'", "24:00:00"),
    ("'\\x00ff'::bytea", "\\x00ff"),
    ("'{\"a\": [1, null]}'::jsonb", {"a": [1, None]}),
    ("'null'::jsonb", None),
    ("array[1, null]", [1, None]),
    ("'6ba7b810-9dad-11d1-80b4-00c04fd430c8'::uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
    ("interval '1 day 2 hours'", "1 day, 2:00:00"),
    ("''", ""),
    ("'日本 ''x'' \\t'", "日本 'x' \\t"),
]


@pytest.mark.parametrize(("expression", "expected"), VALUES)
def test_preview_values(databases: Databases, expression: str, expected: object) -> None:
    output = databases.query("ops", f"select {expression} as value")
    assert output == {"rows_affected": 1, "row_count": 1, "rows_preview": [{"value": expected}]}


def test_a_select_counts_all_and_keeps_a_hundred(databases: Databases) -> None:
    output = databases.query("ops", "select g from generate_series(1, 25000) g")
    assert output["row_count"] == 25000
    assert [row["g"] for row in output["rows_preview"]] == list(range(1, 101))


def test_a_preview_fits_into_an_output(databases: Databases) -> None:
    output = databases.query("ops", "select repeat('x', 9000) as wide, g from generate_series(1, 300) g")
    assert output["row_count"] == 300
    assert len(output["rows_preview"][0]["wide"]) == 4097
    wide = ", ".join(f"repeat('x', 4000) as c{n}" for n in range(40))
    output = databases.query("ops", f"select {wide} from generate_series(1, 300)")
    assert 0 < len(output["rows_preview"]) < 10


def test_writes_ddl_and_commands_outside_transactions(databases: Databases) -> None:
    assert databases.query("ops", "create table t (a int primary key, b text)") == {"rows_affected": 0}
    assert databases.query("ops", "insert into t select g, 'x' from generate_series(1, 7) g") == {
        "rows_affected": 7
    }
    returned = databases.query("ops", "delete from t where a > 5 returning a")
    assert returned["rows_affected"] == returned["row_count"] == 2
    assert databases.query("ops", "vacuum t") == {"rows_affected": 0}
    assert databases.query("ops", "select a, a from t limit 1")["rows_preview"] == [{"a": 1, "a_2": 1}]


def test_parameters_are_bound_not_pasted(databases: Databases) -> None:
    nasty = "x'; drop table t; --"
    ctx = databases.execution(params={"shared": 3, "value": "overridden"})
    output = databases.query(
        "ops", "select :value::text as v, :shared::int + 1 as n, ':value' as s, '100%' as p",
        ctx=ctx, params={"value": nasty},
    )  # fmt: skip
    assert output["rows_preview"] == [{"v": nasty, "n": 4, "s": ":value", "p": "100%"}]


def test_a_missing_parameter_is_named(databases: Databases) -> None:
    with pytest.raises(StepFailed, match=":absent") as caught:
        databases.query("ops", "select :absent")
    assert not caught.value.retry


def test_stored_queries_by_name(databases: Databases) -> None:
    databases.extra["stored"] = {
        **databases.execution().connectors["ops"],
        "queries": {"double": {"sql": "select :n::int * 2 as d", "write": False, "params": {"n": 4}}},
    }
    assert databases.query("stored", "double")["rows_preview"] == [{"d": 8}]
    assert databases.query("stored", "double", params={"n": 5})["rows_preview"] == [{"d": 10}]
    with pytest.raises(StepFailed, match="no query named 'triple'"):
        databases.query("stored", "triple")


def test_two_statements_are_refused_before_anything_runs(databases: Databases) -> None:
    databases.query("ops", "create table kept (a int)")
    with pytest.raises(InvalidConfig, match="one statement"):
        SqlQuery().clean({"connector": "ops", "query": "drop table kept; select 1"})
    with pytest.raises(StepFailed, match="one statement"):
        SqlQuery().run(databases.execution(), {"connector": "ops", "query": "drop table kept; select 1"})
    assert databases.query("ops", "select count(*) from kept")["row_count"] == 1


def test_the_statement_is_logged_at_debug_and_masked(databases: Databases) -> None:
    ctx = databases.execution()
    ctx.add_secret("s3cret-value")
    databases.query("ops", "select 's3cret-value' as v", ctx=ctx)
    assert any(line.startswith("DEBUG") and "select '••••••' as v" in line for line in ctx.lines)
    assert not any("s3cret-value" in line for line in ctx.lines)


def test_a_constraint_violation_is_not_retried(databases: Databases) -> None:
    databases.query("ops", "create table t (a int primary key)")
    databases.query("ops", "insert into t values (1)")
    with pytest.raises(StepFailed, match="duplicate key") as caught:
        databases.query("ops", "insert into t values (1)")
    assert (caught.value.kind, caught.value.retry) == ("constraint", False)


def test_a_server_that_refuses_is_a_connection_failure(databases: Databases) -> None:
    databases.extra["gone"] = {
        "kind": "postgres",
        "config": {"url": "postgresql://x@127.0.0.1:1/x", "password": "pass-word"},
    }
    with pytest.raises(StepFailed, match="gone") as caught:
        databases.query("gone", "select 1")
    assert caught.value.kind == "connection"
    assert "pass-word" not in str(caught.value)


def test_a_cancel_ends_the_statement_on_the_server(databases: Databases) -> None:
    ctx = databases.execution(tag=f"nomaflow:9:{databases.schema}")
    caught: list[BaseException] = []

    def run() -> None:
        try:
            databases.query("ops", "select pg_sleep(600)", ctx=ctx)
        except BaseException as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    count = "select count(*) from pg_stat_activity where application_name = %s"
    running = count + " and state = 'active' and query like '%%pg_sleep%%'"
    eventually(lambda: databases.ops.execute(running, (ctx.tag,)).fetchone() == (1,))
    ctx.cancel()
    thread.join(30)
    assert isinstance(caught[0], StepCancelled)
    assert any("session ended on the server" in line for line in ctx.lines)
    eventually(lambda: databases.ops.execute(count, (ctx.tag,)).fetchone() == (0,))


def test_sqlite(databases: Databases) -> None:
    databases.query("file", "create table t (a integer primary key, b, c)")
    insert = "insert into t values (:a, :b, 'it''s :no')"
    databases.query("file", insert, params={"a": 1, "b": 2.5})
    assert databases.query("file", "select * from t")["rows_preview"] == [{"a": 1, "b": 2.5, "c": "it's :no"}]
    with pytest.raises(StepFailed, match="UNIQUE") as caught:
        databases.query("file", insert, params={"a": 1, "b": None})
    assert caught.value.kind == "constraint"
    output = databases.query("file", "select x'00ff' as b, null as n, char(0) || 'z' as z")
    assert output["rows_preview"] == [{"b": "\\x00ff", "n": None, "z": "\ufffdz"}]


def test_a_sqlite_statement_can_be_cancelled(databases: Databases) -> None:
    ctx = databases.execution()
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"
    timer = threading.Timer(0.3, ctx.cancel)
    timer.start()
    with pytest.raises(StepCancelled):
        databases.query("file", endless, ctx=ctx)
    timer.join()


@pytest.mark.parametrize("name", ["ops", "file"])
def test_connectors_as_plugins_use_them(databases: Databases, name: str) -> None:
    with databases.execution().connector(name) as connector:
        assert isinstance(connector, SqlConnector)
        connector.execute("create table p (a int)")
        assert connector.execute("insert into p values (:a)", {"a": 1}) == 1
        with pytest.raises(StepFailed, match="nowhere"), connector.transaction() as transaction:  # noqa: PT012
            transaction.execute("insert into p values (2)")
            transaction.execute("insert into nowhere values (2)")
        with connector.transaction() as transaction:
            transaction.execute("insert into p values (:a)", {"a": 3})
        with connector.connection() as raw:
            raw.execute("insert into p values (4)")
        assert connector.query("select a from p where a >= :least order by a", {"least": 1}) == [
            {"a": 1},
            {"a": 3},
            {"a": 4},
        ]


def test_a_password_in_the_url_moves_to_the_secret_field() -> None:
    from workers.connectors.postgres import Postgres

    cleaned = Postgres().clean({"url": "postgresql://ann:p%40ss@db:5433/x?sslmode=require"})
    assert cleaned == {"url": "postgresql://ann@db:5433/x?sslmode=require", "password": "p@ss"}
    for wrong in ({"url": "mysql://x"}, {}, {"host": "h"}):
        with pytest.raises(InvalidConfig):
            Postgres().clean(wrong)
