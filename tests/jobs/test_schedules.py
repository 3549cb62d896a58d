from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django_celery_beat.models import PeriodicTask, PeriodicTasks

from jobs_app import schedules
from jobs_app.cron import parse
from jobs_app.definition import DefinitionError, clean_job, freeze, load
from jobs_app.mirror import nearest
from jobs_app.models import AuditEvent, Job, JobVersion
from nomaflow.names import MIRROR_TASK
from tests.jobs.examples import python_step, raw_job, saved

pytestmark = pytest.mark.django_db


def age(job: Job, **past: Any) -> None:
    """As if the job had last been decided a while ago."""
    then = datetime.now(UTC) - timedelta(**past)
    Job.objects.filter(pk=job.pk).update(cursor=then, next_fire=then)


def test_a_save_writes_job_steps_version_mirror_and_audit() -> None:
    job = saved(schedule="30 2 * * *", timezone="Europe/Paris", steps=[python_step("b"), python_step("a")])
    assert load("nightly") == clean_job(job.version.definition) == job.version.definition
    assert [step.name for step in job.steps.all()] == ["b", "a"]
    assert (job.version.number, job.version.author) == (1, "user:ann")
    assert job.next_fire == parse("30 2 * * *", "Europe/Paris").next(job.cursor)
    event = AuditEvent.objects.get(object_id="nightly")
    assert (event.actor, event.action) == ("user:ann", "job.created")


def test_a_save_that_changes_nothing_writes_nothing() -> None:
    job = saved(params={"a": 1, "b": 2})
    again = saved(params={"b": 2, "a": 1})
    assert again.version == job.version
    assert JobVersion.objects.count() == AuditEvent.objects.count() == 1


def test_true_is_not_one() -> None:
    saved(params={"flag": 1})
    assert saved(params={"flag": True}).version.number == 2


def test_a_change_is_told_in_the_audit() -> None:
    saved(tags=["a"], steps=[python_step("one"), python_step("two")])
    saved(tags=["b"], steps=[python_step("two", enabled=False), python_step("three")])
    detail = AuditEvent.objects.latest("id").detail
    assert detail["version"] == 2
    assert detail["changes"] == {
        "tags": [["a"], ["b"]],
        "steps": {"added": ["three"], "removed": ["one"], "changed": ["two"]},
    }


def test_steps_keep_their_rows_when_they_swap_places() -> None:
    job = saved(steps=[python_step("one"), python_step("two"), python_step("three")])
    keys = dict(job.steps.values_list("name", "pk"))
    job = saved(steps=[python_step("three"), python_step("one"), python_step("four")])
    assert list(job.steps.values_list("name", "position")) == [("three", 1), ("one", 2), ("four", 3)]
    assert {
        name: pk for name, pk in job.steps.values_list("name", "pk") if name in keys
    }.items() <= keys.items()
    assert [step["name"] for step in freeze(job)["steps"]] == ["three", "one", "four"]


@pytest.mark.parametrize(
    "change",
    [{"schedule": "*/10 * * * *"}, {"timezone": "Asia/Tokyo"}, {"splay_seconds": 30}, {"enabled": False}],
)
def test_an_edit_of_the_schedule_never_fires_the_past(change: dict[str, Any]) -> None:
    job = saved(schedule="*/5 * * * *")
    age(job, hours=3)
    before = schedules.database_clock()
    job = saved(**{"schedule": "*/5 * * * *", **change})
    assert job.cursor is not None
    assert job.cursor >= before
    assert job.next_fire is None if not job.enabled else job.next_fire > before


def test_an_edit_beside_the_schedule_leaves_what_is_due() -> None:
    job = saved(schedule="*/5 * * * *")
    age(job, hours=3)
    due = Job.objects.get(pk=job.pk).next_fire
    assert saved(schedule="*/5 * * * *", description="new").next_fire == due


def test_enabling_starts_anew() -> None:
    job = saved(schedule="*/5 * * * *", enabled=False)
    assert job.next_fire is None
    age(job, hours=3)
    before = schedules.database_clock()
    job = schedules.set_enabled(job, True, author="user:bob", address="10.0.0.7")
    assert job.enabled
    assert job.next_fire is not None
    assert job.next_fire > before
    assert job.version.definition["enabled"] is True
    event = AuditEvent.objects.latest("id")
    assert (event.actor, event.address, event.detail["changes"]) == (
        "user:bob",
        "10.0.0.7",
        {"enabled": [False, True]},
    )


def test_splay_moves_the_start_not_the_instant() -> None:
    job = saved(schedule="0 * * * *", splay_seconds=600)
    nominal = parse("0 * * * *").next(job.cursor)
    assert job.next_fire == nominal + schedules.splay(job)
    assert len({schedules.splay(Job(id=f"job-{n}", splay_seconds=600)) for n in range(100)}) > 80


def test_a_step_keeps_its_type() -> None:
    saved()
    steps = [{"name": "send", "type": "query", "connector": "${params:c}", "query": "select 1"}]
    with pytest.raises(DefinitionError, match=r"steps\[0\]\.type: .*stays one"):
        schedules.save_job(clean_job(raw_job(steps=steps, params={"c": "x"})), author="user:ann")


def test_deleting_keeps_versions_and_a_new_job_counts_on() -> None:
    saved(schedule="@daily")
    schedules.delete_job(Job.objects.get(), author="user:ann")
    assert not Job.objects.exists()
    assert not PeriodicTask.objects.exists()
    assert JobVersion.objects.count() == 1
    assert AuditEvent.objects.latest("id").action == "job.deleted"
    assert saved(schedule="@daily").version.number == 2


def test_a_job_others_wait_for_cannot_go() -> None:
    job = saved("first")
    saved("second", depends_on=["first"])
    with pytest.raises(DefinitionError, match="second"):
        schedules.delete_job(job, author="user:ann")


def test_ids_are_unique_whatever_the_case() -> None:
    saved("Nightly")
    with pytest.raises(DefinitionError, match="differs only in case"):
        saved("nightly")


def test_the_mirror_follows_its_job() -> None:
    changed = PeriodicTasks.last_change()
    job = saved(schedule="30 9 * * mon", timezone="Europe/Paris")
    row = PeriodicTask.objects.get()
    assert (row.name, row.task, row.enabled) == ("nomaflow: nightly", MIRROR_TASK, True)
    assert "30 9 * * mon (Europe/Paris)" in row.description
    assert "approximate" not in row.description
    assert (row.crontab.day_of_week, str(row.crontab.timezone)) == ("1", "Europe/Paris")
    schedules.set_enabled(job, False, author="user:ann")
    assert not PeriodicTask.objects.get().enabled
    saved(schedule="0 9 13 * fri", timezone="Europe/Paris")
    assert "approximate" in PeriodicTask.objects.get().description
    saved()
    assert not PeriodicTask.objects.exists()
    assert PeriodicTasks.last_change() == changed, "beat is not made to reload for a mirror"


@pytest.mark.parametrize(
    "expression",
    ["@hourly", "*/7 3-5 * jan,jul sun", "0 0 * * 5-7", "0 0 l * *", "0 0 * * fri#2", "0 0 1 1 * */5"],
)
def test_every_crontab_is_one_celery_can_read(expression: str) -> None:
    saved(schedule=expression)
    row = PeriodicTask.objects.get()
    row.full_clean()
    row.crontab.full_clean()
    assert row.schedule.remaining_estimate(datetime(2026, 11, 22, tzinfo=UTC))
    assert nearest(parse(expression))[1] == ("approximate" not in row.description)
