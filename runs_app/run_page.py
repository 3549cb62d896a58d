"""Everything the page of one run shows, gathered once."""

from __future__ import annotations

import json
import statistics
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.utils import timezone

from jobs_app.models import Job
from jobs_app.permissions import permissions_of
from nomaflow import registry
from runs_app import reasons, timeline
from runs_app.models import LogLine, Run, StepRun
from runs_app.presentation import shown_snapshot
from runs_app.states import ACTIVE, RunState, StepState
from runs_app.timeline import Row

USUAL_OF, USUAL_NEEDS = 30, 8
STILL_WAITING = timedelta(seconds=10)
"""After this long a cancel says that the step is being waited for."""
_ERROR = 3


@dataclass(frozen=True)
class StepNote:
    """What a cancel will do to a step in flight."""

    step: StepRun
    sentence: str


@dataclass(frozen=True)
class RunPage:
    """A run loaded with `with_details`, as `user` sees it."""

    run: Run
    user: Any
    now: datetime

    @classmethod
    def of(cls, run: Run, user: Any) -> RunPage:
        return cls(run, user, timezone.now())

    @cached_property
    def job(self) -> Job | None:
        """None when the job was deleted; its history stays."""
        return Job.objects.filter(pk=self.run.job_id).only("id", "timezone").first()

    @property
    def zone(self) -> str:
        return self.job.timezone if self.job else "UTC"

    @cached_property
    def rows(self) -> list[Row]:
        return timeline.rows(self.run)

    @property
    def axis(self) -> tuple[datetime, datetime]:
        return timeline.axis(self.run, self.now)

    @property
    def step_names(self) -> str:
        return json.dumps([row.step.name for row in self.rows])

    @property
    def active(self) -> bool:
        return self.run.state in ACTIVE

    @cached_property
    def may_cancel(self) -> bool:
        return self.active and permissions_of(self.user).may("cancel", self.run.job_id)

    @property
    def still_waiting(self) -> bool:
        asked = self.run.cancel_requested_at
        return self.run.canceling and asked is not None and self.now - asked > STILL_WAITING

    @property
    def queued_ms(self) -> int | None:
        """How long it waited for a worker, or has waited so far."""
        begun = self.run.started_at or self.run.finished_at
        return None if begun is None else max(0, round((begun - self.run.queued_at).total_seconds() * 1000))

    @cached_property
    def usual_ms(self) -> float | None:
        """The median of the job's last 30 successes before this run; None when there are not enough."""
        good = Run.objects.filter(job_id=self.run.job_id, state=RunState.SUCCEEDED, pk__lt=self.run.pk)
        times = good.order_by("-id").values_list("started_at", "finished_at")[:USUAL_OF]
        known = [(end - start).total_seconds() * 1000 for start, end in times if start and end]
        return statistics.median(known) if len(known) >= USUAL_NEEDS else None

    @property
    def reason(self) -> str:
        return reasons.of_run(self.run, [row.step for row in self.rows])

    @property
    def steps(self) -> reasons.Summary:
        return reasons.summary(row.step for row in self.rows)

    @property
    def snapshot(self) -> str:
        return timeline.text(shown_snapshot(self.run))

    @property
    def children(self) -> list[Run]:
        """Runs this one started that the user may see."""
        return list(self._linked().filter(parent_id=self.run.pk).order_by("id")[:20])

    @cached_property
    def parent(self) -> Run | None:
        return self._linked().filter(pk=self.run.parent_id).first() if self.run.parent_id else None

    @cached_property
    def original(self) -> Run | None:
        return self._linked().filter(pk=self.run.replay_of_id).first() if self.run.replay_of_id else None

    def _linked(self) -> Any:
        return Run.objects.visible_to(self.user).only("id", "job_id", "state")

    @cached_property
    def focus_line(self) -> int | None:
        """The first error of the try that failed the run: what the reader came for."""
        failed = next((row for row in self.rows if row.step.state == StepState.FAILED and row.tries), None)
        if self.active or failed is None:
            return None
        lines = LogLine.objects.filter(run_id=self.run.pk, seq__gte=failed.tries[-1].attempt.first_seq)
        found = lines.filter(level=_ERROR, step=failed.step.position).order_by("seq")
        return found.values_list("seq", flat=True).first()

    @property
    def dropped_kb(self) -> int:
        return -(-self.run.log_dropped_bytes // 1024)

    @property
    def in_flight(self) -> list[StepNote]:
        """The steps a cancel would stop, each with what its type does then."""
        running = [row.step for row in self.rows if row.step.state == StepState.RUNNING]
        types = registry.step_types()
        return [
            StepNote(step, str(types[step.type].cancel_note) if step.type in types else "")
            for step in running
        ]
