"""Due instants of schedules become runs, once, however often and by however many they are recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from jobs_app.models import Job
from runs_app import lifecycle, queue
from runs_app.dispatch import ONE_ACTIVE, Overrides, new_run, new_steps, violated
from runs_app.models import Run
from runs_app.states import Reason

MEETS_ACTIVE = (Reason.SINGLE_INSTANCE, "single-instance, previous still running")


@dataclass(frozen=True, kw_only=True)
class Fire:
    """One due instant of a schedule; `skip` is the reason code and sentence when it must not start."""

    job: Job
    scheduled_for: datetime
    preset: str = ""
    skip: tuple[str, str] | None = None


def record_fires(fires: Sequence[Fire]) -> list[Run]:
    """Each fire becomes one run or one SKIPPED row; one recorded before becomes nothing.

    A fire that meets an active run of a single-instance job is SKIPPED. Call it inside the transaction that
    moves the jobs' cursors; the doorbells ring after its commit.
    """
    try:
        with transaction.atomic():
            return _record_together(fires)
    except IntegrityError:  # somebody else was at one of them: each for itself
        return [run for fire in fires if (run := _record_alone(fire)) is not None]


def _record_together(fires: Sequence[Fire]) -> list[Run]:
    """A handful of statements however many fires there are."""
    busy = set(
        Run.objects.active()
        .filter(job_id__in={fire.job.pk for fire in fires}, single_instance=True)
        .values_list("job_id", flat=True)
    )
    queued, skipped = [], []
    for fire in fires:
        run = _born(fire)
        reason = fire.skip or (MEETS_ACTIVE if run.single_instance and fire.job.pk in busy else None)
        if reason:
            skipped.append((run, *reason))
            continue
        queued.append(run)
        busy.add(fire.job.pk)
    lifecycle.queue_up_all([(run, new_steps(run)) for run in queued])
    lifecycle.skip_all(skipped)
    queue.ring_aside(queued)
    return queued + [run for run, *_reason in skipped]


def _record_alone(fire: Fire) -> Run | None:
    run = _born(fire)
    if fire.skip:
        return _skip(run, fire.skip)
    try:
        with transaction.atomic():
            lifecycle.queue_up_all([(run, new_steps(run))])
    except IntegrityError as error:
        return _skip(_born(fire), MEETS_ACTIVE) if violated(error) == ONE_ACTIVE else None
    queue.ring_aside([run])
    return run


def _skip(run: Run, reason: tuple[str, str]) -> Run | None:
    try:
        with transaction.atomic():
            lifecycle.skip_all([(run, *reason)])
    except IntegrityError:
        return None
    return run


def _born(fire: Fire) -> Run:
    run = new_run(
        fire.job, Overrides(), triggered_by="cron", scheduled_for=fire.scheduled_for, as_of=fire.scheduled_for
    )
    run.preset = run.trigger_detail = fire.preset
    return run
