"""`/admin/jobs…`: what should run. The addresses of runs stand before these, in `runs_app.api.urls`."""

from __future__ import annotations

from django.urls import path, register_converter

from jobs_app.api import views


class JobId:
    """Only what can be a job's id; anything else is no address."""

    regex = r"[A-Za-z0-9_-]{1,128}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(JobId, "job_id")

urlpatterns = [
    path("", views.JobList.as_view(), name="api-jobs"),
    path("/import", views.JobImport.as_view(), name="api-job-import"),
    path("/<job_id:job_id>", views.JobDetail.as_view(), name="api-job"),
    path("/<job_id:job_id>/export", views.JobExport.as_view(), name="api-job-export"),
    path("/<job_id:job_id>/enable", views.JobEnable.as_view(), name="api-job-enable"),
    path("/<job_id:job_id>/disable", views.JobDisable.as_view(), name="api-job-disable"),
]
