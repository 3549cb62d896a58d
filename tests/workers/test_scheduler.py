from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection, connections
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from jobs_app import schedules
from jobs_app.cron import parse
from jobs_app.models import Job, JobVersion
from runs_app import lifecycle
from runs_app.models import Run
from runs_app.states import RunState
from tests.eventually import eventually
from tests.factories import make_job
from workers import claims
from workers.celery import app
from workers.scheduler import NomaScheduler, turn

pytestmark = pytest.mark.django_db(transaction=True)


def behind(job: Job, **past: Any) -> datetime:
    """As if nobody had looked at the job for a while; the instant it was last decided."""
    then = (schedules.database_clock() - timedelta(**past)).replace(microsecond=0)
    Job.objects.filter(pk=job.pk).update(cursor=then, next_fire=parse(job.schedule, job.timezone).next(then))
    return then


def many_jobs(count: int, **fields: Any) -> list[Job]:
    """Rows written straight, for tests that need more jobs than saving them one by one allows."""
    first = make_job("job-0", **fields)
    jobs = []
    for number in range(1, count):
        version = JobVersion(job_id=f"job-{number}", number=1, author="test")
        version.definition = {**first.version.definition, "id": version.job_id}
        jobs.append((Job(**{**plain(first), "id": version.job_id}), version))
    JobVersion.objects.bulk_create([version for _job, version in jobs])
    for job, version in jobs:
        job.version = version
    Job.objects.bulk_create([job for job, _version in jobs])
    return [first, *(job for job, _version in jobs)]


def plain(job: Job) -> dict[str, Any]:
    names = [
        field.name for field in Job._meta.fields if field.name not in ("version", "created_at", "updated_at")
    ]
    return {name: getattr(job, name) for name in names}


@pytest.fixture
def beats() -> Iterator[Callable[[int], threading.Event]]:
    """Start that many claim loops, each a thread with a connection of its own."""
    stopping, threads = threading.Event(), []

    def body() -> None:
        try:
            while not stopping.wait(min(turn(), 0.2)):
                pass
        finally:
            connections.close_all()

    def start(count: int) -> threading.Event:
        threads.extend(threading.Thread(target=body, daemon=True) for _ in range(count))
        for thread in threads:
            thread.start()
        return stopping

    yield start
    stopping.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


def ledger(since: dict[str, datetime]) -> None:
    """Every instant up to each job's cursor has exactly one row, and no other has any."""
    rows = Counter(Run.objects.values_list("job_id", "scheduled_for"))
    expected = Counter(
        (job.pk, fire)
        for job in Job.objects.all()
        for fire in parse(job.schedule, job.timezone).between(since[job.pk], job.cursor)
    )
    assert rows == expected


def test_two_schedulers_record_every_fire_of_the_past_once(beats: Callable[[int], threading.Event]) -> None:
    jobs = many_jobs(60, schedule="* * * * *", timezone="UTC", single_instance=False)
    since = {job.pk: behind(job, minutes=4) for job in jobs}
    beats(2)
    eventually(
        lambda: not Job.objects.filter(next_fire__lte=datetime.now(UTC) - timedelta(seconds=2)).exists()
    )
    ledger(since)


@pytest.mark.parametrize("misfire", ["once", "all"])
def test_schedulers_that_lose_their_connections_miss_and_double_nothing(
    beats: Callable[[int], threading.Event], misfire: str
) -> None:
    jobs = many_jobs(15, schedule="* * * * * *", timezone="UTC", single_instance=False, misfire=misfire)
    since = {job.pk: behind(job, seconds=3) for job in jobs}
    stopping = beats(3)
    for _ in range(8):
        time.sleep(0.4)  # the faults are spread over real seconds, because the fires are
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
    eventually(
        lambda: min(Job.objects.values_list("cursor", flat=True)) > max(since.values()) + timedelta(seconds=6)
    )
    stopping.set()
    eventually(lambda: connection_count() == 1)
    ledger(since)


def connection_count() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state <> 'idle'"
        )
        return int(cursor.fetchone()[0])


def test_an_edit_never_fires_the_past() -> None:
    job = make_job(schedule="* * * * *", timezone="UTC")
    behind(job, hours=2)
    job = make_job(schedule="*/2 * * * *", timezone="UTC")
    claims.claim_due()
    assert not Run.objects.filter(scheduled_for__lte=job.cursor).exists()


def test_the_newest_missed_fire_runs_and_the_others_have_their_rows() -> None:
    job = make_job(schedule="*/10 * * * *", timezone="UTC", max_lateness_seconds=1800)
    behind(job, hours=2)
    claims.claim_due()
    newest, *older = Run.objects.order_by("-scheduled_for")
    assert (newest.state, newest.triggered_by, newest.as_of) == (
        RunState.QUEUED,
        "cron",
        newest.scheduled_for,
    )
    assert {(run.state, run.reason_code) for run in older} == {(RunState.SKIPPED, "misfire")}
    assert len(older) >= 10


def test_a_fire_that_meets_an_active_run_is_recorded() -> None:
    job = make_job(schedule="* * * * *", timezone="UTC")
    behind(job, seconds=70)
    claims.claim_due()
    behind(job, seconds=70)
    Run.objects.update(scheduled_for=None)
    claims.claim_due()
    run = Run.objects.exclude(scheduled_for=None).latest("scheduled_for")
    assert (run.state, run.reason) == (RunState.SKIPPED, "single-instance, previous still running")


def test_all_catches_up_one_run_after_the_other() -> None:
    job = make_job(schedule="* * * * *", timezone="UTC", misfire="all")
    since = behind(job, minutes=3)
    for count in (1, 2):
        claims.claim_due()
        claims.claim_due()
        assert Run.objects.count() == count
        lifecycle.request_cancel(Run.objects.latest("id"), by="user:ann")
        Job.objects.update(next_fire=since)
    assert not Run.objects.filter(state=RunState.SKIPPED).exists()


def test_a_job_that_cannot_be_decided_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    jobs = [make_job(name, schedule="* * * * *", timezone="UTC") for name in ("broken", "unsaved", "fine")]
    since = {job.pk: behind(job, minutes=2) for job in jobs}
    Job.objects.filter(pk="broken").update(schedule="nonsense")
    Job.objects.filter(pk="unsaved").update(version=None)
    claims.claim_due()
    assert set(Run.objects.values_list("job_id", flat=True)) == {"fine"}
    broken = Job.objects.get(pk="broken")
    assert broken.cursor == since["broken"], "nothing it missed is forgotten"
    assert broken.next_fire > schedules.database_clock()
    assert "broken" in caplog.text
    assert "unsaved" in caplog.text


def test_disabled_jobs_do_not_fire() -> None:
    job = make_job(schedule="* * * * *", timezone="UTC")
    behind(job, minutes=2)
    Job.objects.update(enabled=False)
    assert claims.claim_due().jobs == 0


def test_splay_leaves_the_instant_as_it_is() -> None:
    job = make_job(schedule="* * * * *", timezone="UTC", splay_seconds=3600)
    assert schedules.splay(job) > timedelta(0)
    Job.objects.update(cursor=job.cursor - schedules.splay(job) - timedelta(minutes=2), next_fire=job.cursor)
    claims.claim_due()
    job.refresh_from_db()
    assert all(run.scheduled_for.second == 0 for run in Run.objects.all())
    assert (job.next_fire - schedules.splay(job)).second == 0
    assert Run.objects.latest("scheduled_for").scheduled_for <= schedules.database_clock() - schedules.splay(
        job
    )


def test_the_sleep_ends_with_the_next_fire() -> None:
    assert turn() == 1.0
    job = make_job(schedule="0 0 1 1 *", timezone="UTC")
    assert turn() == 1.0
    Job.objects.filter(pk=job.pk).update(next_fire=schedules.database_clock() + timedelta(seconds=0.5))
    assert 0 <= turn() <= 0.5


def test_a_database_that_is_away_ends_no_scheduler(caplog: pytest.LogCaptureFixture) -> None:
    good = dict(connection.settings_dict)
    connection.close()
    try:
        connection.settings_dict["HOST"] = "/nowhere"
        assert turn() == 1.0
    finally:
        connection.settings_dict.update(good)
        connection.close()
    assert "the database is away" in caplog.text
    assert turn() == 1.0


@pytest.fixture
def scheduler() -> Iterator[NomaScheduler]:
    scheduler = NomaScheduler(app=app)
    yield scheduler
    scheduler.close()
    eventually(lambda: not any(thread.is_alive() for thread in scheduler._threads))


def test_mirrors_are_left_to_us(scheduler: NomaScheduler) -> None:
    make_job(schedule="* * * * *")
    every = IntervalSchedule.objects.create(every=1, period="hours")
    PeriodicTask.objects.create(name="plain", task="plain", interval=every)
    assert [task.name for task in scheduler.enabled_models_qs()] == ["plain"]


def test_the_tick_fires_sweeps_and_sends_plain_tasks(scheduler: NomaScheduler) -> None:
    job = make_job(schedule="* * * * *", timezone="UTC")
    behind(job, minutes=1)
    every = IntervalSchedule.objects.create(every=1, period="seconds")
    plain_task = PeriodicTask.objects.create(name="plain", task="nomaflow.no_such_task", interval=every)
    assert scheduler.tick() <= 1.0
    assert Run.objects.filter(job=job).exists()

    def sent() -> bool:
        scheduler.sync()
        return bool(PeriodicTask.objects.get(pk=plain_task.pk).total_run_count)

    eventually(sent)


@pytest.fixture
def beat_process(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start `celery beat` as a process of its own, on the test's database and a broker that is not there."""
    processes: list[subprocess.Popen[bytes]] = []
    known = connection.settings_dict
    url = (
        f"postgresql://{quote(known['USER'])}:{quote(known['PASSWORD'], safe='')}@/{quote(known['NAME'])}"
        f"?host={quote(known['HOST'], safe='')}&port={known['PORT']}"
    )
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "settings.test",
        "NOMAFLOW_PROCESS": "beat",
        "NOMAFLOW_DATABASE_URL": url.removesuffix("&port="),
        "NOMAFLOW_BROKER_URL": f"redis+socket://{tmp_path}/nobody.sock",
    }
    command = [sys.executable, "-m", "celery", "--app", "workers", "beat", "--pidfile", "", "--scheduler"]

    def start() -> subprocess.Popen[bytes]:
        with (tmp_path / "beat.log").open("ab") as log:
            process = subprocess.Popen(
                [*command, "workers.scheduler:NomaScheduler"], env=environment, stdout=log, stderr=log
            )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait(30)
    sys.stdout.write((tmp_path / "beat.log").read_text(errors="replace"))


def test_killed_beats_and_a_dead_broker_miss_and_double_nothing(
    beat_process: Callable[[], subprocess.Popen[bytes]],
) -> None:
    """Real processes: one is killed in mid-work and started again, the broker is not there at all."""
    every = IntervalSchedule.objects.create(every=1, period="seconds")
    PeriodicTask.objects.create(name="plain", task="nomaflow.no_such_task", interval=every)
    jobs = many_jobs(10, schedule="* * * * * *", timezone="UTC", single_instance=False)
    since = {job.pk: behind(job, seconds=1) for job in jobs}

    def beyond(mark: datetime) -> bool:
        return min(Job.objects.values_list("cursor", flat=True)) > mark

    first, second = beat_process(), beat_process()
    eventually(lambda: beyond(max(since.values()) + timedelta(seconds=4)), within=60)
    first.kill()
    replacement = beat_process()
    mark = schedules.database_clock() + timedelta(seconds=3)
    eventually(lambda: beyond(mark), within=60)
    for process in (second, replacement):
        process.terminate()
        assert process.wait(60) == 0, "it stops when it is asked to"
    ledger(since)
