"""The recent past of many jobs at once, as the catalogue's cards show it: two queries, however many jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from runs_app import run_ids
from runs_app.states import StepState

LENGTH = 20

# Two short walks down the index (job, newest first) for each job, however long its history is.
_RECENT = """
SELECT job.id, run.id, run.state, run.started_at, run.finished_at, run.reason, run.cancel_requested_at IS NOT NULL,
       round(extract(epoch FROM run.finished_at - run.started_at) * 1000)::bigint
FROM unnest(%s::text[]) AS job (id)
CROSS JOIN LATERAL (
  (SELECT id, state, started_at, finished_at, reason, cancel_requested_at FROM runs_run
   WHERE job_id = job.id AND state <> 'SKIPPED' ORDER BY runs_run.id DESC LIMIT %s)
  UNION ALL
  (SELECT id, state, started_at, finished_at, reason, cancel_requested_at FROM
     (SELECT * FROM runs_run WHERE job_id = job.id ORDER BY runs_run.id DESC LIMIT 1) AS newest
   WHERE state = 'SKIPPED')
) AS run
ORDER BY job.id, run.id
"""


@dataclass(frozen=True)
class PastRun:
    """One bar of the sparkline."""

    number: int
    state: str
    started_at: datetime | None
    finished_at: datetime | None
    reason: str
    canceling: bool
    duration_ms: int | None

    @property
    def run_id(self) -> str:
        return run_ids.show(self.number)

    @property
    def url(self) -> str:
        return f"/nomaflow/runs/{self.run_id}"

    @property
    def active(self) -> bool:
        return self.state in ("QUEUED", "RUNNING")


@dataclass(frozen=True)
class Failure:
    """The step that broke a run, and its exception in one line."""

    step: str
    error_class: str
    message: str


@dataclass
class History:
    """The latest runs of one job, oldest first, those that never started left out."""

    runs: list[PastRun] = field(default_factory=list)
    skipped: PastRun | None = None
    """The newest row of all, when it is a fire that did not start."""
    failure: Failure | None = None

    @property
    def last(self) -> PastRun | None:
        return self.runs[-1] if self.runs else None

    @property
    def last_finish(self) -> datetime | None:
        return next((run.finished_at for run in reversed(self.runs) if run.finished_at), None)

    def add(self, run: PastRun) -> None:
        if run.state == "SKIPPED":
            self.skipped = run
        else:
            self.runs.append(run)


def histories(job_ids: Sequence[str]) -> dict[str, History]:
    """Job id to its history; every id asked for has one."""
    found = {job_id: History() for job_id in job_ids}
    with connection.cursor() as cursor:
        cursor.execute(_RECENT, [list(job_ids), LENGTH])
        for job_id, *columns in cursor.fetchall():
            found[job_id].add(PastRun(*columns))
    _add_failures(found)
    return found


def _add_failures(found: dict[str, History]) -> None:
    from runs_app.models import StepRun  # the models' querysets use this module

    broken = {
        history.last.number: history
        for history in found.values()
        if history.last and history.last.state in ("FAILED", "PARTIAL")
    }
    if not broken:
        return
    steps = StepRun.objects.filter(run_id__in=broken, state=StepState.FAILED).order_by("run_id", "position")
    for step in steps.values("run_id", "name", "error_class", "error_message"):
        line = (step["error_message"] or "").strip().partition("\n")[0]
        broken[step["run_id"]].failure = Failure(step["name"], step["error_class"], line[:500])
