"""The story of one run: claim it, take its steps in order, end it."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, connection

from nomaflow.types import StepFailed
from runs_app import lifecycle
from runs_app.lifecycle import Claim, Ending, Fenced
from runs_app.models import StepRun
from runs_app.states import Reason, RunState, StepState
from workers import attempt
from workers.cancel import Stop
from workers.keeper import keeper
from workers.performance import ERROR, INFO, RETRY_SECONDS, WARNING, Performance, open_run
from workers.steps import passed_over, passes, perform_step

log = logging.getLogger(__name__)


def execute(number: int, *, worker: str) -> bool:
    """Run `number` if it is still to be had. False when this process must not take another run.

    Whatever goes wrong here ends the run: only the death of this process leaves that to the sweep.
    """
    close_old_connections()  # Celery keeps them open, and this one may have died since the last run
    claim = lifecycle.claim(number, worker=worker)
    if claim is None:
        return True
    try:
        show = _open(claim)
    except Fenced as error:
        log.warning("run %s: claim %s stops: %s", number, claim.token, error)
        return True
    except Exception as error:
        log.exception("run %s cannot be opened", number)
        lifecycle.finish(claim, RunState.FAILED, **_breakdown(attempt.failure(error, str).ending))
        return True
    _play(show)
    return not show.stuck


def _open(claim: Claim) -> Performance:
    """Load what was claimed, waiting out a database that is away for as long as the lease allows."""
    deadline = time.monotonic() + settings.NOMAFLOW_LEASE_SECONDS
    while True:
        try:
            return open_run(claim)
        except (OperationalError, InterfaceError) as error:
            connection.close()
            if time.monotonic() > deadline:
                raise Fenced(str(error)) from error
            time.sleep(RETRY_SECONDS)


def _play(show: Performance) -> None:
    try:
        with keeper().hold(show.claim, show.scope, show.sink), _job_clock(show):
            try:
                _perform(show)
                _finish(show)
            except Fenced:
                raise
            except Exception as error:
                log.exception("run %s broke down", show.run.run_id)
                _break_down(show, attempt.failure(error, show.masker.mask).ending)
    except Fenced as error:
        log.warning("run %s: claim %s stops: %s", show.run.run_id, show.claim.token, error)
        show.lose()


def _break_down(show: Performance, ending: Ending) -> None:
    """A fault of our own, or a record we cannot store: the run and its step in flight fail with it."""
    show.say(ERROR, ending.traceback)
    show.say(ERROR, f"run {show.run.run_id} · FAILED · {ending.reason}")
    show.sink.flush()
    show.store(
        lambda: lifecycle.finish(show.claim, RunState.FAILED, **_breakdown(ending), log=show.sink.totals)
    )


def _breakdown(ending: Ending) -> dict[str, Any]:
    return {
        "reason_code": ending.reason_code,
        "reason": ending.reason,
        "in_flight": ending,
        "unreached": (Reason.UPSTREAM_FAILED, "skipped: upstream failed"),
    }


def _perform(show: Performance) -> None:
    show.say(INFO, f"run {show.run.run_id} · {show.run.job_id} · triggered by {show.run.triggered_by}")
    for step in show.steps:
        if step.state != StepState.PENDING:
            _carry_over(show, step)
        elif show.failed or show.scope.stop is not None:
            return
        elif _is_wanted(show, step):
            _account(show, step, perform_step(show, step))


def _carry_over(show: Performance, step: StepRun) -> None:
    """A step that needs no work: disabled, or done before this claim."""
    if step.state == StepState.SUCCEEDED:
        show.outputs[step.name] = show.previous = step.output
    elif step.state == StepState.FAILED:
        show.partial = True
    else:
        show.say(INFO, f"step {step.name} · {step.reason}", step=step)


def _is_wanted(show: Performance, step: StepRun) -> bool:
    try:
        wanted = passes(show, step)
    except StepFailed:
        return True  # the attempt fails with the same sentence
    if not wanted:
        code, sentence = passed_over()
        show.store(lambda: lifecycle.pass_over(show.claim, step, reason_code=code, reason=sentence))
        show.done.add(step.position)
        show.say(INFO, f"step {step.name} · {sentence}", step=step)
    return wanted


def _account(show: Performance, step: StepRun, ending: Ending) -> None:
    show.last = (step, ending)
    if ending.state != StepState.CANCELED:
        show.done.add(step.position)
    if ending.state == StepState.SUCCEEDED:
        show.outputs[step.name] = show.previous = ending.output
    elif ending.state == StepState.FAILED and show.step_definition(step)["continue_on_error"]:
        show.partial = True
    elif ending.state == StepState.FAILED:
        show.failed = (step, ending)


@contextlib.contextmanager
def _job_clock(show: Performance) -> Iterator[None]:
    """A job's own limit ends the run as CANCELED."""
    limit = show.run.timeout_seconds
    if not limit:
        yield
        return
    timer = threading.Timer(limit, show.scope.cancel, args=(Stop(Reason.TIMEOUT, f"timeout after {limit}s"),))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _finish(show: Performance) -> None:
    state, code, reason = _verdict(show)
    show.sink.announce_drops()
    show.say(INFO if state == RunState.SUCCEEDED else WARNING, _closing(show, state, reason))
    show.sink.flush()
    canceled = state == RunState.CANCELED
    show.store(
        lambda: lifecycle.finish(
            show.claim,
            state,
            reason_code=code,
            reason=reason,
            ended=show.last,
            unreached=(Reason.RUN_CANCELED, "skipped: run cancelled")
            if canceled
            else (Reason.UPSTREAM_FAILED, "skipped: upstream failed"),
            log=show.sink.totals,
        )
    )


def _verdict(show: Performance) -> tuple[RunState, str, str]:
    """A run that was told to stop is CANCELED, unless all its work was already done or had failed."""
    stop = show.scope.stop
    left = any(step.state == StepState.PENDING and step.position not in show.done for step in show.steps)
    if stop is not None and left and not show.failed:
        state = RunState.FAILED if stop.code == Reason.LEASE_LOST else RunState.CANCELED
        return state, stop.code, stop.sentence
    if show.failed:
        step, ending = show.failed
        return RunState.FAILED, ending.reason_code, f"{step.name}: {ending.reason}"
    if show.partial:
        return RunState.PARTIAL, Reason.STEP_FAILED, "a step failed and the job went on"
    return RunState.SUCCEEDED, "", ""


def _closing(show: Performance, state: RunState, reason: str) -> str:
    if state != RunState.CANCELED:
        return f"run {show.run.run_id} · {state}"
    by = show.scope.stop.by if show.scope.stop else ""
    return f"run cancelled by {by}" if by else f"run cancelled: {reason}"
