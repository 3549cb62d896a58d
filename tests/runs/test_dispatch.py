"""The one door: what it takes, what it refuses, and that it never lets two in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connections, transaction

from jobs_app.models import AuditEvent
from runs_app.dispatch import DispatchError, Overrides, dispatch
from runs_app.fires import Fire, record_fires
from runs_app.models import Run
from tests.factories import STEP, make_job, python_step

WHEN = datetime(2026, 3, 1, 2, tzinfo=UTC)
PUPPET = {**STEP, "name": "load", "type": "puppet", "config": {"text": "x"}}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("overrides", "code", "field"),
    [
        (Overrides(params={"nope": 1}), "unknown_parameter", "params.nope"),
        (Overrides(step_enabled={"nope": True}), "unknown_step", "step_enabled.nope"),
        (Overrides(op_kwargs={"nope": {}}), "unknown_step", "op_kwargs.nope"),
        (Overrides(op_kwargs={"load": {"x": 1}}), "unknown_parameter", "op_kwargs.load.x"),
        (Overrides(step_enabled={"load": "yes"}), "invalid_value", "step_enabled.load"),
        (Overrides(log_level="LOUD"), "invalid_value", "log_level"),
    ],
)
def test_only_what_the_job_declares_may_be_overridden(overrides: Overrides, code: str, field: str) -> None:
    with pytest.raises(DispatchError) as caught:
        dispatch(make_job("strict", steps=[PUPPET]), triggered_by="api", overrides=overrides)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert field.split(".")[-1] in caught.value.message or code == "invalid_value"
    assert not Run.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("year", [1, 1899, 9000, 9999])
def test_an_instant_no_calendar_can_be_worked_out_for_is_refused(year: int) -> None:
    """PostgreSQL would hold it, and then no list that holds the run could be read again."""
    with pytest.raises(DispatchError) as caught:
        dispatch(make_job("era"), triggered_by="api", as_of=datetime(year, 1, 1, tzinfo=UTC))
    assert (caught.value.code, caught.value.field) == ("invalid_value", "as_of")


@pytest.mark.django_db
def test_a_second_run_of_a_single_instance_job_names_the_first() -> None:
    job = make_job("single")
    first = dispatch(job, triggered_by="user:ann")
    with pytest.raises(DispatchError) as caught:
        dispatch(job, triggered_by="user:bob")
    assert caught.value.code == "already_active"
    assert caught.value.run == first
    assert first.run_id in caught.value.message


@pytest.mark.django_db
def test_a_repeated_idempotency_key_gives_the_first_run() -> None:
    job = make_job("repeat")
    first = dispatch(job, triggered_by="api", idempotency_key="k1")
    assert dispatch(job, triggered_by="api", idempotency_key="k1") == first
    assert Run.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one_run() -> None:
    job = make_job("rush")

    def ask(_: int) -> str:
        try:
            return dispatch(job, triggered_by="api").run_id
        except DispatchError as error:
            return error.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(24)))
    assert Run.objects.count() == 1
    assert answers.count("already_active") == 23


@pytest.mark.django_db
def test_every_run_is_audited() -> None:
    run = dispatch(make_job("watched"), triggered_by="user:ann", address="192.0.2.7")
    event = AuditEvent.objects.get(action="run.requested")
    assert (event.actor, event.object_id, event.address) == ("user:ann", run.run_id, "192.0.2.7")


@pytest.mark.django_db
def test_a_fire_is_recorded_once_and_meets_an_active_run_as_skipped() -> None:
    job = make_job("nightly")
    with transaction.atomic():
        (run,) = record_fires([Fire(job=job, scheduled_for=WHEN)])
        assert record_fires([Fire(job=job, scheduled_for=WHEN)]) == []
        (skipped,) = record_fires([Fire(job=job, scheduled_for=WHEN.replace(hour=3))])
    assert (run.state, run.triggered_by, run.as_of) == ("QUEUED", "cron", WHEN)
    assert (skipped.state, skipped.reason_code) == ("SKIPPED", "single_instance")
    assert skipped.reason == "single-instance, previous still running"


@pytest.mark.django_db
def test_a_fire_may_be_born_skipped() -> None:
    fire = Fire(
        job=make_job("late"), scheduled_for=WHEN, skip=("misfire", "missed while the scheduler was down")
    )
    (run,) = record_fires([fire])
    assert (run.state, run.reason_code, run.steps.count()) == ("SKIPPED", "misfire", 0)
    assert run.finished_at is not None


@pytest.mark.django_db
def test_a_fires_parameter_wins_over_a_steps_argument_and_loses_to_its_own() -> None:
    job = make_job("layers", params={"target": "a", "size": 1}, steps=[python_step("load", target="b")])
    plain = dispatch(job, triggered_by="api")
    assert plain.snapshot["op_kwargs"]["load"] == {"target": "b"}
    Run.objects.all().delete()
    fired = dispatch(job, triggered_by="api", overrides=Overrides(params={"target": "c"}))
    assert fired.snapshot["op_kwargs"]["load"] == {"target": "c"}
    Run.objects.all().delete()
    both = Overrides(params={"target": "c"}, op_kwargs={"load": {"target": "d"}})
    assert dispatch(job, triggered_by="api", overrides=both).snapshot["op_kwargs"]["load"] == {"target": "d"}
