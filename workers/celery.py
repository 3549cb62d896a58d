"""The Celery app: `celery -A workers`. The broker is a doorbell, PostgreSQL the truth."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.base")

app = Celery("nomaflow")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["workers"])


@worker_process_init.connect
def warm_up(**_: Any) -> None:
    """Pay for a pool child's first step before it is asked for."""
    from nomaflow.registry import step_types

    for step_type in step_types().values():
        step_type.warm()
