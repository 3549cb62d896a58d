"""Where rows of the record are narrowed to what a user may see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from django.db import models

from jobs_app.permissions import permissions_of
from runs_app import run_ids, states
from runs_app.histories import History, histories


class RunQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: Any) -> Self:
        """Only runs of the jobs this user may view."""
        return self.with_job_text().filter(permissions_of(user).job_filter("view", field="job_text"))

    def with_job_text(self) -> Self:
        """The job's id as the text it is, under `job_text`: a foreign key knows neither regex nor icontains."""
        text = models.ExpressionWrapper(models.F("job_id"), output_field=models.CharField())
        return self.alias(job_text=text)

    def shown_as(self, run_id: str) -> Self:
        """The run a shown id names; none when the text is no id."""
        try:
            return self.filter(pk=run_ids.parse(run_id))
        except ValueError:
            return self.none()

    def histories(self, job_ids: Sequence[str]) -> dict[str, History]:
        """Job id to its recent past, for jobs the reader may view."""
        return histories(job_ids)

    def active(self) -> Self:
        return self.filter(state__in=states.ACTIVE)

    def for_list(self) -> Self:
        """Without the columns a list never shows."""
        return self.defer("snapshot")

    def with_details(self) -> Self:
        """With the steps, their attempts and the number of the frozen definition: three queries."""
        return self.select_related("version").defer("version__definition").prefetch_related("steps__attempts")
