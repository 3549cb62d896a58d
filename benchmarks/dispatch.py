"""From a trigger to RUNNING committed, beside bare Celery from publish to body: interleaved pairs, one machine.

Ours inserts the run with its steps, commits, rings, and the worker commits its claim; the end is stamped by the
database after that commit.
"""

from __future__ import annotations

import time
from typing import Any

from benchmarks.stage import figure, finish, median, percentile, process, puppet_job, stage, worker


def measure(*, quick: bool = False) -> list[dict[str, Any]]:
    with stage():
        from benchmarks import bare

        bare_worker = process("-m", "celery", "--app", "benchmarks.bare", "worker", "--concurrency", "1",
                              "--queues", bare.QUEUE, "--without-gossip", "--without-mingle")  # fmt: skip
        with worker(concurrency=1), bare_worker:
            job = puppet_job("dispatch")
            for _ in range(10):  # warm: connections, imports, plans
                _trigger(job)
                bare.publish_and_wait()
            ours, theirs = [], []
            for turn in range(40 if quick else 300):
                if turn % 2:
                    theirs.append(bare.publish_and_wait())
                    ours.append(_trigger(job))
                else:
                    ours.append(_trigger(job))
                    theirs.append(bare.publish_and_wait())
    return _figures(ours, theirs)


def _trigger(job: Any) -> float:
    """Seconds from the call of `dispatch` to RUNNING in the table; returns when the run has ended."""
    from runs_app.dispatch import dispatch
    from runs_app.models import RunEvent

    begun = time.time()
    run = dispatch(job, triggered_by="cli")
    finish([run])
    return RunEvent.objects.get(run=run, kind="claimed").at.timestamp() - begun


def _figures(ours: list[float], theirs: list[float]) -> list[dict[str, Any]]:
    ratio = median([mine / other for mine, other in zip(ours, theirs, strict=True)])
    return [
        figure("trigger to RUNNING, median", 1000 * median(ours), "ms", ratio=median(ours) / median(theirs)),
        figure("trigger to RUNNING, p99", 1000 * percentile(ours, 0.99), "ms", limit=100),
        figure("bare Celery publish to body, median", 1000 * median(theirs), "ms"),
        figure("bare Celery publish to body, p99", 1000 * percentile(theirs, 0.99), "ms"),
        figure("ours beside bare, median of pairs", ratio, "x", limit=2.5),
    ]
