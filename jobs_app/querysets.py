"""Where rows are narrowed to what a user may see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from django.db import models
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Lower

from jobs_app.permissions import permissions_of


class JobQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: Any) -> Self:
        """Only the jobs this user may view."""
        return self.filter(permissions_of(user).job_filter("view", field="id"))

    def for_catalogue(self) -> Self:
        """Alphabetical, with what a card shows beside the job's own columns: `step_count` and `last_run_id`, the
        latest run that was not SKIPPED."""
        runs = self.model.runs.rel.related_model.objects.filter(job_id=OuterRef("pk"))
        latest = runs.exclude(state="SKIPPED").order_by("-id").values("pk")[:1]
        return (
            self.select_related("version")
            .annotate(step_count=Count("steps"), last_run_id=Subquery(latest))
            .order_by(Lower("id"))  # grouping drops the model's own order
        )

    def last_states(self) -> models.QuerySet[Any, Any]:
        """The state of each job's latest run that was not SKIPPED; None for a job that never ran."""
        runs = self.model.runs.rel.related_model.objects.filter(job_id=OuterRef("pk"))
        latest = Subquery(runs.exclude(state="SKIPPED").order_by("-id").values("state")[:1])
        return self.values_list(latest, flat=True)

    def histories(self, jobs: Iterable[Any]) -> dict[str, Any]:
        """Job id to its recent past; see `RunQuerySet.histories`."""
        return self.model.runs.rel.related_model.objects.histories([job.pk for job in jobs])

    def last_runs(self, jobs: Iterable[Any]) -> dict[str, Any]:
        """Job id to its last run, for jobs that came from `for_catalogue`; one query."""
        numbers = [job.last_run_id for job in jobs if job.last_run_id]
        runs = self.model.runs.rel.related_model.objects.defer("snapshot").filter(pk__in=numbers)
        return {run.job_id: run for run in runs}


class ConnectorQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: Any) -> Self:
        """Only the connectors this user may use."""
        return self.filter(permissions_of(user).connector_filter("use", field="name"))
