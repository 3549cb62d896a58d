"""SQL steps inside a real run: connectors from the database, outputs, log, rows on the step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet

from jobs_app import connectors, definition, schedules, secrets
from runs_app.dispatch import dispatch
from runs_app.models import Run
from tests.engine.conftest import messages
from tests.workers.databases import TARGET_URL, URL, Databases, databases
from workers import engine

__all__ = ["databases"]


@pytest.fixture
def key(settings: Any) -> Iterator[None]:
    """A password in the servers' URLs is stored as a secret."""
    settings.NOMAFLOW_FERNET_KEYS = [Fernet.generate_key().decode()]
    secrets._fernet.cache_clear()
    yield
    secrets._fernet.cache_clear()


@pytest.fixture
def run_steps(transactional_db: None, key: None, databases: Databases):
    def run(*steps: dict[str, object]) -> Run:
        for name, url in (("ops", URL), ("reporting", TARGET_URL)):
            connectors.save_connector({"name": name, "kind": "postgres", "url": url}, actor="test")
        raw = {"id": "moving", "steps": list(steps), "params": {"least": 2}}
        made = dispatch(schedules.save_job(definition.clean_job(raw), author="test"), triggered_by="user:ann")
        engine.execute(made.pk, worker="test/1")
        return Run.objects.get(pk=made.pk)

    return run


def test_a_copy_and_a_query_in_one_run(run_steps, databases: Databases) -> None:
    databases.ops.execute("create table orders as select g as id, 'x' as name from generate_series(1, 5) g")
    target = databases.target_schema
    run = run_steps(
        {
            "name": "copy", "type": "sql_copy",
            "source": {"connector": "ops", "schema": databases.schema, "table": "orders"},
            "target": {"connector": "reporting", "schema": target, "table": "orders"},
        },
        {
            "name": "thin", "type": "sql_query", "connector": "reporting",
            "query": f"delete from {target}.orders where id >= :least",
        },
        {
            "name": "look", "type": "sql_query", "connector": "reporting",
            "query": f"select *, :copied::int as copied from {target}.orders",
            "params": {"copied": "${out:copy.target_rows}"},
        },
    )  # fmt: skip
    assert (run.state, run.reason) == ("SUCCEEDED", "")
    copied, thinned, looked = run.steps.all()
    assert copied.output["target_rows"] == copied.rows_affected == 5
    assert thinned.rows_affected == 4
    assert looked.output["rows_preview"] == [{"id": 1, "name": "x", "copied": 5}]
    assert "▶ batch 1 of 1 · 5 rows" in messages(run)


def test_a_constraint_violation_fails_the_step_without_a_retry(run_steps, databases: Databases) -> None:
    databases.reporting.execute("create table t (a int primary key)")
    insert = f"insert into {databases.target_schema}.t values (1)"
    step = {"type": "sql_query", "connector": "reporting", "query": insert}
    run = run_steps(
        {"name": "a", **step},
        {"name": "b", **step, "retry": {"attempts": 3, "backoff": "fixed", "base_seconds": 0}},
    )
    assert run.state == "FAILED"
    failed = run.steps.get(name="b")
    assert "duplicate key" in failed.reason
    assert failed.attempts.count() == 1
