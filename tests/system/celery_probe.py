"""A Celery app whose one task runs python steps, for `celery -A tests.system.celery_probe worker`."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path

import django
from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.test")
django.setup()

from tests.workers.python_execution import Background, PythonExecution  # noqa: E402
from workers.executors.python import Python  # noqa: E402

app = Celery("probe", broker=os.environ["NOMAFLOW_BROKER_URL"])
app.conf.update(
    task_default_queue="python-step-probe",
    broker_connection_retry_on_startup=True,
    task_ignore_result=True,
)


@lru_cache
def executor() -> Python:
    """This pool child's, as the registry keeps one."""
    return Python()


@app.task(name="probe")
def probe(callable_: str, params: dict, answer: str) -> None:
    step = Background(executor(), PythonExecution(params=params), callable_)
    step.join()
    text = json.dumps({"output": step.output, "error": str(step.error), "lines": step.ctx.lines.texts()})
    Path(answer).with_suffix(".tmp").write_text(text)
    Path(answer).with_suffix(".tmp").rename(answer)
