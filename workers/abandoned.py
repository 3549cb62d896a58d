"""Ends the runs of a worker that is gone: `python -m workers.abandoned <worker> lost|stopped`.

The warden calls it once nothing of its worker runs any more, so that the record says so at once and not when the
leases end. It is a process of its own because the warden has no Django.
"""

from __future__ import annotations

import os
import sys

import django


def end_runs_of(worker: str, *, stopped: bool) -> int:
    """End every run a pool child of `worker` held, as interrupted or as lost with it; how many there were."""
    from runs_app import lifecycle, logs
    from runs_app.models import Run
    from runs_app.states import RunState

    ended = 0
    for run in Run.objects.filter(state=RunState.RUNNING, worker__startswith=f"{worker}/"):
        if lifecycle.interrupt(run) if stopped else lifecycle.lose(run, certain=True):
            end = "CANCELED · its worker was stopped" if stopped else f"FAILED · worker {run.worker} was lost"
            logs.close(run, f"run {run.run_id} · {end}")
            ended += 1
    return ended


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.base")
    django.setup()
    end_runs_of(sys.argv[1], stopped=sys.argv[2] == "stopped")
