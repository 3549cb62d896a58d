"""Due jobs become runs: one transaction claims them, records every fire and moves their cursors on.

Any number of beats may do this at once. A job is locked by one of them at a time, "due" is what the database's
clock says, and the unique key on (job, preset, instant) is the fence that holds whatever else goes wrong.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError, connection, transaction

from jobs_app.cron import parse as parse_cron
from jobs_app.models import Job
from jobs_app.schedules import database_clock, splay
from runs_app.fires import Fire, record_fires
from runs_app.models import Run
from runs_app.states import Reason
from workers.decide import Decision, Policy, decide

log = logging.getLogger(__name__)

BATCH = 250
AGAIN_AFTER = timedelta(minutes=1)
"""A job whose schedule cannot be decided is looked at again after this."""


@dataclass(frozen=True)
class Claimed:
    """One round: how many jobs were due, how many rows were written."""

    jobs: int = 0
    runs: int = 0


def claim_due(*, limit: int = BATCH) -> Claimed:
    """Decide at most `limit` due jobs; the doorbells ring after the commit.

    Raises Django's database errors when the database is away; nothing is then decided.
    """
    try:
        return _claim(limit)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("a round of the schedule failed; deciding its jobs one by one")
        return _claim(limit, apart=True)


def seconds_until_due() -> float | None:
    """From now to the earliest next fire, by the database's clock, negative when it is past; None without any."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM min(next_fire) - clock_timestamp())::float8"
            " FROM jobs_job WHERE enabled AND next_fire IS NOT NULL"
        )
        return cursor.fetchone()[0]


def _claim(limit: int, *, apart: bool = False) -> Claimed:
    with transaction.atomic():
        jobs = _due(limit)
        if not jobs:
            return Claimed()
        now = database_clock()
        busy = _busy(jobs)
        settle = _settle_apart if apart else _settle
        runs = settle(jobs, now, busy)
        Job.objects.bulk_update(jobs, ["cursor", "next_fire"])
    return Claimed(len(jobs), runs)


def _due(limit: int) -> list[Job]:
    return list(
        Job.objects.select_related("version")
        .select_for_update(skip_locked=True, of=("self",))
        .filter(enabled=True, next_fire__isnull=False)
        .extra(where=["jobs_job.next_fire <= clock_timestamp()"])
        .order_by("next_fire")[:limit]
    )


def _busy(jobs: Sequence[Job]) -> set[str]:
    """Jobs whose next fire waits for an active run; asked only for those that care."""
    waiting = [job.pk for job in jobs if job.misfire == "all" and job.single_instance]
    return (
        set(Run.objects.active().filter(job_id__in=waiting).values_list("job_id", flat=True))
        if waiting
        else set()
    )


def _settle(jobs: Sequence[Job], now: datetime, busy: set[str]) -> int:
    fires = [fire for job in jobs for fire in _fires(job, _decide(job, now, busy=job.pk in busy))]
    return len(record_fires(fires))


def _settle_apart(jobs: Sequence[Job], now: datetime, busy: set[str]) -> int:
    """Each job in a savepoint of its own, so that what is wrong with one stays its own trouble."""
    return sum(_settle_or_postpone(job, now, busy) for job in jobs)


def _settle_or_postpone(job: Job, now: datetime, busy: set[str]) -> int:
    """The cursor of a job that cannot be decided stays: once it is mended, what it missed is found."""
    before = job.cursor
    try:
        with transaction.atomic():
            return _settle([job], now, busy)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("job %s cannot be scheduled; trying again in a minute", job.pk)
        job.cursor, job.next_fire = before, now + AGAIN_AFTER
        return 0


def _decide(job: Job, now: datetime, *, busy: bool) -> Decision:
    """Decide the job's fires in nominal time and move the job, in memory, past them."""
    shift = splay(job)
    nominal = now - shift
    made = decide(
        parse_cron(job.schedule, job.timezone),
        cursor=job.cursor or nominal,
        now=nominal,
        policy=Policy(
            misfire=job.misfire,
            max_lateness=timedelta(seconds=job.max_lateness_seconds),
            one_at_a_time=job.single_instance,
        ),
        busy=busy,
    )
    job.cursor = made.cursor
    job.next_fire = made.next_fire + shift if made.next_fire else None
    if made.unrecorded:
        log.warning("job %s: %s missed fires are too many for rows of their own", job.pk, made.unrecorded)
    return made


def _fires(job: Job, made: Decision) -> list[Fire]:
    missed = [Fire(job=job, scheduled_for=at, skip=(Reason.MISFIRE, reason)) for at, reason in made.skipped]
    return missed + [Fire(job=job, scheduled_for=at) for at in made.run]
