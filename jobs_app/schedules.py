"""Saving a job: its rows, its version, its place in the schedule, all in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Max

from jobs_app import audit, mirror
from jobs_app.cron import parse as parse_cron
from jobs_app.definition import ORDER, freeze
from jobs_app.models import Job, JobVersion, Step
from jobs_app.params import diff, same
from jobs_app.problems import DefinitionError, Problem, show

_JOB_FIELDS = [name for name in ORDER if name not in ("id", "steps")]
_TIMING = ("schedule", "timezone", "enabled", "splay_seconds")
"""Whoever changes one of these starts anew: an edit never fires the past."""


def save_job(
    cleaned: Mapping[str, Any],
    *,
    author: str,
    reason: str = "",
    address: str | None = None,
    built_in: bool = False,
) -> Job:
    """Store what `clean_job` returned and give back the job; nothing is written when nothing changed.

    Raises `DefinitionError` when a step would change its type.
    """
    with transaction.atomic():
        job = Job.objects.select_for_update().filter(pk=cleaned["id"]).first()
        before = freeze(job) if job else None
        if job and before is not None and same(before, cleaned):
            return job
        job = job or Job(pk=cleaned["id"], built_in=built_in)
        _refuse_new_types(before, cleaned)
        _write(job, before, cleaned)
        job.version = _new_version(cleaned, author=author, reason=reason)
        job.save(update_fields=["version"])
        mirror.write(job)
        audit.record(
            author,
            "job.saved" if before else "job.created",
            kind="job",
            id=job.pk,
            address=address,
            version=job.version.number,
            changes=changes(before or {}, cleaned),
        )
    return job


def set_enabled(job: Job, enabled: bool, *, author: str, address: str | None = None) -> Job:
    """Honour the job's schedule or not; like every save it makes a version."""
    with transaction.atomic():
        current = Job.objects.select_for_update().get(pk=job.pk)
        return save_job({**freeze(current), "enabled": enabled}, author=author, address=address)


def delete_job(job: Job, *, author: str, address: str | None = None) -> None:
    """Remove the job; its runs and versions stay.

    Raises `DefinitionError` while a run of it is active or another job depends on it.
    """
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job.pk)
        if job.built_in:
            raise DefinitionError.one("id", f"{job.pk} is built in; disable it instead")
        if others := Job.objects.filter(depends_on__contains=[job.pk]).values_list("pk", flat=True)[:3]:
            raise DefinitionError.one("id", f"{job.pk} cannot go: {', '.join(others)} depends on it")
        if active := job.runs.active().first():
            raise DefinitionError.one("id", f"{job.pk} is running ({active.run_id}); cancel it first")
        mirror.remove(job.pk)
        audit.record(author, "job.deleted", kind="job", id=job.pk, address=address)
        job.delete()


def refresh_next_fire(job: Job, now: datetime) -> None:
    """Start the job's schedule anew at `now`, in memory: every fire up to then counts as decided."""
    job.cursor = now
    job.next_fire = next_fire(job, now) if job.enabled else None


def next_fire(job: Job, after: datetime) -> datetime | None:
    """When the scheduler next acts for the job, its splay included; None without a schedule."""
    if not job.schedule:
        return None
    fire = parse_cron(job.schedule, job.timezone).next(after)
    return fire + splay(job) if fire else None


def splay(job: Job) -> timedelta:
    """How long after its instant this job is started: the same for every fire, different for every job.

    >>> splay(Job(id="a", splay_seconds=60)) == splay(Job(id="a", splay_seconds=60)) <= timedelta(minutes=1)
    True
    """
    digest = int.from_bytes(sha256(job.pk.encode()).digest()[:8], "big")
    return timedelta(seconds=digest % (job.splay_seconds + 1))


def database_clock() -> datetime:
    """Now, as the database says: the only clock that decides what is due."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """What a save changed: `{field: [old, new]}`, and for steps only which of them.

    >>> changes({"tags": [], "pool": "a"}, {"tags": ["x"], "pool": "a"})
    {'tags': [[], ['x']]}
    """
    found: dict[str, Any] = {
        name: [before.get(name), value] for name, value in diff(before, after).items() if name != "steps"
    }
    old = {step["name"]: step for step in before.get("steps", [])}
    new = {step["name"]: step for step in after.get("steps", [])}
    touched = {
        "added": [name for name in new if name not in old],
        "removed": [name for name in old if name not in new],
        "changed": [name for name in new if name in old and not same(old[name], new[name])],
    }
    return found | ({"steps": touched} if any(touched.values()) else {})


def _refuse_new_types(before: Mapping[str, Any] | None, cleaned: Mapping[str, Any]) -> None:
    locked = {step["name"]: step["type"] for step in (before or {}).get("steps", [])}
    paths = {
        ("steps", index, "type"): f"“{step['name']}” is a {locked[step['name']]} step and stays one; "
        "remove it and add a step of another name"
        for index, step in enumerate(cleaned["steps"])
        if locked.get(step["name"], step["type"]) != step["type"]
    }
    if paths:
        raise DefinitionError(Problem(show(path), message, None, path) for path, message in paths.items())


def _write(job: Job, before: Mapping[str, Any] | None, cleaned: Mapping[str, Any]) -> None:
    for name in _JOB_FIELDS:
        setattr(job, name, cleaned[name])
    if before is None or any(before[name] != cleaned[name] for name in _TIMING):
        refresh_next_fire(job, database_clock())
    try:
        with transaction.atomic():
            job.save(force_insert=before is None)
    except IntegrityError:
        raise DefinitionError.one("id", f"“{job.pk}” was created by somebody else just now") from None
    if before is None or not same(before["steps"], cleaned["steps"]):
        _write_steps(job, cleaned["steps"])


def _write_steps(job: Job, steps: list[dict[str, Any]]) -> None:
    """Rows of steps that stay keep their key; places and names are unique at the commit only."""
    rows = {step.name: step for step in job.steps.all()}
    job.steps.exclude(name__in=[step["name"] for step in steps]).delete()
    for position, step in enumerate(steps, start=1):
        row = rows.get(step["name"]) or Step(job=job, name=step["name"])
        row.position = position
        for name, value in step.items():
            setattr(row, name, value)
        row.save()
    # Forget what a prefetch may have kept.
    getattr(job, "_prefetched_objects_cache", {}).pop("steps", None)


def _new_version(cleaned: Mapping[str, Any], *, author: str, reason: str) -> JobVersion:
    """The next number; a job made again under an old id goes on counting where that one ended."""
    last = JobVersion.objects.filter(job_id=cleaned["id"]).aggregate(Max("number"))["number__max"]
    return JobVersion.objects.create(
        job_id=cleaned["id"],
        number=(last or 0) + 1,
        definition=dict(cleaned),
        author=author[:150],
        reason=reason,
    )
