from __future__ import annotations

from django.apps import AppConfig


class NomaflowConfig(AppConfig):
    name = "nomaflow"
    label = "nomaflow"

    def ready(self) -> None:
        """Wire the parts together: every process that rings a doorbell needs the Celery app."""
        import workers.celery  # noqa: F401
