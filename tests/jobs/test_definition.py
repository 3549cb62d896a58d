from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jobs_app.definition import ORDER, DefinitionError, clean_job, connectors_of
from jobs_app.reserved import RESERVED_IDS
from tests.jobs.examples import WORLD, python_step, query_step, raw_job


def problems(raw: Any, **options: Any) -> dict[str, str]:
    with pytest.raises(DefinitionError) as caught:
        clean_job(raw, world=WORLD, **options)
    return {problem.field: problem.message for problem in caught.value.problems}


def test_the_frozen_form_has_every_default() -> None:
    cleaned = clean_job(raw_job(), world=WORLD)
    assert list(cleaned) == ORDER
    assert (cleaned["timezone"], cleaned["misfire"], cleaned["max_lateness_seconds"]) == ("UTC", "once", 3600)
    assert cleaned["retry"] == cleaned["alerts"] == {}
    assert cleaned["steps"] == [
        {
            "name": "send",
            "type": "python",
            "enabled": True,
            "timeout_seconds": 3600,
            "continue_on_error": False,
            "condition": "",
            "idempotent": None,
            "retry": None,
            "config": {"callable": "reports.summary:send_summary", "op_kwargs": {}},
        }
    ]


def test_cleaning_what_is_clean_changes_nothing() -> None:
    cleaned = clean_job(
        raw_job(
            retry={"attempts": 3}, alerts={"recipients": ["a", "a"]}, tags=["x", "x "], log_level="debug"
        ),
        world=WORLD,
    )
    assert cleaned["tags"] == ["x"]
    assert cleaned["alerts"] == {"on_failure": True, "on_long_run_minutes": None, "recipients": ["a"]}
    assert clean_job(cleaned, world=WORLD) == cleaned


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"id": "a b"}, "id", "a b"),
        ({"id": ""}, "id", "required"),
        ({"id": 7}, "id", "must be text"),
        ({"id": "_mine"}, "id", "_mine"),
        ({"id": "x" * 129}, "id", "128"),
        ({"id": "line\n"}, "id", "ASCII"),
        ({"id": "Runs"}, "id", "reserved"),
        ({"id": "UPSTREAM"}, "id", "differs only in case"),
        ({"schedule": "61 * * * *"}, "schedule", "minute"),
        ({"schedule": "0 0 31 2 *"}, "schedule", "never"),
        ({"schedule": "nonsense"}, "schedule", ""),
        ({"timezone": "Europe/Pariss"}, "timezone", "Europe/Pariss"),
        ({"schedul": "@daily"}, "schedul", "did you mean schedule"),
        ({"steps": []}, "steps", "at least one step"),
        ({"steps": "copy"}, "steps", "list"),
        ({"steps": [7]}, "steps[0]", "table"),
        ({"steps": [python_step(), python_step()]}, "steps[1].name", "send"),
        ({"steps": [python_step(name=" ")]}, "steps[0].name", "required"),
        ({"steps": [{"name": "a", "type": "teleport"}]}, "steps[0].type", "teleport"),
        ({"steps": [query_step(connector="nowhere")]}, "steps[0].connector", "nowhere"),
        ({"steps": [query_step(connector="people")]}, "steps[0].connector", "ldap"),
        ({"steps": [query_step(query=7)]}, "steps[0].query", "text"),
        ({"steps": [query_step(limit=0)]}, "steps[0].limit", "at least 1"),
        ({"steps": [query_step(qurey="x")]}, "steps[0].qurey", "did you mean query"),
        ({"steps": [query_step(op_kwargs={})]}, "steps[0].op_kwargs", "only python steps"),
        ({"steps": [query_step(query="${env:PATH}")]}, "steps[0].query", "PATH"),
        ({"steps": [query_step(timeout_seconds=0)]}, "steps[0].timeout_seconds", "between"),
        ({"steps": [query_step(retry={"attempts": 0})]}, "steps[0].retry.attempts", "between"),
        ({"steps": [python_step(callable="os:system")]}, "steps[0].callable", "os"),
        ({"steps": [python_step(callable="../../etc:f")]}, "steps[0].callable", "etc"),
        ({"steps": [python_step(callable="reports.summary")]}, "steps[0].callable", "module.path:function"),
        ({"steps": [python_step(callable="reports.summary:__class__")]}, "steps[0].callable", "__class__"),
        ({"retry": {"attempt": 2}}, "retry.attempt", "did you mean attempts"),
        ({"retry": {"backoff": "linear"}}, "retry.backoff", "fixed, exponential"),
        ({"alerts": {"on_failure": 1}}, "alerts.on_failure", "true or false"),
        ({"depends_on": ["ghost"]}, "depends_on[0]", "ghost"),
        ({"depends_on": ["nightly"]}, "depends_on", "nightly → nightly"),
        ({"id": "upstream", "depends_on": ["other"]}, "depends_on", "upstream → other → upstream"),
        ({"params": {"x": None}}, "params", "null"),
        ({"params": {"x": float("nan")}}, "params", "finite"),
        ({"params": {"x": "a\0b"}}, "params", "NUL"),
        ({"params": {"x": "\ud800"}}, "params", "surrogate"),
        ({"params": {"x": "${what:ever}"}}, "params", "what:ever"),
        ({"params": {f"p{n}": n for n in range(1001)}}, "params", "1,000"),
        ({"enabled": "yes"}, "enabled", "true or false"),
        ({"priority": 1.5}, "priority", "whole number"),
        ({"max_lateness_seconds": True}, "max_lateness_seconds", "whole number"),
    ],
)
def test_bad_input_is_named(change: dict[str, Any], field: str, words: str) -> None:
    found = problems(raw_job(**change) if "id" not in change else {**raw_job(), **change})
    assert list(found) == [field]
    assert words in found[field]


def test_every_problem_is_told_at_once() -> None:
    found = problems(
        raw_job(schedule="x", tags=7, steps=[query_step(connector="a", limit=-1), {"name": "b"}])
    )
    assert sorted(found) == ["schedule", "steps[0].limit", "steps[1].type", "tags"]


def test_deep_nesting_is_refused() -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    assert "levels" in problems(raw_job(params={"deep": deep}))["params"]


def test_a_link_out_of_the_plugins_is_refused(installation: Path, tmp_path_factory: Any) -> None:
    outside = tmp_path_factory.mktemp("outside") / "evil.py"
    outside.write_text("def f(ctx): ...\n")
    (installation / "plugins" / "evil.py").symlink_to(outside)
    assert "evil" in problems(raw_job(steps=[python_step(callable="evil:f")]))["steps[0].callable"]


def test_a_plugin_that_does_not_compile_may_be_named(installation: Path) -> None:
    """Importing shows at run time, with the traceback."""
    (installation / "plugins" / "broken.py").write_text("def f(ctx:\n")
    assert clean_job(raw_job(steps=[python_step(callable="broken:f")]), world=WORLD)


def test_reserved_ids_are_lower_case_and_refused() -> None:
    for job_id in RESERVED_IDS:
        assert job_id == job_id.lower()
        assert "reserved" in problems(raw_job(job_id))["id"]


def test_a_partial_definition_keeps_to_what_is_given() -> None:
    cleaned = clean_job({"id": "nightly", "tags": ["a"]}, partial=True, world=WORLD)
    assert cleaned == {"id": "nightly", "tags": ["a"]}
    assert "tags" in problems({"id": "nightly", "tags": "a"}, partial=True)


def test_built_in_jobs_may_start_with_an_underscore() -> None:
    assert clean_job(raw_job("_cleanup-job-history"), world=WORLD, built_in=True)


def test_the_connectors_of_a_definition() -> None:
    copy = {
        "name": "copy",
        "type": "copy",
        "source": {"connector": "ops", "schema": "a", "table": "b"},
        "target": {"connector": "${params:target}", "schema": "a", "table": "b"},
    }
    cleaned = clean_job(raw_job(steps=[copy, query_step(connector="reporting")]), world=WORLD)
    assert connectors_of(cleaned) == {"ops", "reporting"}
