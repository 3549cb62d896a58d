"""`/nomaflow` and the pages below it that are about jobs."""

from __future__ import annotations

from django.urls import path

import jobs_app.api.urls  # noqa: F401  registers the job_id converter
from jobs_app import views

urlpatterns = [
    path("", views.Catalogue.as_view(), name="jobs"),
    path("/tally", views.Tally.as_view(), name="jobs-tally"),
    path("/jobs/<job_id:job_id>", views.Detail.as_view(), name="job"),
    path("/jobs/<job_id:job_id>/card", views.OneCard.as_view(), name="job-card"),
    path("/jobs/<job_id:job_id>/run", views.RunDialog.as_view(), name="job-run-dialog"),
]
