"""Whole runs a second: two steps and ten log lines each, everything in the table."""

from __future__ import annotations

from typing import Any

from benchmarks.stage import figure, finish, puppet_job, stage, worker

WORKERS = 2


def measure(*, quick: bool = False) -> list[dict[str, Any]]:
    count = 40 if quick else 400
    with stage():
        from runs_app.models import LogLine, Run

        job = puppet_job("whole", steps=2, lines=5)
        with worker(concurrency=WORKERS):
            _dispatch(job, 2 * WORKERS)
            numbers = [run.pk for run in _dispatch(job, count)]
        runs = Run.objects.filter(pk__in=numbers)
        times = runs.values_list("queued_at", "finished_at")
        begun, ended = min(begin for begin, _ in times), max(end for _, end in times if end)
        seconds = (ended - begun).total_seconds()
        lines = LogLine.objects.filter(run__in=numbers).count()
    return [
        figure(f"whole runs, {WORKERS} at once", count / seconds, "runs/s", limit=60),
        figure("their log lines", lines / count, "a run"),
    ]


def _dispatch(job: Any, count: int) -> list[Any]:
    from runs_app.dispatch import dispatch

    runs = [dispatch(job, triggered_by="cli") for _ in range(count)]
    finish(runs)
    return runs
