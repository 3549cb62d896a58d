"""Rows for tests, each by one plain function with defaults that suit most of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from jobs_app import schedules
from jobs_app.models import Job
from runs_app.models import Attempt, LogLine, Run, StepRun
from runs_app.states import ACTIVE, FINAL, RunState, StepState

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
_STEP_STATES = {RunState.SUCCEEDED: StepState.SUCCEEDED, RunState.RUNNING: StepState.RUNNING}

STEP: dict[str, Any] = {
    "enabled": True,
    "timeout_seconds": 3600,
    "continue_on_error": False,
    "condition": "",
    "idempotent": None,
    "retry": None,
}


def python_step(name: str, **op_kwargs: Any) -> dict[str, Any]:
    """A python step in the frozen form."""
    config = {"callable": "reports.summary:send_summary", "op_kwargs": op_kwargs}
    return {**STEP, "name": name, "type": "python", "config": config}


def definition(job_id: str = "ann-nightly", **fields: Any) -> dict[str, Any]:
    """A job in the frozen form, with two steps."""
    return {
        "id": job_id,
        "description": "copies the orders",
        "tags": ["etl", "nightly"],
        "enabled": True,
        "schedule": "",
        "timezone": "Europe/Paris",
        "misfire": "once",
        "max_lateness_seconds": 3600,
        "splay_seconds": 0,
        "single_instance": True,
        "depends_on": [],
        "params": {"region": "eu", "days": 3},
        "retry": {},
        "alerts": {},
        "log_level": "INFO",
        "log_truncate_kb": None,
        "timeout_seconds": None,
        "pool": "default",
        "priority": 0,
        "on_worker_lost": "fail",
        "steps": [python_step("copy-orders", table="orders"), python_step("send-summary", to="ops")],
        **fields,
    }


def make_job(job_id: str = "ann-nightly", **fields: Any) -> Job:
    """A saved job; `fields` are those of the frozen form."""
    return schedules.save_job(definition(job_id, **fields), author="test")


def make_run(
    job: Job, state: RunState = RunState.SUCCEEDED, *, lines: Iterable[str] = (), **fields: Any
) -> Run:
    """A run in any state with one step row for each step of its job, each tried once unless it waits."""
    values: dict[str, Any] = {
        "version": job.version,
        "triggered_by": "cron",
        "as_of": NOON,
        "queued_at": NOON,
        "single_instance": state in ACTIVE,
        "snapshot": {"params": dict(job.params), "op_kwargs": {}, "step_enabled": {}},
        **_state_columns(state),
        **fields,
    }
    run = Run.objects.create(job=job, state=state, **values)
    for position, step in enumerate(job.steps.all(), start=1):
        _make_step(run, position, step, _STEP_STATES.get(state, StepState.PENDING))
    add_lines(run, lines)
    return run


def _state_columns(state: RunState) -> Mapping[str, Any]:
    started = (
        {} if state in (RunState.QUEUED, RunState.SKIPPED) else {"started_at": NOON + timedelta(seconds=1)}
    )
    if state == RunState.RUNNING:
        return started | {"claim_token": 1, "lease_until": NOON + timedelta(days=3650), "worker": "test"}
    return started | ({"finished_at": NOON + timedelta(seconds=3.5)} if state in FINAL else {})


def _make_step(run: Run, position: int, step: Any, state: StepState) -> None:
    row = StepRun.objects.create(run=run, position=position, name=step.name, type=step.type, state=state)
    if state != StepState.PENDING:
        Attempt.objects.create(step_run=row, number=1, state=state, started_at=NOON, input={"n": 1})


def add_lines(run: Run, messages: Iterable[str], *, level: int = 1, step: int = 0) -> None:
    """Append log lines, one millisecond after the other."""
    first = run.log_last_seq + 1
    rows = [
        LogLine(
            run=run, seq=seq, at=NOON + timedelta(milliseconds=seq), level=level, step=step, message=message
        )
        for seq, message in enumerate(messages, start=first)
    ]
    LogLine.objects.bulk_create(rows)
    run.log_last_seq += len(rows)
    run.save(update_fields=["log_last_seq"])
