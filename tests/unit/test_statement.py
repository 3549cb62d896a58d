"""Where SQL's parameters stand and where a statement ends, whatever it is quoted with."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nomaflow.types import StepFailed
from workers.connectors.statement import Statement

NAMES = [
    ("select :a, :b, :a", ("a", "b")),
    ("select ':no', \":no\", 'it''s :no'", ()),
    ("select 1 -- :no\n, :yes", ("yes",)),
    ("select /* :no /* nested :no */ :no */ :yes", ("yes",)),
    ("select $$ :no ; $$, $tag$ :no $$ :no $tag$, :yes", ("yes",)),
    ("select E'\\' :no', :yes", ("yes",)),
    ("select x::date, :day::date", ("day",)),
    ("select a[1:n], a[lo:hi], :yes", ("yes",)),
    ("call p(named := :value)", ("value",)),
    ("select '%', 5 % 2, :a", ("a",)),
]
SECOND = [
    "select 1; select 2",
    "select 1; 2",
    "delete from t; -- x\n drop table t",
    "select ';'; x",
    "begin; delete from t; commit",
    "select $$;$$; select 1",
]
ONE = [
    "select 1;",
    "select 1 ; -- done\n",
    "select 1 ;;",
    "select ';', $$ a; b; $$ /* ; */",
    "create function f() returns int language sql begin atomic select 1; select 2; end;",
    "create trigger t after insert on x begin insert into y values (case when 1 then 2 end); delete from z; end",
    "do $$ begin perform 1; perform 2; end $$;",
]


@pytest.mark.parametrize(("text", "names"), NAMES)
def test_names(text: str, names: tuple[str, ...]) -> None:
    assert Statement.read(text).names == names


@pytest.mark.parametrize("text", SECOND)
def test_a_second_statement_is_refused(text: str) -> None:
    with pytest.raises(StepFailed, match="one statement"):
        Statement.read(text)


@pytest.mark.parametrize("text", ONE)
def test_one_statement(text: str) -> None:
    assert Statement.read(text).pieces[0]


@pytest.mark.parametrize("text", ["", "  ", ";", "-- only a comment", "/* only"])
def test_nothing_to_run(text: str) -> None:
    with pytest.raises(StepFailed, match="empty"):
        Statement.read(text)


def test_a_missing_parameter_is_named() -> None:
    with pytest.raises(StepFailed, match=":b"):
        Statement.read("select :a, :b").values({"a": 1})


@pytest.mark.parametrize(
    ("text", "streams"),
    [
        ("select 1", True),
        ("with a as (select 1) table a", True),
        ("values (1)", True),
        ("with a as (delete from t returning 1) select * from a", False),
        ("select 1 into t", False),
        ("insert into t select 1", False),
        ("explain select 1", False),
    ],
)
def test_what_only_reads(text: str, streams: bool) -> None:
    assert Statement.read(text).streams is streams


@given(st.text(alphabet="a:;'\"$-/*E\\ \n1", max_size=40))
def test_text_without_parameters_stays_as_it_is(text: str) -> None:
    try:
        statement = Statement.read("select 1 " + text)
    except StepFailed:
        return
    rendered = statement.render(literal=lambda piece: piece, parameter=lambda name: f":{name}")
    assert ("select 1 " + text).startswith(rendered.rstrip())
