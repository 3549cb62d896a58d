"""Why a run or a step is in the state it is in, as one sentence for people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from runs_app.models import Run, StepRun
from runs_app.states import Reason, RunState, StepState

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

PASSED_OVER = (Reason.DISABLED, Reason.CONDITION_FALSE)
"""Why a step was skipped on purpose."""
_RUN: dict[str, str | StrPromise] = {
    Reason.WORKER_LOST: gettext_lazy("The worker stopped answering in the middle of the work: %(reason)s."),
    Reason.LEASE_LOST: gettext_lazy("The worker lost its hold on this run: %(reason)s."),
    Reason.INTERRUPTED: gettext_lazy("Interrupted: %(reason)s."),
    Reason.KILLED: gettext_lazy("A step's process was killed: %(reason)s."),
    Reason.MEMORY_LIMIT: gettext_lazy("A step needed more memory than it may have: %(reason)s."),
    Reason.TIMEOUT: gettext_lazy("Its time ran out: %(reason)s."),
    Reason.QUARANTINED: gettext_lazy("Taken out of service: %(reason)s."),
    Reason.PARENT_CANCELED: gettext_lazy("Canceled with the run that started it."),
}


def of_run(run: Run, steps: Iterable[StepRun] = ()) -> str:
    """One line under the header; empty for a run that went well or is still going."""
    failed = [step for step in steps if step.state == StepState.FAILED]
    if run.state == RunState.SKIPPED:
        return _("This fire did not start: %s.") % run.reason
    if run.state == RunState.PARTIAL:
        return _("The job went on although it did not work: %s") % "; ".join(map(of_failure, failed))
    if run.reason_code == Reason.USER_CANCEL:
        who = run.cancel_requested_by or run.reason.removeprefix("cancelled by ")
        return _("Canceled by %s.") % who.removeprefix("user:")
    if run.reason_code == Reason.STEP_FAILED and failed:
        return of_failure(failed[-1])
    wording = _RUN.get(run.reason_code)
    return str(wording) % {"reason": run.reason} if wording else run.reason


def of_failure(step: StepRun) -> str:
    """`F9202: TimeoutError: no answer`."""
    message = step.error_message or step.reason
    return ": ".join(part for part in (step.name, step.error_class, message) if part)


def of_step(step: StepRun) -> str:
    """Why a step did not run or was stopped; empty where its error says more, or all is well."""
    if step.state == StepState.CANCELED:
        return step.reason
    return step.reason if step.state == StepState.FAILED and not step.error_message else ""


@dataclass(frozen=True)
class Summary:
    """How far the steps of a run came."""

    succeeded: int
    skipped: int
    """Switched off, or their condition did not hold."""
    total: int
    failed: StepRun | None
    """The first one that failed."""

    @property
    def done(self) -> str:
        """`4 / 7`; empty for a run without steps."""
        return f"{self.succeeded} / {self.total}" if self.total else ""

    @property
    def whole(self) -> bool:
        """Every step succeeded, and there was one."""
        return 0 < self.total == self.succeeded


def summary(steps: Iterable[StepRun]) -> Summary:
    rows = list(steps)
    return Summary(
        succeeded=sum(step.state == StepState.SUCCEEDED for step in rows),
        skipped=sum(step.reason_code in PASSED_OVER for step in rows),
        total=len(rows),
        failed=next((step for step in rows if step.state == StepState.FAILED), None),
    )
