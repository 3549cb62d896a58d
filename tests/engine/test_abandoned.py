"""The runs of a worker that is gone end at once, its own only."""

from __future__ import annotations

import pytest

from runs_app import lifecycle
from runs_app.dispatch import dispatch
from runs_app.lifecycle import Beginning
from runs_app.models import Run
from tests.engine.conftest import messages, puppet_job
from workers.abandoned import end_runs_of

pytestmark = pytest.mark.django_db


def test_the_runs_of_a_stopped_worker_end_interrupted() -> None:
    cut = dispatch(puppet_job({}, {}, id="cut"), triggered_by="cli")
    claim = lifecycle.claim(cut.pk, worker="worker-7@host/71")
    assert claim is not None
    lifecycle.begin(claim, Beginning(step=cut.steps.get(position=1), number=1, input={}, first_seq=1))
    other = dispatch(puppet_job({}, id="other"), triggered_by="cli")
    lifecycle.claim(other.pk, worker="worker-70@host/8")

    assert end_runs_of("worker-7@host", stopped=True) == 1

    cut = Run.objects.get(pk=cut.pk)
    assert (cut.state, cut.reason_code, cut.reason) == ("CANCELED", "interrupted", "its worker was stopped")
    assert [(s.state, s.reason_code) for s in cut.steps.all()] == [
        ("CANCELED", "interrupted"),
        ("CANCELED", "run_canceled"),
    ]
    assert messages(cut) == [f"run {cut.run_id} · CANCELED · its worker was stopped"]
    assert Run.objects.get(pk=other.pk).state == "RUNNING"
    assert end_runs_of("worker-7@host", stopped=True) == 0


def test_the_runs_of_a_worker_that_died_fail_before_their_lease_ends() -> None:
    run = dispatch(puppet_job({}), triggered_by="cli")
    lifecycle.claim(run.pk, worker="worker-7@host/71")
    assert end_runs_of("worker-7@host", stopped=False) == 1
    run = Run.objects.get(pk=run.pk)
    assert (run.state, run.reason_code) == ("FAILED", "worker_lost")
    assert messages(run) == [f"run {run.run_id} · FAILED · worker worker-7@host/71 was lost"]
