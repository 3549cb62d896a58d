"""Runs in every state, made by the engine where it can make them and by rows where time would have to pass."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from jobs_app.models import Job
from runs_app.models import Attempt, LogLine, Run, StepRun
from runs_app.states import RunState, StepState
from tests.factories import make_job, make_run, puppet_step

EVIL = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
STEPS = ("copy-flights", "refresh-delays-by-carrier", "refresh-delays-by-hour", "archive", "send-summary")
TYPES = ("sql_copy", "sql_query", "sql_query", "http", "python")
TRACEBACK = """Traceback (most recent call last):
  File "plugins/reports/summary.py", line 41, in send_summary
    answer = post(address, body, timeout=30)
  File "plugins/reports/summary.py", line 12, in post
    raise TimeoutError(f"no answer from {host} within {limit} s")
TimeoutError: no answer from reports.example.com within 30 s"""


def nightly(job_id: str = "ann-nightly-refresh", **fields: Any) -> Job:
    """A job of five steps with a retry policy."""
    retry = {"attempts": 3, "backoff": "exponential", "base_seconds": 30}
    steps = [puppet_step(name) for name in STEPS]
    return make_job(job_id, steps=steps, retry=retry, timezone="America/New_York", **fields)


def history(job: Job, *, count: int = 12, minutes: int = 4) -> None:
    """Good runs of the days before."""
    now = timezone.now()
    for n in range(count, 0, -1):
        start = now - timedelta(days=n, minutes=3)
        end = start + timedelta(seconds=minutes * 60 + 7 * n)
        make_run(job, queued_at=start, started_at=start, finished_at=end)


class Scene:
    """One run whose steps are placed on its time axis."""

    def __init__(self, job: Job, state: RunState, *, ago: float = 600.0, **fields: Any) -> None:
        self.start = timezone.now() - timedelta(seconds=ago)
        self.run = make_run(
            job, state, queued_at=self.start, started_at=self.start + timedelta(milliseconds=240)
        )
        Run.objects.filter(pk=self.run.pk).update(**fields)
        StepRun.objects.filter(run=self.run).delete()
        self.position = self.seq = 0

    def at(self, seconds: float) -> datetime:
        return self.start + timedelta(seconds=seconds)

    def step(
        self, state: StepState, *tries: tuple[float, float | None, StepState], name: str = "", **fields: Any
    ) -> StepRun:
        """The next step; each try is (start, end, state) in seconds after the run was queued."""
        self.position += 1
        times: dict[str, Any] = {}
        if tries:
            end = tries[-1][1]
            times = {"started_at": self.at(tries[0][0]), "attempts_made": len(tries)}
            times |= {"finished_at": self.at(end)} if end is not None and state != StepState.RUNNING else {}
        row = StepRun.objects.create(
            run=self.run,
            position=self.position,
            name=name or STEPS[self.position - 1],
            type=TYPES[(self.position - 1) % 5],
            state=state,
            **(times | fields),
        )
        for number, (begin, end, how) in enumerate(tries, start=1):
            failure = {}
            if how == StepState.FAILED:
                names = ("error_class", "error_message", "traceback")
                failure = {name: fields[name] for name in names if name in fields}
            Attempt.objects.create(
                step_run=row,
                number=number,
                state=how,
                started_at=self.at(begin),
                finished_at=None if end is None else self.at(end),
                input={"connector": "reporting", "password": "••••••", "position": self.position},
                first_seq=self.seq + 1,
                **failure,
            )
            self.log(begin, 1, f"step {row.name} · type={row.type}")
            if how == StepState.FAILED:
                for line in (failure.get("traceback") or "it failed").splitlines():
                    self.log(end or begin, 3, line)
            elif end is not None:
                self.log(end, 1, f"step {row.name} · {how} · {end - begin:.1f} s")
        return row

    def log(self, seconds: float, level: int, message: str, *, source: int = 0, logger: str = "") -> None:
        self.seq += 1
        LogLine.objects.create(
            run=self.run,
            seq=self.seq,
            at=self.at(seconds),
            level=level,
            step=self.position,
            source=source,
            logger=logger,
            message=message,
        )

    def done(self, seconds: float | None = None, **fields: Any) -> Run:
        end = {} if seconds is None else {"finished_at": self.at(seconds)}
        Run.objects.filter(pk=self.run.pk).update(log_last_seq=self.seq, **end, **fields)
        return Run.objects.get(pk=self.run.pk)


GOOD, BAD, GOING = StepState.SUCCEEDED, StepState.FAILED, StepState.RUNNING
ERROR = {
    "error_class": "TimeoutError",
    "error_message": "no answer from reports.example.com within 30 s",
    "traceback": TRACEBACK,
}


def interesting(job: Job) -> Run:
    """A finished run with copies, queries, a retry and an error: the picture of the product."""
    scene = Scene(job, RunState.FAILED, ago=420, reason_code="step_failed")
    scene.step(
        GOOD,
        (0.4, 74, GOOD),
        rows_affected=336_776,
        output={"source_rows": 336_776, "target_rows": 336_776, "elapsed_ms": 73_480},
    )
    for n in range(1, 7):
        line = f"ops.flights → reporting.flights · {n * 56_129:,} rows · 4,6{n}8 rows/s"
        scene.log(n * 11, 1, line, source=1, logger="sql_copy")
    scene.log(73, 1, "swapped reporting.flights · 12 ms", source=1, logger="sql_copy")
    rows = [
        {"carrier": code, "flights": n, "average_delay": delay}
        for code, n, delay in (("UA", 58_665, "3.56"), ("B6", 54_635, "9.46"), ("EV", 54_173, "15.80"))
    ]
    scene.step(
        GOOD,
        (74, 118, GOOD),
        rows_affected=16,
        output={"rows_affected": 16, "row_count": 16, "rows_preview": rows},
    )
    scene.log(
        80, 1, "sql on reporting: MERGE INTO delays_by_carrier AS kept USING (SELECT carrier, …", source=1
    )
    scene.step(GOOD, (118, 131, BAD), (161, 206, GOOD), rows_affected=6_936, output={"rows_affected": 6936})
    scene.log(
        132, 2, "step refresh-delays-by-hour · could not serialize access · retrying in 30 s, attempt 2 of 3"
    )
    scene.step(StepState.CANCELED, reason_code="disabled", reason="skipped: disabled")
    scene.step(BAD, (206, 222, BAD), (252, 268, BAD), reason_code="step_failed", **ERROR)
    scene.log(269, 0, "retry policy: no attempt left")
    scene.position = 0
    return scene.done(270, reason="send-summary: no answer from reports.example.com within 30 s")


def retrying(job: Job) -> Run:
    scene = Scene(job, RunState.RUNNING, ago=60, log_dropped_lines=1234, log_dropped_bytes=567_890)
    scene.step(GOOD, (0.4, 30, GOOD), rows_affected=12)
    retry_at = timezone.now() + timedelta(seconds=300)
    scene.step(GOING, (30, 45, BAD), retry_at=retry_at, **ERROR)
    for _name in STEPS[2:]:
        scene.step(StepState.PENDING)
    return scene.done()


def running(job: Job, **fields: Any) -> Run:
    scene = Scene(job, RunState.RUNNING, ago=95, **fields)
    scene.step(GOOD, (0.4, 40, GOOD), rows_affected=336_776)
    scene.step(GOING, (40, None, GOING))
    scene.log(60, 1, "still at it", source=1)
    for _name in STEPS[2:]:
        scene.step(StepState.PENDING)
    return scene.done()


def many_lines(job: Job, count: int, *, marks: Iterable[int] = ()) -> Run:
    """A finished run with a long log; `marks` are lines that are errors."""
    scene = Scene(job, RunState.SUCCEEDED, ago=600)
    scene.step(GOOD, (0.5, 300, GOOD), rows_affected=count)
    scene.step(GOOD, (300, 301, GOOD))
    first, errors = scene.seq + 1, set(marks)
    LogLine.objects.bulk_create(
        (
            LogLine(
                run=scene.run,
                seq=seq,
                at=scene.at(seq / count * 300),
                level=3 if seq in errors else 1,
                step=1,
                source=1,
                message=f"row group {seq} of {count} copied",
            )
            for seq in range(first, count + 1)
        ),
        batch_size=10_000,
    )
    scene.seq = count
    return scene.done(301)
