"""Jobs as plain JSON, the same for the API, the command line and the pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from jobs_app.definition import freeze
from jobs_app.models import Job


def iso(when: datetime | None) -> str | None:
    """UTC with milliseconds.

    >>> iso(datetime(2026, 11, 22, 2, 30, 1, 295999, tzinfo=UTC))
    '2026-11-22T02:30:01.295Z'
    """
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") if when else None


def job_dict(job: Job, *, last_run: Any = None) -> dict[str, Any]:
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


def job_detail(job: Job, *, last_run: Any = None) -> dict[str, Any]:
    """One job with its whole definition."""
    version = job.version.number if job.version else None
    return job_dict(job, last_run=last_run) | {"version": version, "definition": freeze(job)}
