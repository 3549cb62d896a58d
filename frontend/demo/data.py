"""Made-up jobs and runs for the demo pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

NOW = datetime.now(UTC)
random = Random(7)  # noqa: S311


def before(**distance: float) -> datetime:
    return NOW - timedelta(**distance)


@dataclass
class Run:
    id: str
    job: str
    state: str
    started_at: datetime | None
    duration_ms: int | None
    triggered_by: str = "cron"
    summary: str = ""
    error_class: str = ""
    error: str = ""
    canceling: bool = False

    @property
    def url(self) -> str:
        return f"/nomaflow/runs/{self.id}"

    @property
    def share(self) -> int:
        return min(100, round((self.duration_ms or 0) / 3000))


def history(count: int, *, failing: tuple[int, ...] = (), usual: int = 240_000) -> list[Run]:
    states = ["FAILED" if n in failing else "SUCCEEDED" for n in range(count)]
    return [
        Run(f"run_00a{n:02}", "", state, before(days=count - n), int(usual * random.uniform(0.6, 1.5)))
        for n, state in enumerate(states)
    ]


@dataclass
class Job:
    id: str
    description: str
    tags: list[str]
    schedule: str
    zone: str
    next_at: datetime | None
    steps: int
    last: Run | None
    runs: list[Run]
    enabled: bool = True
    skipped: str = ""
    finished_at: datetime | None = None

    @property
    def running(self) -> bool:
        return self.last is not None and self.last.state == "RUNNING"


JOBS = [
    Job(
        "crm-hourly-sync",
        "Pull changed accounts and contacts from the CRM and upsert them into the warehouse.",
        ["etl", "hourly", "team-data"],
        "0 * * * *",
        "Europe/Paris",
        NOW + timedelta(minutes=14),
        5,
        Run("run_00a8d", "crm-hourly-sync", "RUNNING", before(seconds=134), None),
        [*history(19, usual=38_000), Run("run_00a8d", "", "RUNNING", NOW, 52_000)],
        finished_at=before(minutes=59),
    ),
    Job(
        "directory-sync",
        "Refresh the user dimension from the company directory.",
        ["ldap", "team-security"],
        "30 1 * * *",
        "Europe/Paris",
        NOW + timedelta(hours=11, minutes=20),
        7,
        Run("run_00a8a", "directory-sync", "FAILED", before(hours=12), 62_000),
        history(20, failing=(4, 18, 19), usual=60_000),
        finished_at=before(hours=12),
    ),
    Job(
        "monthly-close-export",
        "Export the closed month for the auditors. Started by hand once the books are shut.",
        ["legal", "monthly"],
        "",
        "Europe/Paris",
        None,
        3,
        Run("run_0091z", "monthly-close-export", "PARTIAL", before(days=21), 1_260_000),
        history(6, usual=1_200_000),
        finished_at=before(days=21),
    ),
    Job(
        "nightly-reporting-refresh",
        "Refresh the reporting tables from the OLTP database.",
        ["etl", "nightly"],
        "0 2 * * *",
        "Europe/Paris",
        NOW + timedelta(hours=12),
        4,
        Run("run_00a8c", "nightly-reporting-refresh", "SUCCEEDED", before(hours=12), 252_000),
        history(20, failing=(9,), usual=250_000),
        skipped="single-instance, previous still running",
        finished_at=before(hours=11, minutes=56),
    ),
    Job(
        "vendor-prices-import",
        "",
        [],
        "*/15 6-20 * * mon-fri",
        "UTC",
        None,
        1,
        None,
        [],
        enabled=False,
    ),
]

RUNS = [
    Run("run_00a8d", "crm-hourly-sync", "RUNNING", before(seconds=134), 134_000, summary="2 / 5"),
    Run("run_00a8c", "nightly-reporting-refresh", "SUCCEEDED", before(hours=12), 252_000, summary="4 / 4"),
    Run(
        "run_00a8b",
        "crm-hourly-sync",
        "RUNNING",
        before(hours=1),
        61_000,
        "user:ann",
        "1 / 5",
        canceling=True,
    ),
    Run(
        "run_00a8a",
        "directory-sync",
        "FAILED",
        before(hours=12, minutes=30),
        62_000,
        "cron",
        "4 / 7",
        "TimeoutError",
        "no answer from ldap.example.com:636 within 30 s while reading page 14 of members",
    ),
    Run(
        "run_00a89",
        "nightly-reporting-refresh",
        "SKIPPED",
        before(hours=13),
        None,
        "cron",
        "",
        "",
        "single-instance, previous still running",
    ),
    Run(
        "run_00a88",
        "monthly-close-export",
        "PARTIAL",
        before(days=1),
        260_000,
        "user:bob",
        "2 / 3",
        "StepFailed",
        "the archive refused 3 of 412 files",
    ),
    Run(
        "run_00a87",
        "vendor-prices-import",
        "CANCELED",
        before(days=1, hours=2),
        18_000,
        "api",
        "0 / 1",
        "",
        "cancelled by user:ann",
    ),
    Run(
        "run_00a86",
        "crm-hourly-sync",
        "QUEUED",
        None,
        None,
        "job:nightly-reporting-refresh@run_00a8c",
        "0 / 5",
    ),
    *[
        Run(
            f"run_00a{n}",
            "crm-hourly-sync",
            "SUCCEEDED",
            before(hours=86 - n + 25),
            random.randint(30, 60) * 1000,
            summary="5 / 5",
        )
        for n in range(75, 62, -1)
    ],
]


@dataclass
class Attempt:
    state: str
    started_at: datetime
    finished_at: datetime | None


@dataclass
class Step:
    position: int
    name: str
    type: str
    state: str
    duration_ms: int | None
    attempts: list[Attempt] = field(default_factory=list)
    error_class: str = ""
    error: str = ""
    traceback: str = ""
    note: str = ""
    facts: list[tuple[str, Any]] = field(default_factory=list)


def seconds(start: float, end: float | None, state: str = "SUCCEEDED") -> Attempt:
    origin = before(seconds=134)
    return Attempt(
        state, origin + timedelta(seconds=start), None if end is None else origin + timedelta(seconds=end)
    )


TRACEBACK = """Traceback (most recent call last):
  File "plugins/reports/members.py", line 88, in refresh
    page = directory.search(base, filter, cookie=cookie)
  File "plugins/reports/members.py", line 41, in search
    raise TimeoutError(f"no answer from {host} within {limit} s")
TimeoutError: no answer from ldap.example.com:636 within 30 s"""

STEPS = [
    Step(
        1,
        "copy-accounts",
        "sql_copy",
        "SUCCEEDED",
        31_200,
        [seconds(0.4, 31.6)],
        facts=[("source_rows", "336,776"), ("target_rows", "336,776"), ("elapsed_ms", "31,204")],
    ),
    Step(
        2,
        "refresh-delays-by-carrier",
        "sql_query",
        "SUCCEEDED",
        8_400,
        [seconds(31.6, 40)],
        facts=[("rows_affected", "16")],
    ),
    Step(
        3,
        "directory-members",
        "python",
        "FAILED",
        62_000,
        [seconds(40, 58, "FAILED"), seconds(70, 102, "FAILED")],
        "TimeoutError",
        "no answer from ldap.example.com:636 within 30 s while reading page 14 of members",
        TRACEBACK,
    ),
    Step(4, "call-pricing-service", "http", "RUNNING", None, [seconds(102, None, "RUNNING")]),
    Step(5, "archive", "python", "CANCELED", None, note="skipped: disabled"),
    Step(6, "send-summary", "python", "PENDING", None),
]
