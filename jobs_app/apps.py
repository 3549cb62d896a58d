from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class JobsConfig(AppConfig):
    name = "jobs_app"
    label = "jobs"
    verbose_name = _("Jobs")

    def ready(self) -> None:
        from jobs_app import sign_ins  # noqa: F401  connects its receivers
