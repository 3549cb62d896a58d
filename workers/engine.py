"""The story of one run: claim it, take its steps in order, end it."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator

from nomaflow.types import StepFailed
from runs_app import lifecycle
from runs_app.lifecycle import Ending, Fenced
from runs_app.models import StepRun
from runs_app.states import Reason, RunState, StepState
from workers.cancel import Stop
from workers.keeper import keeper
from workers.performance import INFO, WARNING, Performance, open_run
from workers.steps import passed_over, passes, perform_step

log = logging.getLogger(__name__)


def execute(number: int, *, worker: str) -> bool:
    """Run `number` if it is still to be had. False when this process must not take another run."""
    claim = lifecycle.claim(number, worker=worker)
    if claim is None:
        return True
    show = open_run(claim)
    try:
        with keeper().hold(claim, show.scope, show.sink), _job_clock(show):
            _perform(show)
            _finish(show)
    except Fenced as error:
        log.warning("run %s: claim %s stops: %s", show.run.run_id, claim.token, error)
        show.lose()
    return not show.stuck


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
        step.state = StepState.CANCELED  # as stored
        show.say(INFO, f"step {step.name} · {sentence}", step=step)
    return wanted


def _account(show: Performance, step: StepRun, ending: Ending) -> None:
    show.last = (step, ending)
    step.state = ending.state
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
    left = any(
        step.state in (StepState.PENDING, StepState.CANCELED) and not step.reason for step in show.steps
    )
    if stop is not None and left and not show.failed:
        return RunState.CANCELED, stop.code, stop.sentence
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
