"""Runs, steps and attempts as plain JSON, the same for the API, the command line and the sockets.

No function here asks the database: load `steps` and their `attempts` first (see `RunQuerySet.with_details`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jobs_app.masking import hide
from jobs_app.presentation import iso
from runs_app import logs, run_ids
from runs_app.models import Attempt, LogLine, Run, StepRun

LATEST_LINES = 1_000
"""How many log lines a run is shown with."""
SOURCES = ("framework", "step")


def run_dict(run: Run) -> dict[str, Any]:
    """One run without its steps. Times are UTC with milliseconds, durations milliseconds."""
    return {
        "run_id": run.run_id,
        "job_id": run.job_id,
        "state": run.state,
        "canceling": run.canceling,
        "reason_code": run.reason_code or None,
        "reason": run.reason or None,
        "triggered_by": run.triggered_by,
        "trigger_detail": run.trigger_detail or None,
        "preset": run.preset or None,
        **_times(run, "scheduled_for", "as_of", "queued_at", "started_at", "finished_at"),
        "duration_ms": run.duration_ms,
        "log_level": run.log_level,
        "replay_of": run_ids.show(run.replay_of_id) if run.replay_of_id else None,
        "parent": run_ids.show(run.parent_id) if run.parent_id else None,
        "url": url(run),
    }


def run_detail(run: Run) -> dict[str, Any]:
    """What the run's own page shows of it beside its steps and log."""
    return run_dict(run) | {
        "snapshot": shown_snapshot(run),
        "version": run.version.number if run.version else None,
        "timeout_seconds": run.timeout_seconds,
        "single_instance": run.single_instance,
        "pool": run.pool,
        "priority": run.priority,
        "worker": run.worker or None,
        "rescues": run.rescues,
        **_times(run, "cancel_requested_at"),
        "cancel_requested_by": run.cancel_requested_by or None,
        "log": {
            "last_seq": run.log_last_seq,
            "dropped_lines": run.log_dropped_lines,
            "dropped_bytes": run.log_dropped_bytes,
        },
    }


def shown_snapshot(run: Run) -> dict[str, Any]:
    """What a run was started with, without what is named like a secret; the row keeps it for the worker."""
    return {
        **run.snapshot,
        "params": hide(run.snapshot.get("params", {})),
        "op_kwargs": {step: hide(values) for step, values in run.snapshot.get("op_kwargs", {}).items()},
    }


def step_dict(step: StepRun) -> dict[str, Any]:
    """One step without its attempts."""
    return {
        "position": step.position,
        "name": step.name,
        "type": step.type,
        "state": step.state,
        "reason_code": step.reason_code or None,
        "reason": step.reason or None,
        **_times(step, "started_at", "finished_at", "retry_at"),
        "duration_ms": step.duration_ms,
        "attempts_made": step.attempts_made,
        "rows_affected": step.rows_affected,
        "output": step.output,
        **_error(step),
    }


def attempt_dict(attempt: Attempt) -> dict[str, Any]:
    """One try of a step; `input` is the configuration as it ran, secrets masked."""
    return {
        "number": attempt.number,
        "state": attempt.state,
        "reason_code": attempt.reason_code or None,
        "reason": attempt.reason or None,
        **_times(attempt, "started_at", "finished_at"),
        "input": attempt.input,
        "output": attempt.output,
        **_error(attempt),
        "first_seq": attempt.first_seq,
    }


def step_detail(step: StepRun) -> dict[str, Any]:
    return step_dict(step) | {"attempts": [attempt_dict(attempt) for attempt in step.attempts.all()]}


def line_dict(line: LogLine, step_names: Mapping[int, str]) -> dict[str, Any]:
    return {
        "seq": line.seq,
        "at": iso(line.at),
        "level": logs.LEVELS[line.level],
        "step": step_names.get(line.step),
        "logger": line.logger,
        "message": line.message,
        "source": SOURCES[line.source],
    }


def page_dict(run: Run, page: logs.LogPage, *, compact: bool = False) -> dict[str, Any]:
    """A page of the log; `compact` lines are arrays. `state` was read before the lines."""
    lines = logs.rows(page.lines) if compact else _objects(run, page.lines)
    return {"lines": lines, "last": page.last, "more": page.more, "state": run.state}


def accepted(run: Run) -> dict[str, Any]:
    """The short answer to a request that made a run."""
    return {name: run_dict(run)[name] for name in ("run_id", "job_id", "state", "triggered_by", "url")}


def whole_run(run: Run, lines: Iterable[LogLine]) -> dict[str, Any]:
    """The run, its steps with their attempts, and the latest lines of its log."""
    steps = [step_detail(step) for step in run.steps.all()]
    return {"run": run_detail(run), "steps": steps, "logs": _objects(run, lines)}


def url(run: Run) -> str:
    return f"/nomaflow/runs/{run.run_id}"


def _objects(run: Run, lines: Iterable[LogLine]) -> list[dict[str, Any]]:
    names = {step.position: step.name for step in run.steps.all()}
    return [line_dict(line, names) for line in lines]


def _times(row: Any, *names: str) -> dict[str, str | None]:
    return {name: iso(getattr(row, name)) for name in names}


def _error(row: StepRun | Attempt) -> dict[str, str | None]:
    return {name: getattr(row, name) or None for name in ("error_class", "error_message", "traceback")}
