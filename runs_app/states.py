"""The states of runs and steps and the moves allowed between them. Data only; `lifecycle` does the moving."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class RunState(models.TextChoices):
    QUEUED = "QUEUED", _("Queued")
    """Accepted, not yet taken. A worker's claim moves it on; a cancel ends it in place."""
    RUNNING = "RUNNING", _("Running")
    """A worker holds its claim. The owner ends it; the sweep does when the owner is lost."""
    SUCCEEDED = "SUCCEEDED", _("Succeeded")
    """Every step ended well. Final."""
    PARTIAL = "PARTIAL", _("Partial success")
    """A step failed that was allowed to; the others went on. Final."""
    FAILED = "FAILED", _("Failed")
    """A step used up its attempts, or the worker was lost. Final."""
    CANCELED = "CANCELED", _("Canceled")
    """Somebody cancelled it, or the job's time ran out. Final."""
    SKIPPED = "SKIPPED", _("Skipped")
    """A fire that was due and did not start; born final."""


class StepState(models.TextChoices):
    PENDING = "PENDING", _("Pending")
    """Not reached yet."""
    RUNNING = "RUNNING", _("Running")
    """In one of its attempts, or waiting for the next."""
    SUCCEEDED = "SUCCEEDED", _("Succeeded")
    FAILED = "FAILED", _("Failed")
    CANCELED = "CANCELED", _("Canceled")
    """Disabled, not reached, or stopped; the reason says which."""


BORN = "BORN"
"""Where a row comes from that does not exist yet."""

FINAL = frozenset(
    (RunState.SUCCEEDED, RunState.PARTIAL, RunState.FAILED, RunState.CANCELED, RunState.SKIPPED)
)
ACTIVE = frozenset((RunState.QUEUED, RunState.RUNNING))
STEP_FINAL = frozenset((StepState.SUCCEEDED, StepState.FAILED, StepState.CANCELED))

RUN_SOURCES: dict[str, frozenset[str]] = {
    RunState.QUEUED: frozenset((BORN, RunState.RUNNING)),
    RunState.RUNNING: frozenset((RunState.QUEUED,)),
    RunState.SUCCEEDED: frozenset((RunState.RUNNING,)),
    RunState.PARTIAL: frozenset((RunState.RUNNING,)),
    RunState.FAILED: frozenset((RunState.RUNNING, RunState.QUEUED)),
    RunState.CANCELED: frozenset((RunState.RUNNING, RunState.QUEUED)),
    RunState.SKIPPED: frozenset((BORN,)),
}
STEP_SOURCES: dict[str, frozenset[str]] = {
    StepState.PENDING: frozenset((BORN, StepState.RUNNING)),
    StepState.RUNNING: frozenset((StepState.PENDING,)),
    StepState.SUCCEEDED: frozenset((StepState.RUNNING,)),
    StepState.FAILED: frozenset((StepState.RUNNING,)),
    StepState.CANCELED: frozenset((BORN, StepState.PENDING, StepState.RUNNING)),
}

SYNONYMS: dict[str, str] = {
    "ABORTED": RunState.CANCELED,
    "CANCELLED": RunState.CANCELED,
    "PARTIAL-SUCCESS": RunState.PARTIAL,
    "PARTIAL_SUCCESS": RunState.PARTIAL,
}
"""Words the API accepts for a state beside its own; `ABORTING` is a filter of its own."""


class Reason(models.TextChoices):
    """Why a row did not end well: stable codes, the sentence stands beside them."""

    DISABLED = "disabled"
    UPSTREAM_FAILED = "upstream_failed"
    CONDITION_FALSE = "condition_false"
    RUN_CANCELED = "run_canceled"
    SINGLE_INSTANCE = "single_instance"
    DEPENDENCY_FAILED = "dependency_failed"
    DEPENDENCY_NEVER_RAN = "dependency_never_ran"
    DEPENDENCY_RUNNING = "dependency_running"
    MISFIRE = "misfire"
    BLACKOUT = "blackout"
    PAUSED = "paused"
    TIMEOUT = "timeout"
    USER_CANCEL = "user_cancel"
    PARENT_CANCELED = "parent_canceled"
    INTERRUPTED = "interrupted"
    WORKER_LOST = "worker_lost"
    LEASE_LOST = "lease_lost"
    KILLED = "killed"
    QUARANTINED = "quarantined"
    MEMORY_LIMIT = "memory_limit"
    STEP_FAILED = "step_failed"
