"""`/admin/jobs/…`: starting runs, and what happened."""

from __future__ import annotations

from django.urls import path, register_converter

import jobs_app.api.urls  # noqa: F401  registers the job_id converter
from runs_app import run_ids
from runs_app.api import views


class RunId:
    """A shown run id in any case; the view receives its number."""

    regex = r"[Rr][Uu][Nn]_[0-9A-Za-z]{5,13}"

    def to_python(self, value: str) -> int:
        return run_ids.parse(value)

    def to_url(self, value: int) -> str:
        return run_ids.show(value)


register_converter(RunId, "run_id")

urlpatterns = [
    path("runs", views.RunList.as_view(), name="api-runs"),
    path("runs/<run_id:run>", views.RunDetail.as_view(), name="api-run"),
    path("runs/<run_id:run>/logs", views.RunLogs.as_view(), name="api-run-logs"),
    path("runs/<run_id:run>/cancel", views.RunCancel.as_view(), name="api-run-cancel"),
    path("runs/<run_id:run>/abort", views.RunCancel.as_view(), name="api-run-abort"),
    path("<job_id:job_id>/run", views.JobRun.as_view(), name="api-job-run"),
]
