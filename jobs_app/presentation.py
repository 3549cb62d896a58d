"""Jobs as plain JSON, the same for the API, the command line and the pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jobs_app.definition import freeze
from jobs_app.models import Job
from jobs_app.querysets import JobQuerySet
from jobs_app.toml_format import ImportResult


def iso(when: datetime | None) -> str | None:
    """UTC with milliseconds.

    >>> iso(datetime(2026, 11, 22, 2, 30, 1, 295999, tzinfo=UTC))
    '2026-11-22T02:30:01.295Z'
    """
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if when else None


def job_dict(job: Any, *, last_run: Any = None) -> dict[str, Any]:
    """A line of the catalogue. `last_run` is the latest run that was not SKIPPED."""
    return {
        "id": job.pk,
        "description": job.description,
        "tags": job.tags,
        "enabled": job.enabled,
        "built_in": job.built_in,
        "schedule": job.schedule or None,
        "timezone": job.timezone,
        "next_fire": iso(job.next_fire) if job.enabled else None,
        "steps": job.step_count,
        "last_run": last_run_dict(last_run) if last_run else None,
        "url": f"/nomaflow/jobs/{job.pk}",
    }


def last_run_dict(run: Any) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "state": run.state,
        "canceling": run.canceling,
        "queued_at": iso(run.queued_at),
        "started_at": iso(run.started_at),
        "finished_at": iso(run.finished_at),
        "duration_ms": run.duration_ms,
    }


def catalogue(jobs: JobQuerySet) -> list[dict[str, Any]]:
    """The lines of a list of jobs, in two queries."""
    found = list(jobs.for_catalogue())
    last = Job.objects.last_runs(found)
    return [job_dict(job, last_run=last.get(job.pk)) for job in found]


def job_detail(job_id: str) -> dict[str, Any]:
    """One job with its whole definition, as the database has it now."""
    job = Job.objects.for_catalogue().get(pk=job_id)
    last_run = Job.objects.last_runs([job]).get(job.pk)
    version = job.version.number if job.version else None
    return job_dict(job, last_run=last_run) | {"version": version, "definition": freeze(job)}


def import_dict(result: ImportResult) -> dict[str, list[str]]:
    """What an import did, by what happened to each name."""
    return {name: list(getattr(result, name)) for name in ("created", "updated", "unchanged", "connectors")}
