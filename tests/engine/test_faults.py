"""Whatever goes wrong around a run, it ends, and says why, while its worker lives."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from jobs_app.models import JobVersion
from runs_app import lifecycle
from runs_app.dispatch import dispatch
from runs_app.lifecycle import Beginning, Ending
from runs_app.models import Run, RunEvent
from runs_app.states import StepState
from tests.engine.conftest import messages, puppet_job
from tests.eventually import eventually
from tests.workers.python_execution import write_plugin
from workers import engine

Perform = Callable[..., Run]

pytestmark = pytest.mark.django_db(transaction=True)


def performed(run: Run) -> Run:
    engine.execute(run.pk, worker="test/1")
    return Run.objects.get(pk=run.pk)


def broken(**step: Any) -> Run:
    """A run whose frozen definition is not what this version of the engine can read."""
    run = dispatch(puppet_job({}, {}), triggered_by="cli")
    assert run.version is not None
    steps = [{**each, **step} for each in run.version.definition["steps"]]
    JobVersion.objects.filter(pk=run.version.pk).update(definition={**run.version.definition, "steps": steps})
    return run


def test_a_fault_of_the_engine_fails_the_run_and_the_step_in_flight() -> None:
    run = performed(broken(timeout_seconds="soon"))
    first, second = run.steps.all()
    assert (run.state, run.reason_code) == ("FAILED", "step_failed")
    assert run.reason.startswith("TypeError: ")
    assert (first.state, first.error_class, second.state) == ("FAILED", "TypeError", "CANCELED")
    assert "Traceback (most recent call last)" in first.traceback
    assert first.attempts.get().traceback == first.traceback
    assert messages(run)[-1] == f"run {run.run_id} · FAILED · TypeError: {first.error_message}"


def test_a_fault_before_any_step_fails_the_run() -> None:
    run = performed(broken(retry={"tries": 3}))
    assert (run.state, {step.state for step in run.steps.all()}) == ("FAILED", {"CANCELED"})
    assert "tries" in run.reason
    assert "Traceback (most recent call last):" in messages(run)


def test_a_run_that_cannot_be_read_fails() -> None:
    run = dispatch(puppet_job({}), triggered_by="cli")
    Run.objects.filter(pk=run.pk).update(log_level="LOUD")
    run = performed(run)
    assert (run.state, run.reason.split(":")[0]) == ("FAILED", "ValueError")


def test_a_condition_without_an_answer_fails_its_step_unrun(perform: Perform) -> None:
    run = perform({}, {"condition": "out['s1'].unheard > 1"})
    failed = run.steps.get(name="s2")
    assert (run.state, failed.state, failed.output) == ("FAILED", "FAILED", None)
    assert "out['s1'].unheard > 1" in failed.error_message


def test_a_cancel_that_comes_when_all_work_is_done_changes_nothing(perform_aside: Perform) -> None:
    run = perform_aside({"act": "deaf", "times": 2})
    eventually(lambda: "deaf" in messages(run))
    assert lifecycle.request_cancel(run, by="user:ann") == "canceling"
    eventually(lambda: Run.objects.get(pk=run.pk).is_final)
    assert (Run.objects.get(pk=run.pk).state, run.steps.get().state) == ("SUCCEEDED", "SUCCEEDED")


def test_a_connection_that_died_while_the_worker_was_idle_costs_no_run() -> None:
    run = dispatch(puppet_job({}), triggered_by="cli")
    connection.settings_dict["CONN_HEALTH_CHECKS"] = True  # as workers have it
    try:
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            dead = cursor.fetchone()[0]
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [dead])
        other.close()
        assert performed(run).state == "SUCCEEDED"
    finally:
        connection.settings_dict["CONN_HEALTH_CHECKS"] = False
        connection.close()


DEAF = """
    import time
    def f(ctx):
        print("hanging", flush=True)
        time.sleep(600)
"""


@pytest.mark.parametrize("step", [{"act": "hang"}, {"type": "python", "callable": "plug:f"}])
def test_a_database_that_hangs_stops_the_step_before_the_lease_ends(
    perform_aside: Perform, settings: Any, tmp_path: Path, step: dict[str, Any]
) -> None:
    """Also one that hears no cancel, however long the grace of an ordinary cancel is."""
    settings.NOMAFLOW_LEASE_SECONDS = 10
    settings.NOMAFLOW_CANCEL_GRACE_SECONDS = 90
    settings.NOMAFLOW_PLUGINS_DIR = tmp_path
    write_plugin(tmp_path, DEAF)
    run = perform_aside(step)
    eventually(lambda: "hanging" in messages(run))
    frozen = eventually(renewer)
    os.kill(frozen, signal.SIGSTOP)
    try:
        eventually(lambda: Run.objects.get(pk=run.pk).is_final)
    finally:
        os.kill(frozen, signal.SIGCONT)
    run = Run.objects.get(pk=run.pk)
    assert (run.state, run.reason_code, run.steps.get().state) == ("FAILED", "lease_lost", "FAILED")


def renewer() -> int | None:
    """The server process of the session that renews the leases."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND query LIKE 'UPDATE runs_run SET lease_until%%' AND state = 'idle' AND pid <> pg_backend_pid()"
        )
        row = cursor.fetchone()
    return row[0] if row else None


def test_a_boundary_whose_answer_was_lost_may_be_stored_again() -> None:
    run = dispatch(puppet_job({}, {}), triggered_by="cli")
    claim = lifecycle.claim(run.pk, worker="w")
    assert claim is not None
    first, second = run.steps.all()
    lifecycle.begin(claim, Beginning(step=first, number=1, input=None, first_seq=1))
    after = Beginning(step=second, number=1, input=None, first_seq=2)
    for _ in range(2):
        lifecycle.begin(claim, after, ended=(first, Ending(state=StepState.SUCCEEDED)))
    assert [step.state for step in run.steps.all()] == ["SUCCEEDED", "RUNNING"]
    assert second.attempts.count() == 1
    assert RunEvent.objects.filter(run=run, kind__startswith="step_").count() == 3
