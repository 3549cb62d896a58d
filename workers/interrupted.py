"""Ends what a worker could not finish in the time it had to stop: `python -m workers.interrupted <worker>`.

The warden calls it once nothing of its worker runs any more; it is a process of its own because the warden has no
Django.
"""

from __future__ import annotations

import os
import sys

import django


def end_runs_of(worker: str) -> int:
    """Cancel, as interrupted, every run that a pool child of `worker` held; how many there were."""
    from runs_app import lifecycle, logs
    from runs_app.models import Run
    from runs_app.states import RunState

    ended = 0
    for run in Run.objects.filter(state=RunState.RUNNING, worker__startswith=f"{worker}/"):
        if lifecycle.interrupt(run):
            logs.close(run, f"run {run.run_id} · CANCELED · its worker was stopped")
            ended += 1
    return ended


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.base")
    django.setup()
    end_runs_of(sys.argv[1])
