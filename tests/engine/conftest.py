"""Runs executed in this process: the engine for real, without Celery around it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, connections

from jobs_app import definition, schedules
from runs_app.dispatch import Overrides, dispatch
from runs_app.models import LogLine, Run
from workers import engine


@pytest.fixture
def perform(transactional_db: None) -> Callable[..., Run]:
    """Make a job of the given puppet steps, dispatch it, execute it to its end."""

    def run(*steps: dict[str, Any], overrides: Overrides | None = None, **fields: Any) -> Run:
        run = dispatch(puppet_job(*steps, **fields), triggered_by="user:ann", overrides=overrides)
        engine.execute(run.pk, worker="test/1")
        return Run.objects.get(pk=run.pk)

    return run


@pytest.fixture
def perform_aside(transactional_db: None) -> Iterator[Callable[..., Run]]:
    """The same in a thread, for runs that are stopped from outside."""
    threads = []

    def run(*steps: dict[str, Any], **fields: Any) -> Run:
        run = dispatch(puppet_job(*steps, **fields), triggered_by="user:ann")

        def body() -> None:
            try:
                engine.execute(run.pk, worker="test/1")
            finally:
                connections.close_all()

        threads.append(threading.Thread(target=body))
        threads[-1].start()
        return run

    yield run
    for thread in threads:
        thread.join(30)
    connection.close()


def puppet_job(*steps: dict[str, Any], **fields: Any) -> Any:
    named = [{"name": f"s{n}", "type": "puppet", **step} for n, step in enumerate(steps, start=1)]
    raw = {"id": "puppet-show", "steps": named, **fields}
    return schedules.save_job(definition.clean_job(raw), author="test")


def messages(run: Run) -> list[str]:
    return list(LogLine.objects.filter(run=run).order_by("seq").values_list("message", flat=True))
