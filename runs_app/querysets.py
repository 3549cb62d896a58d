"""Where rows of the record are narrowed to what a user may see."""

from __future__ import annotations

from typing import Any, Self

from django.db import models

from jobs_app.permissions import permissions_of
from runs_app import run_ids, states


class RunQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: Any) -> Self:
        """Only runs of the jobs this user may view."""
        return self.filter(permissions_of(user).job_filter("view", field="job_id"))

    def shown_as(self, run_id: str) -> Self:
        """The run a shown id names; none when the text is no id."""
        try:
            return self.filter(pk=run_ids.parse(run_id))
        except ValueError:
            return self.none()

    def active(self) -> Self:
        return self.filter(state__in=states.ACTIVE)
