"""Rows the Django admin may change: each change leaves its row in the audit trail, beside Django's own log."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from jobs_app import audit


def actor(request: HttpRequest) -> str:
    return f"user:{request.user.get_username()}"


def address(request: HttpRequest) -> str | None:
    return audit.ip_address(request.META.get("REMOTE_ADDR", ""))


class Audited(admin.ModelAdmin):
    """Mixed in before the model's own admin. Names of changed fields are kept, values are not: one is a password."""

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        self.audit(request, "added", obj, changes=message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        self.audit(request, "changed", obj, changes=message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
        for obj in queryset:
            self.audit(request, "deleted", obj)
        return super().log_deletions(request, queryset)

    def audit(self, request: HttpRequest, verb: str, obj: Model, **detail: Any) -> None:
        kind = str(obj._meta.model_name)[:32]
        audit.record(
            actor(request), f"{kind}.{verb}", kind=kind, id=str(obj), address=address(request), **detail
        )
