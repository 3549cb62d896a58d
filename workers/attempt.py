"""One attempt as a flat pipeline over one value: arm the clock, perform, classify."""

from __future__ import annotations

import json
import math
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.db import connections

from nomaflow.extending import InvalidConfig
from nomaflow.types import StepCancelled, StepFailed
from runs_app.lifecycle import Ending
from runs_app.states import Reason, StepState
from workers.cancel import CancelScope, Stop

LARGEST_OUTPUT = 1024 * 1024
LONGEST_MESSAGE, LONGEST_CLASS = 10_000, 200
POLL_SECONDS = 0.25


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an attempt ended, and what the engine must know about it."""

    ending: Ending
    kind: str = ""
    """Of a failure: `error, timeout, connection, constraint, http_4xx …`; the retry policy reads it."""
    retryable: bool = True
    stuck: bool = False
    """The executor did not come back after its grace; this process must not be used again."""


def perform(
    work: Callable[[], Mapping[str, Any] | None],
    *,
    scope: CancelScope,
    timeout: float,
    mask: Callable[[Any], Any],
) -> Outcome:
    """Run `work` until it ends, its `timeout` (seconds) passes or `scope` stops; never longer than the grace."""
    box: list[Any] = []
    done = threading.Event()

    def body() -> None:
        try:
            box.append(work())
        except BaseException as error:  # SystemExit of user code included: nothing may pass unrecorded
            box.append(_Raised(error))
        finally:
            connections.close_all()  # a thread's own; looking up a connector opens one
            done.set()

    threading.Thread(target=body, name="step", daemon=True).start()
    _wait(done, scope, timeout)
    if not done.is_set():
        return _stuck(scope)
    return classify(box[0], scope=scope, mask=mask)


@dataclass(frozen=True)
class _Raised:
    error: BaseException


def _wait(done: threading.Event, scope: CancelScope, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not done.wait(min(POLL_SECONDS, max(0.0, deadline - time.monotonic()))) and scope.stop is None:
        if time.monotonic() >= deadline:
            scope.cancel(Stop(Reason.TIMEOUT, f"timeout after {timeout:g}s", step_only=True))
    if not done.is_set():
        done.wait(settings.NOMAFLOW_CANCEL_GRACE_SECONDS + 1)


def classify(result: Any, *, scope: CancelScope, mask: Callable[[Any], Any]) -> Outcome:
    """What a result or an exception means for the step. Work that came to its end counts, even a moment late."""
    if not isinstance(result, _Raised):
        output = presentable(result, mask)
        return Outcome(ending=Ending(state=StepState.SUCCEEDED, output=output, rows_affected=_rows(output)))
    if scope.stop is not None:
        return _stopped(scope.stop)
    return failure(result.error, mask)


def _stopped(stop: Stop) -> Outcome:
    failed = stop.step_only or stop.code == Reason.LEASE_LOST
    state = StepState.FAILED if failed else StepState.CANCELED
    ending = Ending(state=state, reason_code=stop.code, reason=stop.sentence, error_message=stop.sentence)
    return Outcome(ending=ending, kind="timeout" if state == StepState.FAILED else "canceled")


def _stuck(scope: CancelScope) -> Outcome:
    stop = scope.stop or Stop(Reason.TIMEOUT, "the step did not end", step_only=True)
    return replace(_stopped(stop), retryable=False, stuck=True)


def failure(error: BaseException, mask: Callable[[Any], Any]) -> Outcome:
    """An exception as the record keeps it: masked, short enough, and storable whatever is in its text."""
    message = _message(error)
    if isinstance(error, InvalidConfig):
        error = StepFailed(message, retry=False)
    # Another exception's attributes of these names mean other things.
    own = error if isinstance(error, StepFailed) else StepFailed(message)
    kind = own.kind
    code = kind if kind in (Reason.KILLED, Reason.MEMORY_LIMIT) else Reason.STEP_FAILED
    shown = _storable(mask(message))
    name = (own.error_class or type(error).__name__)[:LONGEST_CLASS]
    ending = Ending(
        state=StepState.FAILED,
        reason_code=code,
        reason=shown if code != Reason.STEP_FAILED or name == StepFailed.__name__ else f"{name}: {shown}",
        error_class=name,
        error_message=shown,
        traceback=_storable(mask(_traceback(error))),
    )
    return Outcome(ending=ending, kind=kind, retryable=own.retry)


def _message(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:  # an error that cannot even say what it is
        text = ""
    return text[:LONGEST_MESSAGE] or type(error).__name__


def _traceback(error: BaseException) -> str:
    """The remote one where the error came from another process; none for a sentence of our own."""
    if isinstance(error, StepFailed) and error.traceback_text:
        return error.traceback_text
    if isinstance(error, (StepFailed, StepCancelled)) and error.__cause__ is None:
        return ""
    return "".join(traceback.format_exception(error))


def presentable(result: Mapping[str, Any] | None, mask: Callable[[Any], Any]) -> dict[str, Any]:
    """A masked output JSON can hold, or a note that it could not be: the work is done either way."""
    try:
        text = json.dumps(dict(result or {}), allow_nan=False)
        if len(text) > LARGEST_OUTPUT:
            size = f"{len(text):,} characters long, more than {LARGEST_OUTPUT:,}"
            return {"_unserialisable": f"the output is {size}"}
        return dict(mask(_storable(json.loads(text))))
    except (TypeError, ValueError, RecursionError) as error:
        return {"_unserialisable": _storable(mask(f"{type(error).__name__}: {error}"[:500]))}


def _storable(value: Any) -> Any:
    """JSON without what PostgreSQL refuses in it: NUL and lone surrogates."""
    if isinstance(value, str):
        return value.replace("\0", "\u2400").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_storable(key): _storable(item) for key, item in value.items()}
    return [_storable(item) for item in value] if isinstance(value, list) else value


def _rows(output: Mapping[str, Any]) -> int | None:
    rows = output.get("rows_affected")
    if not isinstance(rows, (int, float)) or isinstance(rows, bool) or not math.isfinite(rows):
        return None
    return int(rows) if abs(rows) < 2**63 else None
