"""What Celery calls: one task, one function."""

from __future__ import annotations

import os

from celery import Task, shared_task

from nomaflow import names
from workers import engine


@shared_task(bind=True, name=names.EXECUTE_RUN, ignore_result=True)
def execute_run(self: Task, number: int) -> None:
    if not engine.execute(number, worker=f"{self.request.hostname}/{os.getpid()}"):
        os._exit(1)  # a step still holds this process; the record is complete, a fresh child takes over
