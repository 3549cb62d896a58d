"""Every move is allowed from the right states only, and of two that race one wins."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from runs_app import lifecycle
from runs_app.dispatch import dispatch
from runs_app.lifecycle import Claim, Fenced
from runs_app.models import Run
from runs_app.states import ACTIVE, BORN, FINAL, RUN_SOURCES, STEP_FINAL, STEP_SOURCES, RunState, StepState
from tests.factories import make_job
from tests.soak import times

RACES = times(200)


def row_in(state: str) -> Run:
    """A run forced into `state`, as no code of the product could."""
    run = dispatch(make_job("moves", single_instance=False), triggered_by="cli")
    values = {"state": state, "finished_at": timezone.now() if state in FINAL else None}
    if state == RunState.RUNNING:
        values |= {"claim_token": 7, "lease_until": timezone.now() + timezone.timedelta(seconds=30)}
    Run.objects.filter(pk=run.pk).update(**values)
    return Run.objects.get(pk=run.pk)


@pytest.mark.django_db
@pytest.mark.parametrize("origin", list(RunState))
@pytest.mark.parametrize("target", list(RunState))
def test_every_pair_of_run_states(origin: RunState, target: RunState) -> None:
    run = row_in(origin)
    moved = move(run, target)
    assert moved == (origin in RUN_SOURCES[target] and target != RunState.QUEUED)
    assert Run.objects.get(pk=run.pk).state == (target if moved else origin)


def move(run: Run, target: RunState) -> bool:
    """Try to bring `run` to `target` by the function that does so."""
    if target == RunState.RUNNING:
        return lifecycle.claim(run.pk, worker="w") is not None
    if target in (RunState.QUEUED, RunState.SKIPPED):
        return False  # rows are born so; a requeue comes with the sweep's rescue
    try:
        if run.state == RunState.QUEUED:
            return bool(lifecycle._end_run(Run.objects.filter(pk=run.pk), target))
        lifecycle.finish(Claim(run.pk, 7), target)
    except Fenced:
        return False
    return True


def test_the_tables_name_every_state_and_final_means_final() -> None:
    assert set(RUN_SOURCES) == set(RunState)
    assert set(STEP_SOURCES) == set(StepState)
    assert not any(sources & FINAL for sources in RUN_SOURCES.values())
    assert not any(sources & STEP_FINAL for sources in STEP_SOURCES.values())
    assert {target for target, sources in RUN_SOURCES.items() if BORN in sources} == {"QUEUED", "SKIPPED"}


@pytest.mark.django_db
def test_an_older_claim_writes_nothing() -> None:
    run = dispatch(make_job("fenced"), triggered_by="cli")
    claim = lifecycle.claim(run.pk, worker="a")
    assert claim is not None
    Run.objects.filter(pk=run.pk).update(claim_token=claim.token + 1)
    with pytest.raises(Fenced):
        lifecycle.finish(claim, RunState.SUCCEEDED)
    assert Run.objects.get(pk=run.pk).state == "RUNNING"


@pytest.mark.django_db
def test_a_run_is_claimed_once_and_never_after_a_cancel() -> None:
    run = dispatch(make_job("once"), triggered_by="cli")
    assert lifecycle.claim(run.pk, worker="a") is not None
    assert lifecycle.claim(run.pk, worker="b") is None
    other = dispatch(make_job("canceled"), triggered_by="cli")
    assert lifecycle.request_cancel(other, by="user:ann") == "canceled"
    assert lifecycle.claim(other.pk, worker="a") is None
    ended = Run.objects.get(pk=other.pk)
    assert (ended.state, ended.reason_code, ended.reason) == (
        "CANCELED",
        "user_cancel",
        "cancelled by user:ann",
    )


@pytest.mark.django_db
def test_the_database_holds_the_promises_itself() -> None:
    run = dispatch(make_job("held"), triggered_by="cli")
    for broken in ({"state": "SUCCEEDED"}, {"state": "RUNNING"}, {"finished_at": timezone.now()}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Run.objects.filter(pk=run.pk).update(**broken)


@pytest.mark.django_db
def test_a_lost_worker_ends_its_run_once() -> None:
    run = dispatch(make_job("lost"), triggered_by="cli")
    lifecycle.claim(run.pk, worker="host/1")
    run.refresh_from_db()
    assert not lifecycle.lose(run), "the lease still holds"
    Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timezone.timedelta(seconds=1))
    assert lifecycle.lose(run)
    assert not lifecycle.lose(run)
    run.refresh_from_db()
    assert (run.state, run.reason_code, run.reason) == ("FAILED", "worker_lost", "worker host/1 was lost")
    assert {step.state for step in run.steps.all()} == {"CANCELED"}


@pytest.mark.django_db(transaction=True)
def test_of_three_that_race_one_wins() -> None:
    """Finish as succeeded, finish as failed, and the sweep's verdict, at the same moment."""
    job = make_job("race", single_instance=False)
    with ThreadPoolExecutor(3) as pool:
        for _ in range(RACES):
            run = dispatch(job, triggered_by="cli")
            claim = lifecycle.claim(run.pk, worker="w")
            assert claim is not None
            Run.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timezone.timedelta(seconds=1))
            run.refresh_from_db()
            won = race(
                pool,
                lambda claim=claim: finishes(claim, RunState.SUCCEEDED),
                lambda claim=claim: finishes(claim, RunState.FAILED),
                lambda run=run: lifecycle.lose(run),
            )
            assert won.count(True) == 1
            run.refresh_from_db()
            assert run.state == ("SUCCEEDED", "FAILED", "FAILED")[won.index(True)]
            assert run.events.filter(kind__in=("finished", "worker_lost")).count() == 1
        race(pool, *[lambda: bool(connections.close_all())] * 3)


def finishes(claim: Claim, state: RunState) -> bool:
    try:
        lifecycle.finish(claim, state)
    except Fenced:
        return False
    return True


def race(pool: ThreadPoolExecutor, *moves: Callable[[], bool]) -> list[bool]:
    gate = threading.Barrier(len(moves))

    def run(move: Callable[[], bool]) -> bool:
        gate.wait()
        return move()

    return [future.result() for future in [pool.submit(run, move) for move in moves]]


def test_active_and_final_share_no_state() -> None:
    assert set(RunState) == ACTIVE | FINAL
    assert not ACTIVE & FINAL
