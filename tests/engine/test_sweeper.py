"""The housekeeper: rings again, ends what lost its worker, and one at a time does so."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from celery import current_app
from django.db import connection
from django.utils import timezone

from runs_app import lifecycle, queue
from runs_app.dispatch import dispatch
from runs_app.models import Run
from tests.engine.conftest import messages, puppet_job
from workers import sweeper

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def queue_is_empty() -> None:
    current_app.control.purge()


def rung() -> int:
    """Messages that wait for the default pool."""
    with current_app.connection_for_read() as link:
        return int(link.default_channel.queue_declare("default", passive=True).message_count)


def test_a_run_nobody_took_is_rung_for_again_less_and_less_often() -> None:
    run = dispatch(puppet_job({}), triggered_by="cli")
    assert rung() == 1
    assert sweeper.sweep().rung == 0, "the first ring still has time"
    for rings, patience in ((1, 3), (2, 6), (5, 48), (9, 60)):
        Run.objects.filter(pk=run.pk).update(rings=rings, rung_at=ago(patience - 1))
        assert sweeper.sweep().rung == 0
        Run.objects.filter(pk=run.pk).update(rung_at=ago(patience + 1))
        assert sweeper.sweep().rung == 1
        assert Run.objects.get(pk=run.pk).rings == rings + 1
    assert rung() == 5


def test_rings_into_the_void_do_not_make_it_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    run = dispatch(puppet_job({}), triggered_by="cli")
    Run.objects.filter(pk=run.pk).update(rung_at=ago(10))
    monkeypatch.setattr(queue, "_quiet_until", time.monotonic() + 600)  # as after a ring that failed
    assert [sweeper.sweep().rung for _ in range(3)] == [0, 0, 0]
    monkeypatch.setattr(queue, "_quiet_until", 0.0)
    assert sweeper.sweep().rung == 1


def test_a_run_whose_lease_ran_out_ends_with_a_last_line() -> None:
    run = dispatch(puppet_job({}), triggered_by="cli")
    lifecycle.claim(run.pk, worker="host/7")
    assert sweeper.sweep().lost == 0
    Run.objects.filter(pk=run.pk).update(lease_until=ago(1))
    assert sweeper.sweep().lost == 1
    assert messages(run) == [f"run {run.run_id} · FAILED · worker host/7 was lost"]
    assert sweeper.sweep().lost == 0


def test_only_one_sweeps_at_a_time() -> None:
    run = dispatch(puppet_job({}), triggered_by="cli")
    Run.objects.filter(pk=run.pk).update(rung_at=ago(10))
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [sweeper.LOCK])
        assert sweeper.sweep() == sweeper.Swept()
        cursor.execute("ROLLBACK")
    other.close()
    assert sweeper.sweep().rung == 1


def ago(seconds: float) -> object:
    return timezone.now() - timedelta(seconds=seconds)
