"""One step of one run: its attempts, the waits between them, how it ended."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.utils import timezone

from nomaflow import registry
from nomaflow.types import StepCancelled, StepFailed
from runs_app import lifecycle
from runs_app.lifecycle import Beginning, Ending
from runs_app.models import StepRun
from runs_app.states import Reason, StepState
from workers import attempt, conditions, retry
from workers.attempt import Outcome
from workers.cancel import CancelScope
from workers.context import AttemptContext
from workers.logsink import STEP_CODE, SinkHandler
from workers.performance import ERROR, INFO, WARNING, Performance
from workers.plan import Prepared, prepare
from workers.wording import seconds, step_line


def perform_step(show: Performance, step: StepRun) -> Ending:
    """Try until it works or the policy gives up; the ending is not stored yet."""
    definition = show.step_definition(step)
    policy = retry.policy(show.definition["retry"], definition["retry"])
    began = time.monotonic()
    for made in range(1, policy.attempts + 1):
        outcome = _try(show, step, made)
        show.stuck = show.stuck or outcome.stuck
        ending = outcome.ending
        if ending.state != StepState.FAILED or show.scope.stop is not None:
            break
        if not policy.wants(made=made, kind=outcome.kind, retryable=outcome.retryable):
            break
        if stopped := _wait(show, step, ending, made, policy):
            ending = stopped
            break
    level = {StepState.SUCCEEDED: INFO, StepState.CANCELED: WARNING}.get(ending.state, ERROR)
    took = time.monotonic() - began
    show.say(level, f"step {step.name} · {ending.state} · {seconds(took)}", step=step)
    return replace(ending, took=timedelta(seconds=took))


def passes(show: Performance, step: StepRun) -> bool:
    """Whether the step's condition, if it has one, lets it run."""
    condition = show.step_definition(step)["condition"]
    return not condition or conditions.holds(
        condition, params=show.run.snapshot["params"], outputs=show.outputs
    )


def _wait(
    show: Performance, step: StepRun, ending: Ending, made: int, policy: retry.RetryPolicy
) -> Ending | None:
    """Sit out the time to the next try; an ending when the run was stopped meanwhile."""
    pause = policy.wait(made)
    why = ending.reason or ending.error_message
    plan = f"retrying in {seconds(pause)}, attempt {made + 1} of {policy.attempts}"
    show.say(WARNING, f"step {step.name} · {why} · {plan}", step=step)
    retry_at = timezone.now() + timedelta(seconds=pause)
    show.store(lambda: lifecycle.await_retry(show.claim, step, ending, retry_at=retry_at))
    with contextlib.suppress(StepCancelled):
        show.scope.sleep(pause)
    stop = show.scope.stop
    return Ending(state=StepState.CANCELED, reason_code=stop.code, reason=stop.sentence) if stop else None


def _try(show: Performance, step: StepRun, made: int) -> Outcome:
    prepared = _prepare(show, step)
    shown = prepared.shown if isinstance(prepared, Prepared) else None
    beginning = Beginning(step=step, number=made, input=shown, first_seq=show.sink.next_seq)
    show.store(lambda: lifecycle.begin(show.claim, beginning, ended=show.last))
    show.last = None
    if made == 1:
        config = show.masker.mask_tree(show.step_definition(step)["config"])
        show.say(INFO, step_line(step.name, step.type, config), step=step)
    with show.scope.child() as scope:
        outcome = attempt.perform(
            _work(show, step, made, prepared, scope),
            scope=scope,
            timeout=show.step_definition(step)["timeout_seconds"],
            mask=show.masker.mask_tree,
        )
    if outcome.ending.state == StepState.FAILED:
        _tell_error(show, step, outcome.ending)
    return outcome


def _prepare(show: Performance, step: StepRun) -> Prepared | Exception:
    """What the step is to do, or why that cannot be said: the error its attempt fails with."""
    try:
        passes(show, step)  # whether it holds is decided; here a condition that has no answer speaks up
        return prepare(show.run, step, show.step_definition(step), show.outputs, show.masker)
    except ValueError as error:
        return StepFailed(str(error), retry=False)
    except Exception as error:
        return error


def _work(
    show: Performance, step: StepRun, made: int, prepared: Prepared | Exception, scope: CancelScope
) -> Callable[[], Any]:
    def work() -> Any:
        if isinstance(prepared, Exception):
            raise prepared
        kind = registry.step_types()[step.type]
        with contextlib.closing(_context(show, step, made, prepared.params, scope)) as context:
            return kind.run(context, kind.clean(prepared.config))

    return work


def _tell_error(show: Performance, step: StepRun, ending: Ending) -> None:
    """A sentence the step chose itself says enough; anything else is told with its traceback."""
    sentence = ": ".join(part for part in (ending.error_class, ending.error_message) if part)
    chosen = ending.error_class == StepFailed.__name__
    show.say(ERROR, sentence if chosen else ending.traceback or sentence, step=step)


def _context(
    show: Performance, step: StepRun, made: int, params: dict[str, Any], scope: CancelScope
) -> AttemptContext:
    logger = logging.Logger("")
    logger.addHandler(SinkHandler(show.sink, step=step.position, source=STEP_CODE))
    run = show.run
    return AttemptContext(
        run_id=run.run_id,
        job_id=run.job_id,
        step=step.name,
        position=step.position,
        attempt=made,
        session_user=run.triggered_by.removeprefix("user:"),
        as_of=run.as_of,
        params=params,
        previous_step=show.previous,
        log=logger,
        scope=scope,
        masker=show.masker,
        tag=f"nomaflow:{run.run_id}:{show.claim.token}",
    )


def passed_over() -> tuple[str, str]:
    """Code and sentence of a step whose condition did not hold."""
    return Reason.CONDITION_FALSE, "skipped: condition"
