"""Jobs as a catalogue has them: one running, one failing, one healthy, one paused, one that never ran."""

from __future__ import annotations

from datetime import timedelta

from jobs_app.models import Job
from runs_app.models import Attempt, Run
from runs_app.states import RunState, StepState
from tests.factories import NOON, make_job, make_run, python_step


def past(job: Job, state: RunState, *, minutes: int, days: int = 0) -> Run:
    start = NOON - timedelta(days=days)
    return make_run(
        job, state, queued_at=start, started_at=start, finished_at=start + timedelta(minutes=minutes)
    )


def fill() -> None:
    """The jobs of ann, each in a state of its own."""
    healthy = make_job("ann-healthy", schedule="0 2 * * *", params={"target_connector": "reporting"})
    for day in range(25, 0, -1):
        past(healthy, RunState.FAILED if day == 7 else RunState.SUCCEEDED, minutes=1 + day % 5, days=day)
    make_run(healthy, RunState.SKIPPED, finished_at=NOON, reason="single-instance, previous still running")
    fail(make_job("ann-failing", description="Refreshes the directory.", tags=["ldap"]))
    make_run(make_job("ann-running", schedule="*/15 6-20 * * mon-fri"), RunState.RUNNING)
    make_job("ann-paused", enabled=False, schedule="0 6 * * *", description="", tags=[])
    make_job("ann-single", params={}, steps=[python_step("only")])


def fail(job: Job) -> Run:
    run = past(job, RunState.FAILED, minutes=2)
    step = run.steps.get(position=1)
    step.error_class, step.error_message = "TimeoutError", "no answer from ldap.example.com:636 within 30 s"
    type(step).objects.filter(pk=step.pk).update(
        state=StepState.FAILED, error_class=step.error_class, error_message=step.error_message
    )
    Attempt.objects.create(step_run=step, number=1, state=StepState.FAILED, started_at=NOON)
    return run
