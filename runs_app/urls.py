"""`/nomaflow/runs…`: the pages about runs."""

from __future__ import annotations

from django.urls import path

import runs_app.api.urls  # noqa: F401  registers the run_id converter
from runs_app import views

urlpatterns = [
    path("runs", views.RunListPage.as_view(), name="runs"),
    path("runs/<run_id:run>", views.RunDetailPage.as_view(), name="run"),
    path("runs/<run_id:run>/live", views.RunFragment.as_view(), name="run-live"),
    path("runs/<run_id:run>/cancel", views.RunCancelDialog.as_view(), name="run-cancel"),
]
