"""The only writer of `Run.state` and `StepRun.state`.

Every move is one UPDATE guarded by the state it leaves and, for an owner, by its claim token; a count of 0 means
somebody else won. Each move writes its event in the same transaction and tells the live pages after the commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models.functions import Now
from django.utils import timezone

from jobs_app import audit
from nomaflow import names
from runs_app import live
from runs_app.models import Attempt, Run, RunEvent, StepRun
from runs_app.states import RUN_SOURCES, STEP_SOURCES, Reason, RunState, StepState

CancelAnswer = Literal["canceled", "canceling", "already_final"]


class Fenced(Exception):
    """This claim no longer holds its run: stop, write nothing more."""


@dataclass(frozen=True)
class Claim:
    """One worker's hold on a run."""

    number: int
    token: int


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How an attempt, and with it perhaps its step, ended."""

    state: StepState
    reason_code: str = ""
    reason: str = ""
    output: Any = None
    rows_affected: int | None = None
    error_class: str = ""
    error_message: str = ""
    traceback: str = ""
    took: timedelta | None = None
    """How long the step took by its owner's clock, as its log says; None takes the database's time of the end."""

    def attempt_values(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        del values["rows_affected"], values["took"]
        return values


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """A try that starts now."""

    step: StepRun
    number: int
    input: Any
    first_seq: int


class _DatabaseClock(Now):
    """The wall clock, where `Now()` is the start of the transaction."""

    template = "clock_timestamp()"

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, **extra)


CLOCK = _DatabaseClock()


def queue_up(run: Run, steps: Sequence[StepRun]) -> None:
    """Insert a new QUEUED run with its steps; disabled ones carry their reason already."""
    queue_up_all([(run, steps)])


def queue_up_all(born: Sequence[tuple[Run, Sequence[StepRun]]]) -> None:
    """The same for many; all of them or none."""
    for run, _steps in born:
        run.state = RunState.QUEUED
    with transaction.atomic(savepoint=False):
        _insert([run for run, _steps in born], kind="queued")
        StepRun.objects.bulk_create([step for _run, steps in born for step in steps])


def skip_all(born: Sequence[tuple[Run, str, str]]) -> None:
    """Insert fires that were due and did not start, each with its reason code and sentence."""
    for run, reason_code, reason in born:
        run.state, run.reason_code, run.reason = RunState.SKIPPED, reason_code, reason
        run.finished_at = timezone.now()
    _insert([run for run, *_reason in born], kind="skipped")


def new_step(run: Run, *, position: int, name: str, type: str, enabled: bool) -> StepRun:
    """An unsaved step row in the state it is born in."""
    step = StepRun(run=run, position=position, name=name, type=type)
    step.state = StepState.PENDING if enabled else StepState.CANCELED
    if not enabled:
        step.reason_code, step.reason = Reason.DISABLED, "skipped: disabled"
    return step


def _insert(runs: Sequence[Run], *, kind: str) -> None:
    with transaction.atomic(savepoint=False):
        Run.objects.bulk_create(runs)
        RunEvent.objects.bulk_create(
            RunEvent(run=run, kind=kind, detail={"by": run.triggered_by}) for run in runs
        )
        for run in runs:
            _tell(run.pk, run.job_id, run.state)


_CLAIM = """
    WITH claimed AS (
        UPDATE runs_run SET state = %(running)s, claim_token = nextval('runs_claim_token'), worker = %(worker)s,
               lease_until = clock_timestamp() + make_interval(secs => %(lease)s),
               started_at = coalesce(started_at, clock_timestamp())
         WHERE id = %(number)s AND state = ANY(%(origins)s) AND cancel_requested_at IS NULL
     RETURNING id, claim_token, job_id
    ), noted AS (
        INSERT INTO runs_runevent (run_id, at, kind, detail)
        SELECT id, clock_timestamp(), 'claimed', jsonb_build_object('worker', %(worker)s::text, 'token', claim_token)
          FROM claimed
    )
    SELECT claim_token, job_id FROM claimed"""


def claim(number: int, *, worker: str) -> Claim | None:
    """Take a QUEUED run for `worker`; None when somebody else has it or it must not start."""
    with connection.cursor() as cursor:
        cursor.execute(
            _CLAIM,
            {
                "running": RunState.RUNNING,
                "worker": worker,
                "lease": settings.NOMAFLOW_LEASE_SECONDS,
                "number": number,
                "origins": sorted(RUN_SOURCES[RunState.RUNNING]),
            },
        )
        row = cursor.fetchone()
    if row is None:
        return None
    _tell(number, row[1], RunState.RUNNING)
    return Claim(number, row[0])


RENEW = """UPDATE runs_run SET lease_until = clock_timestamp() + make_interval(secs => %s),
                  log_last_seq = greatest(log_last_seq, %s), log_dropped_lines = %s, log_dropped_bytes = %s
            WHERE id = %s AND claim_token = %s AND state = 'RUNNING' RETURNING cancel_requested_by"""
"""The owner's heartbeat, for a connection of its own: no row means fenced, a name means a cancel is wished."""


def begin(claim: Claim, beginning: Beginning, *, ended: tuple[StepRun, Ending] | None = None) -> None:
    """One transaction at a step's boundary: the end of the step before and the start of the next.

    May be repeated: the answer to a commit can be lost with the connection.
    """
    with transaction.atomic():
        job_id = _fence(claim)
        if ended:
            _end_step(claim, *ended)
        step = beginning.step
        if beginning.number > 1:
            StepRun.objects.filter(pk=step.pk).update(attempts_made=beginning.number, retry_at=None)
        elif _move_step(step, StepState.RUNNING, started_at=CLOCK, attempts_made=1):
            _event(claim.number, "step_started", step=step.name)
        Attempt.objects.get_or_create(
            step_run=step,
            number=beginning.number,
            defaults={
                "started_at": CLOCK,
                "input": beginning.input,
                "first_seq": beginning.first_seq,
            },
        )
        _tell(claim.number, job_id, RunState.RUNNING)


def await_retry(claim: Claim, step: StepRun, ending: Ending, *, retry_at: datetime) -> None:
    """Record a failed try whose step goes on with another at `retry_at`."""
    with transaction.atomic():
        job_id = _fence(claim)
        _end_attempt(step, ending)
        StepRun.objects.filter(pk=step.pk).update(
            retry_at=retry_at, error_class=ending.error_class, error_message=ending.error_message
        )
        _tell(claim.number, job_id, RunState.RUNNING)


def pass_over(claim: Claim, step: StepRun, *, reason_code: str, reason: str) -> None:
    """A step that is not to run in this run although it was reached."""
    with transaction.atomic():
        _fence(claim)
        _move_step(step, StepState.CANCELED, reason_code=reason_code, reason=reason, finished_at=CLOCK)


def finish(
    claim: Claim,
    state: RunState,
    *,
    reason_code: str = "",
    reason: str = "",
    ended: tuple[StepRun, Ending] | None = None,
    in_flight: Ending | None = None,
    unreached: tuple[str, str] = (Reason.RUN_CANCELED, "skipped: run cancelled"),
    log: tuple[int, int, int] = (0, 0, 0),
) -> None:
    """End the run with its last step; steps never reached get the `unreached` code and sentence.

    `in_flight` is how a step ends whose own end nobody knows, because its owner met a fault.
    """
    with transaction.atomic():
        job_id = _fence(claim)
        if ended:
            _end_step(claim, *ended)
        if in_flight:
            _end_in_flight(claim.number, in_flight)
        _leave_steps(claim.number, *unreached)
        _end_run(
            Run.objects.filter(pk=claim.number, claim_token=claim.token),
            state,
            reason_code=reason_code,
            reason=reason,
            log_last_seq=log[0],
            log_dropped_lines=log[1],
            log_dropped_bytes=log[2],
        )
        _event(claim.number, "finished", state=state, reason=reason)
        _tell(claim.number, job_id, state)


def request_cancel(run: Run, *, by: str, address: str | None = None) -> CancelAnswer:
    """Record the wish; a QUEUED run ends in place, the owner of a RUNNING one is told at once."""
    with transaction.atomic():
        answer = _cancel(run, by=by)
        if answer != "already_final":
            audit.record(by, "run.cancel", kind="run", id=run.run_id, address=address, job=run.job_id)
        return answer


def _cancel(run: Run, *, by: str) -> CancelAnswer:
    if _cancel_queued(run, by=by):
        return "canceled"
    running = Run.objects.filter(pk=run.pk, state=RunState.RUNNING)
    if not running.filter(cancel_requested_at=None).update(cancel_requested_at=CLOCK, cancel_requested_by=by):
        return "canceling" if running.exists() else "already_final"
    _event(run.pk, "cancel_requested", by=by)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [names.CANCEL_CHANNEL, str(run.pk)])
    _tell(run.pk, run.job_id, RunState.RUNNING)
    return "canceling"


def _cancel_queued(run: Run, *, by: str) -> bool:
    ended = _end_run(
        Run.objects.filter(pk=run.pk, state=RunState.QUEUED),
        RunState.CANCELED,
        reason_code=Reason.USER_CANCEL,
        reason=f"cancelled by {by}",
        cancel_requested_at=CLOCK,
        cancel_requested_by=by,
    )
    if ended:
        _leave_steps(run.pk, Reason.RUN_CANCELED, "skipped: run cancelled")
        _event(run.pk, "finished", state=RunState.CANCELED, by=by)
        _tell(run.pk, run.job_id, RunState.CANCELED)
    return bool(ended)


def lose(run: Run, *, certain: bool = False) -> bool:
    """End a RUNNING run whose worker is gone: `certain` when the caller saw it dead, else its lease ran out."""
    expired = models.Q() if certain else models.Q(lease_until__lt=CLOCK)
    return _end_unowned(run, expired, RunState.FAILED, Reason.WORKER_LOST, f"worker {run.worker} was lost")


def interrupt(run: Run) -> bool:
    """End a RUNNING run whose worker was told to stop and is gone; whoever calls this has seen to that."""
    return _end_unowned(run, models.Q(), RunState.CANCELED, Reason.INTERRUPTED, "its worker was stopped")


def _end_unowned(run: Run, condition: models.Q, state: RunState, code: Reason, reason: str) -> bool:
    with transaction.atomic():
        held = Run.objects.filter(condition, pk=run.pk, claim_token=run.claim_token, state=RunState.RUNNING)
        if not _end_run(held, state, reason_code=code, reason=reason):
            return False
        _end_in_flight(run.pk, Ending(state=StepState(state), reason_code=code, reason=reason))
        canceled = state == RunState.CANCELED
        _leave_steps(
            run.pk,
            Reason.RUN_CANCELED if canceled else Reason.UPSTREAM_FAILED,
            "skipped: run cancelled" if canceled else "skipped: upstream failed",
        )
        _event(run.pk, code, worker=run.worker)
        _tell(run.pk, run.job_id, state)
    return True


def _fence(claim: Claim) -> str:
    """Lock the run for this claim and return its job's id; `Fenced` when another hand ended or took it."""
    row = (
        Run.objects.filter(pk=claim.number, claim_token=claim.token, state=RunState.RUNNING)
        .select_for_update(no_key=True)
        .values_list("job_id", flat=True)
        .first()
    )
    if row is None:
        raise Fenced(f"run {claim.number} is no longer held by claim {claim.token}")
    return row


def _end_run(runs: models.QuerySet[Run], state: RunState, **values: Any) -> int:
    origins = sorted(RUN_SOURCES[state])
    return runs.filter(state__in=origins).update(state=state, finished_at=CLOCK, lease_until=None, **values)


def _move_step(step: StepRun, state: StepState, **values: Any) -> bool:
    """False when it is there already, by an earlier try whose answer was lost."""
    row = StepRun.objects.filter(pk=step.pk)
    if row.filter(state__in=sorted(STEP_SOURCES[state])).update(state=state, **values):
        return True
    if not row.filter(state=state).exists():
        raise Fenced(f"step {step.name} was not in a state that leads to {state}")
    return False


def _end_step(claim: Claim, step: StepRun, ending: Ending) -> None:
    _end_attempt(step, ending)
    values = ending.attempt_values() | {"rows_affected": ending.rows_affected, "retry_at": None}
    end = CLOCK if ending.took is None else models.F("started_at") + ending.took
    if _move_step(step, values.pop("state"), finished_at=end, **values):
        _event(claim.number, "step_finished", step=step.name, state=ending.state)


def _end_attempt(step: StepRun, ending: Ending) -> None:
    Attempt.objects.filter(step_run=step, finished_at=None).update(
        finished_at=CLOCK, **ending.attempt_values()
    )


def _end_in_flight(number: int, ending: Ending) -> None:
    """A step that waits for its next try keeps the error of its last where `ending` has none."""
    values = {name: value for name, value in ending.attempt_values().items() if value}
    StepRun.objects.filter(run_id=number, state=StepState.RUNNING).update(
        finished_at=CLOCK, retry_at=None, **values
    )
    Attempt.objects.filter(step_run__run_id=number, finished_at=None).update(finished_at=CLOCK, **values)


def _leave_steps(number: int, reason_code: str, reason: str) -> None:
    StepRun.objects.filter(run_id=number, state=StepState.PENDING).update(
        state=StepState.CANCELED, reason_code=reason_code, reason=reason
    )


def _event(number: int, kind: str, **detail: Any) -> None:
    RunEvent.objects.create(run_id=number, kind=kind, detail=detail)


def _tell(number: int, job_id: str, state: str) -> None:
    transaction.on_commit(lambda: live.publish_state(number, job_id, state))
