"""The Celery app: `celery -A workers`. The broker is a doorbell, PostgreSQL the truth."""

from __future__ import annotations

import os
from typing import Any

from billiard import current_process
from celery import Celery
from celery.signals import heartbeat_sent, worker_process_init

from workers import pulse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.base")

app = Celery("nomaflow")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["workers"])


@heartbeat_sent.connect
def give_sign(**_: Any) -> None:
    """Every two seconds, while the worker's main process is connected to the broker."""
    pulse.beat()


@worker_process_init.connect
def warm_up(**_: Any) -> None:
    """Pay for a pool child's first step before it is asked for; the first child of each worker sweeps."""
    from nomaflow.registry import step_types
    from workers import sweeper

    for step_type in step_types().values():
        step_type.warm()
    if getattr(current_process(), "index", 0) == 0:
        sweeper.start()
