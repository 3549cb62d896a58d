"""The one door: every run begins here, whoever asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from jobs_app import audit, substitution
from jobs_app.models import Job
from runs_app import lifecycle, queue
from runs_app.models import Run, StepRun
from runs_app.states import ACTIVE

ONE_ACTIVE = "runs_one_active_per_job"
LOG_LEVELS = ("DEBUG", "INFO", "WARNING")
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Between these every zone's date, and the month before and after it, can be worked out and read back."""


class DispatchError(Exception):
    """A run that was not accepted: a stable `code`, the `field` to blame, a sentence."""

    def __init__(self, code: str, field: str, message: str, *, run: Run | None = None) -> None:
        super().__init__(message)
        self.code, self.field, self.message, self.run = code, field, message, run


@dataclass(frozen=True, kw_only=True)
class Overrides:
    """What one fire changes: parameters, per-step arguments, steps on or off, the log level."""

    params: Mapping[str, Any] = field(default_factory=dict)
    op_kwargs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    step_enabled: Mapping[str, bool] = field(default_factory=dict)
    log_level: str | None = None


def dispatch(
    job: Job,
    *,
    triggered_by: str,
    overrides: Overrides | None = None,
    trigger_detail: str = "",
    as_of: datetime | None = None,
    replay_of: Run | None = None,
    parent: Run | None = None,
    idempotency_key: str | None = None,
    address: str | None = None,
    actor: str | None = None,
) -> Run:
    """Accept one run of `job` and ring for it after the commit.

    Raises `DispatchError`: `unknown_parameter`, `unknown_step`, `invalid_value`, or `already_active` with the
    run in flight. A repeated `idempotency_key` returns the run it made the first time.
    `actor` is whom the audit trail names when `triggered_by` does not say it: a token's user.
    """
    if idempotency_key and (known := _repeated(job, idempotency_key)):
        return known
    if as_of and not EARLIEST <= as_of < LATEST:
        raise DispatchError("invalid_value", "as_of", _("This must lie in the years 1900 to 8999."))
    run = new_run(
        job,
        overrides or Overrides(),
        triggered_by=triggered_by[:200],
        trigger_detail=trigger_detail[:200],
        as_of=as_of or timezone.now(),
        replay_of=replay_of,
        parent=parent,
        idempotency_key=idempotency_key,
    )
    try:
        with transaction.atomic():
            lifecycle.queue_up(run, new_steps(run))
            audit.record(
                actor or triggered_by, "run.requested", kind="run", id=run.run_id, address=address, job=job.pk
            )
            queue.ring(run)
    except IntegrityError as error:
        if idempotency_key and (known := _repeated(job, idempotency_key)):
            return known
        raise _conflict(job, error) from error
    return run


def new_run(job: Job, overrides: Overrides, **values: Any) -> Run:
    """An unsaved run of the job as it is saved now."""
    if job.version is None:
        raise DispatchError("not_saved", "job", _("Job %s has no saved definition.") % job.pk)
    definition = job.version.definition
    _check(definition, overrides)
    return Run(
        job=job,
        version=job.version,
        snapshot=_snapshot(definition, overrides),
        log_level=overrides.log_level or definition["log_level"],
        timeout_seconds=definition["timeout_seconds"],
        single_instance=definition["single_instance"],
        pool=definition["pool"],
        priority=definition["priority"],
        **values,
    )


def with_overrides(definition: Mapping[str, Any], overrides: Overrides) -> dict[str, Any]:
    """The definition as one fire changes it, for whoever must know what the run will reach."""
    merged = _snapshot(definition, overrides)
    arguments = merged["op_kwargs"]
    steps = [
        {**step, "config": {**step["config"], "op_kwargs": arguments[step["name"]]}}
        if step["name"] in arguments
        else step
        for step in definition["steps"]
    ]
    return {**definition, "params": merged["params"], "steps": steps}


def new_steps(run: Run) -> list[StepRun]:
    """Its unsaved step rows."""
    enabled = run.snapshot["step_enabled"]
    steps = run.version.definition["steps"] if run.version else []
    return [
        lifecycle.new_step(
            run, position=n, name=step["name"], type=step["type"], enabled=enabled[step["name"]]
        )
        for n, step in enumerate(steps, start=1)
    ]


def _snapshot(definition: Mapping[str, Any], overrides: Overrides) -> dict[str, Any]:
    """The merged map before substitution: what a replay starts from.

    A parameter given for one fire wins over a step's saved argument of the same name, and loses to an argument
    given for that fire.
    """
    steps = definition["steps"]
    op_kwargs = {}
    for step in steps:
        if (saved := step["config"].get("op_kwargs")) is not None:
            fired = {name: value for name, value in overrides.params.items() if name in saved}
            op_kwargs[step["name"]] = {**saved, **fired, **overrides.op_kwargs.get(step["name"], {})}
    return {
        "params": {**definition["params"], **overrides.params},
        "op_kwargs": op_kwargs,
        "step_enabled": {
            step["name"]: overrides.step_enabled.get(step["name"], step["enabled"]) for step in steps
        },
    }


def _check(definition: Mapping[str, Any], overrides: Overrides) -> None:
    """Only what the job declares may be overridden."""
    steps = {step["name"]: step for step in definition["steps"]}
    for name in overrides.params:
        if name not in definition["params"]:
            message = _("“%(name)s” is not a parameter of %(job)s.")
            raise DispatchError("unknown_parameter", f"params.{name}", message % _named(definition, name))
    for place, names in (("op_kwargs", overrides.op_kwargs), ("step_enabled", overrides.step_enabled)):
        for name in names:
            if name not in steps:
                message = _("“%(name)s” is not a step of %(job)s.")
                raise DispatchError("unknown_step", f"{place}.{name}", message % _named(definition, name))
    for step, values in overrides.op_kwargs.items():
        declared = {*steps[step]["config"].get("op_kwargs", {}), *definition["params"]}
        for name in values:
            if "op_kwargs" not in steps[step]["config"] or name not in declared:
                message = _("“%(name)s” is not an argument of step “%(step)s”.")
                raise DispatchError(
                    "unknown_parameter", f"op_kwargs.{step}.{name}", message % {"name": name, "step": step}
                )
    _check_values(overrides)


def _check_values(overrides: Overrides) -> None:
    given = [("params", overrides.params)]
    given += [(f"op_kwargs.{step}", values) for step, values in overrides.op_kwargs.items()]
    for place, values in given:
        for name, value in values.items():
            if problems := substitution.check(value):
                raise DispatchError("invalid_value", f"{place}.{name}", problems[0])
    for name, value in overrides.step_enabled.items():
        if not isinstance(value, bool):
            raise DispatchError("invalid_value", f"step_enabled.{name}", _("This must be true or false."))
    if overrides.log_level is not None and overrides.log_level not in LOG_LEVELS:
        sentence = _("The log level is one of %s.") % ", ".join(LOG_LEVELS)
        raise DispatchError("invalid_value", "log_level", sentence)


def _named(definition: Mapping[str, Any], name: str) -> dict[str, str]:
    return {"name": name, "job": definition["id"]}


def _repeated(job: Job, key: str) -> Run | None:
    return Run.objects.filter(job_id=job.pk, idempotency_key=key).first()


def _conflict(job: Job, error: IntegrityError) -> Exception:
    if violated(error) != ONE_ACTIVE:
        return error
    active = Run.objects.filter(job_id=job.pk, state__in=ACTIVE, single_instance=True).first()
    shown = active.run_id if active else "?"
    message = _("%(job)s is already running: %(run)s.") % {"job": job.pk, "run": shown}
    return DispatchError("already_active", "job", message, run=active)


def violated(error: IntegrityError) -> str | None:
    """The name of the constraint that said no."""
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None)
