from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs_app import dates
from jobs_app.env_file import EnvValue
from jobs_app.substitution import Sources, UnknownName, check, substitute

ENV = {"REGION": EnvValue("eu", False), "API_TOKEN": EnvValue("t0ken-value", True)}


def sources(**changes: Any) -> Sources:
    given_ = {
        "run_id": "run_00a8c",
        "job_id": "nightly",
        "as_of": datetime(2026, 11, 22, 23, 30, tzinfo=UTC),
        "zone": "Europe/Paris",
        "params": {"limit": 10, "day": "${date:yesterday}", "again": "<${params:day}>", "flags": [1, True]},
        "outputs": {
            "copy.flights": {"rows": 7, "files": [{"path": "/a"}]},
            "evil": {"x": "${env:API_TOKEN}"},
        },
        "env": ENV.get,
    }
    return Sources(**{**given_, **changes})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${params:limit}", 10),
        ("${params:flags}", [1, True]),
        ("at most ${params:limit} ${params:flags}", "at most 10 [1, true]"),
        ("${params:again}", "<2026-11-22>"),
        ("${out:copy.flights.rows}", 7),
        ("${out:copy.flights.files.0.path}", "/a"),
        ("${run:id}/${job:id}", "run_00a8c/nightly"),
        ("${date:today} ${date:month.first} ${date:month.previous}", "2026-11-23 2026-11-01 2026-10"),
        ("${env:REGION}", "eu"),
        ("$${env:REGION} costs $5", "${env:REGION} costs $5"),
        ("${out:evil.x}", "${env:API_TOKEN}"),
    ],
)
def test_every_form(text: str, expected: Any) -> None:
    assert substitute(text, sources()) == expected


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("${env:NOPE}", "NOPE"),
        ("${params:nope}", "nope"),
        ("${out:nope.rows}", "nope"),
        ("${out:copy.flights.nope}", "nope"),
        ("${date:someday}", "someday"),
        ("${what}", "what"),
        ("${env:${params:limit}}", "inside another"),
        ("open ${env:REGION", "not closed"),
    ],
)
def test_an_unknown_name_is_named(text: str, names: str) -> None:
    with pytest.raises(UnknownName, match=names):
        substitute(text, sources())


def test_a_parameter_that_refers_to_itself_is_refused() -> None:
    with pytest.raises(UnknownName, match="refers to itself"):
        substitute("${params:a}", sources(params={"a": "${params:b}", "b": "x${params:a}"}))


def test_secrets_are_told_before_they_are_used() -> None:
    told: list[str] = []
    substitute({"h": ["Bearer ${env:API_TOKEN}", "${env:REGION}"]}, sources(secret_sink=told.append))
    assert told == ["t0ken-value"]


@pytest.mark.parametrize(
    "bad",
    ["${x}", "${}", "${env:a-b}", "${env:PATH}", "${env:${env:A}}", "${out:step}", "${params:}", "${open"],
)
def test_saving_refuses(bad: str) -> None:
    assert len(check({"a": [bad, "${params:ok}"]})) == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text().filter(lambda text: "${" not in text),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values)
def test_what_has_no_placeholder_stays(value: Any) -> None:
    assert substitute(value, sources()) == value
    assert check(value) == []


@given(st.dates(min_value=date(2, 1, 1), max_value=date(9998, 1, 1)))
def test_every_date_name_gives_a_date(day: date) -> None:
    as_of = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    for name in dates.NAMES:
        assert dates.resolve(name, as_of, "UTC")


@pytest.mark.parametrize(
    "twice", ["{0}{0}", ["{0}", "{0}"], {"a": "{0}", "b": "{0}"}], ids=["text", "list", "map"]
)
@pytest.mark.parametrize("bottom", ["", "x", "x" * 100_000])
def test_parameters_do_not_grow_without_end(twice, bottom):
    params = {
        f"p{n}": json.loads(json.dumps(twice).replace("{0}", f"${{params:p{n + 1}}}")) for n in range(30)
    }
    with pytest.raises(UnknownName, match="grow to more than"):
        substitute("${params:p0}", sources(params={**params, "p30": bottom}))


def test_a_text_that_repeats_a_large_parameter_ends():
    with pytest.raises(UnknownName, match="grow to more than"):
        substitute("${params:big}" * 60_000, sources(params={"big": "x" * 1_000_000}))


def test_a_long_chain_of_parameters_is_named():
    params = {f"p{n}": f"${{params:p{n + 1}}}" for n in range(500)}
    with pytest.raises(UnknownName, match=r"\$\{params:p32\} is reached by more than 32"):
        substitute("${params:p0}", sources(params=params))
