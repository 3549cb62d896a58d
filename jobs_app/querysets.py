"""Where rows are narrowed to what a user may see."""

from __future__ import annotations

from typing import Any, Self

from django.db import models

from jobs_app.permissions import permissions_of


class JobQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: Any) -> Self:
        """Only the jobs this user may view."""
        return self.filter(permissions_of(user).job_filter("view", field="id"))


class ConnectorQuerySet(models.QuerySet[Any]):
    def visible_to(self, user: Any) -> Self:
        """Only the connectors this user may use."""
        return self.filter(permissions_of(user).connector_filter("use", field="name"))
