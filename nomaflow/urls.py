"""Every address. No trailing slash; `nomaflow.middleware.slashed_form` lets the slashed form answer too."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.urls import include, path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView

from nomaflow import health, navigation, sign_in

urlpatterns = [
    path("", RedirectView.as_view(url="/nomaflow"), name="root"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("django-admin/", admin.site.urls),
    path("nomaflow/sign-in", sign_in.SignIn.as_view(), name="sign-in"),
    path("nomaflow/sign-out", sign_in.SignOut.as_view(), name="sign-out"),
    path(
        "nomaflow/counts",
        never_cache(login_required(require_safe(navigation.counts))),
        name="navigation-counts",
    ),
    path("nomaflow/", include("runs_app.urls")),
    path("nomaflow", include("jobs_app.urls")),
    # Runs first: `runs` under /admin/jobs/ is no job's id.
    path("admin/jobs/", include("runs_app.api.urls")),
    path("admin/jobs", include("jobs_app.api.urls")),
]

handler400 = "nomaflow.errors.bad_request"
handler403 = "nomaflow.errors.forbidden"
handler404 = "nomaflow.errors.not_found"
handler500 = "nomaflow.errors.server_error"
