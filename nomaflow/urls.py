"""Every address. No trailing slash; `nomaflow.middleware.slashed_form` lets the slashed form answer too."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from nomaflow import health

urlpatterns = [
    path("", RedirectView.as_view(url="/nomaflow"), name="root"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("django-admin/", admin.site.urls),
    path("nomaflow/", include("runs_app.urls")),
    # Runs first: `runs` under /admin/jobs/ is no job's id.
    path("admin/jobs/", include("runs_app.api.urls")),
    path("admin/jobs", include("jobs_app.api.urls")),
]

handler400 = "nomaflow.errors.bad_request"
handler403 = "nomaflow.errors.forbidden"
handler404 = "nomaflow.errors.not_found"
handler500 = "nomaflow.errors.server_error"
