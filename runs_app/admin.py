"""The raw tables for support staff: to be looked at, never edited."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from runs_app import logs, presentation
from runs_app.models import Attempt, Run, RunEvent, StepRun

LAST_LINES = 100


class ReadOnly(admin.ModelAdmin):
    """Only `lifecycle` writes these rows, so the admin offers no way to."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Run)
class RunAdmin(ReadOnly):
    list_display = ("run_id", "job_id", "state", "reason", "triggered_by", "queued_at", "finished_at")
    list_filter = ("state", "reason_code", "pool")
    search_fields = ("=job__id", "triggered_by")
    readonly_fields = ("page", "last_lines")
    list_select_related = False

    @admin.display(description=_("run page"))
    def page(self, run: Run) -> SafeString:
        return format_html('<a href="{}">{}</a>', presentation.url(run), run.run_id)

    @admin.display(description=_("last log lines"))
    def last_lines(self, run: Run) -> SafeString:
        lines = logs.read(run, tail=LAST_LINES).lines
        return format_html(
            "<pre>{}</pre>", format_html_join("\n", "{}", ((logs.text(x, {}),) for x in lines))
        )


@admin.register(StepRun)
class StepRunAdmin(ReadOnly):
    list_display = ("run", "position", "name", "type", "state", "reason", "attempts_made", "rows_affected")
    list_filter = ("state", "type")
    list_select_related = ("run",)
    search_fields = ("=name",)


@admin.register(Attempt)
class AttemptAdmin(ReadOnly):
    list_display = ("step_run", "number", "state", "reason", "started_at", "finished_at")
    list_filter = ("state",)
    list_select_related = ("step_run__run",)


@admin.register(RunEvent)
class RunEventAdmin(ReadOnly):
    list_display = ("at", "run", "kind", "detail")
    list_filter = ("kind",)
    list_select_related = ("run",)
