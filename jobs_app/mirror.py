"""A read-only copy of each schedule in django-celery-beat's tables, for those who know them.

Nothing fires from these rows: `NomaScheduler` leaves them out. The description carries the true expression.
"""

from __future__ import annotations

from django_celery_beat.models import CrontabSchedule, PeriodicTask

from jobs_app.cron import Cron, parse
from jobs_app.cron_fields import ALIASES
from jobs_app.models import Job
from nomaflow.names import MIRROR_TASK

_PREFIX = "nomaflow: "


def write(job: Job) -> None:
    """Bring the copy in line with a job just saved: none without a schedule.

    Written past the signals: they would make every beat process reload its own entries.
    """
    if not job.schedule:
        return remove(job.pk)
    cron = parse(job.schedule, job.timezone)
    fields, exact = nearest(cron)
    crontab = CrontabSchedule.objects.filter(**fields, timezone=job.timezone).order_by("pk").first()
    if crontab is None:
        (crontab,) = CrontabSchedule.objects.bulk_create([CrontabSchedule(**fields, timezone=job.timezone)])
    values = {
        "task": MIRROR_TASK,
        "crontab": crontab,
        "enabled": job.enabled,
        "description": _description(job, exact),
    }
    if not PeriodicTask.objects.filter(name=_PREFIX + job.pk).update(**values):
        PeriodicTask.objects.bulk_create([PeriodicTask(name=_PREFIX + job.pk, **values)])
    return None


def remove(job_id: str) -> None:
    """Drop the copy of a job that is gone or fires no more."""
    mirrors = PeriodicTask.objects.filter(name=_PREFIX + job_id, task=MIRROR_TASK)
    mirrors._raw_delete(mirrors.db)  # past the signals, see above


def nearest(cron: Cron) -> tuple[dict[str, str], bool]:
    """The five fields of Celery's crontab that come nearest, and whether they mean the same days and minutes.

    >>> nearest(parse("30 9 * * mon"))
    ({'minute': '30', 'hour': '9', 'day_of_month': '*', 'month_of_year': '*', 'day_of_week': '1'}, True)
    >>> nearest(parse("0 0 13 * fri"))[1]
    False
    """
    columns = ALIASES.get(cron.expression.lower(), cron.expression).split()
    days = cron.fields.days
    fields = {
        "minute": _column(columns[0], cron.fields.minutes),
        "hour": _column(columns[1], cron.fields.hours),
        "day_of_month": _column(columns[2], days.month_days, empty="28-31"),
        "month_of_year": _column(columns[3], days.months),
        "day_of_week": _column(
            columns[4], days.weekdays or tuple(sorted({nth.weekday for nth in days.nth_weekdays}))
        ),
    }
    seconds_matter = cron.fields.seconds != (0,)
    return fields, not (seconds_matter or days.either or days.last_day or days.nth_weekdays)


def _column(written: str, values: tuple[int, ...], *, empty: str = "*") -> str:
    """`*` and `*/n` as they are written, everything else as the list of its values."""
    if written.startswith("*") and "," not in written:
        return written
    return ",".join(map(str, values)) or empty


def _description(job: Job, exact: bool) -> str:
    note = "" if exact else " The crontab beside this is approximate: Celery cannot say this schedule."
    return f"{job.schedule} ({job.timezone}). Copy of the schedule of job {job.pk}; change it there.{note}"
