"""What the run page shows of each step: its tries, what went in, what came out, what it waits for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runs_app import reasons
from runs_app.models import Attempt, Run, StepRun
from runs_app.states import RunState, StepState

PREVIEW = "rows_preview"
_WHOLE = 64 * 1024
_LONGEST_FACT = 120


@dataclass(frozen=True)
class Preview:
    """The first rows of a query."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Output:
    """An output in three forms: short values, rows, and the rest as JSON."""

    facts: Sequence[tuple[str, str]]
    preview: Preview | None
    rest: str


@dataclass(frozen=True)
class Try:
    """One attempt and what it left."""

    attempt: Attempt
    input: str
    took_ms: int | None


@dataclass(frozen=True)
class Row:
    """One line of the timeline."""

    step: StepRun
    tries: Sequence[Try]
    note: str
    output: Output | None
    most: int
    """How many attempts the step may have."""

    @property
    def attempts(self) -> list[Attempt]:
        return [each.attempt for each in self.tries]

    @property
    def waiting(self) -> bool:
        return self.step.state == StepState.RUNNING and self.step.retry_at is not None

    @property
    def next_attempt(self) -> int:
        return self.step.attempts_made + 1

    @property
    def passed_over(self) -> bool:
        return self.step.reason_code in reasons.PASSED_OVER

    @property
    def shown_state(self) -> str:
        """The state as people call it: a step passed over is told as skipped, not as canceled."""
        return RunState.SKIPPED if self.passed_over else self.step.state

    @property
    def expandable(self) -> bool:
        return bool(self.tries)


def rows(run: Run) -> list[Row]:
    """The timeline of a run loaded with `with_details`."""
    steps = list(run.steps.all())
    most = _most_attempts(run) if any(step.retry_at or step.attempts_made > 1 for step in steps) else {}
    return [_row(step, most.get(step.name, 1)) for step in steps]


def _row(step: StepRun, most: int) -> Row:
    tries = [_try(attempt) for attempt in step.attempts.all()]
    output = None if step.output is None else present(step.output)
    return Row(step, tries, reasons.of_step(step), output, max(most, step.attempts_made))


def _try(attempt: Attempt) -> Try:
    return Try(attempt, "" if attempt.input is None else text(attempt.input), took(attempt))


def took(row: Any) -> int | None:
    """Milliseconds between start and end."""
    if not (row.started_at and row.finished_at):
        return None
    return max(0, round((row.finished_at - row.started_at).total_seconds() * 1000))


def _most_attempts(run: Run) -> dict[str, int]:
    """By step, from the frozen definition."""
    definition = run.version.definition if run.version else {}
    whole = definition.get("retry") or {}
    return {
        step["name"]: int((step.get("retry") or whole).get("attempts", 1))
        for step in definition.get("steps", ())
    }


def present(output: Any) -> Output:
    """Split an output.

    >>> shown = present({"rows_affected": 1234, "rows_preview": [{"a": 1}]})
    >>> shown.facts, shown.preview, shown.rest
    ([('rows_affected', '1,234')], Preview(columns=['a'], rows=[['1']]), '')
    """
    if not isinstance(output, Mapping):
        return Output((), None, text(output))
    rows: Any = output.get(PREVIEW)
    preview = _preview(rows) if _tabular(rows) else None
    rest = {name: value for name, value in output.items() if not (name == PREVIEW and preview)}
    facts = [(name, cell(value)) for name, value in rest.items() if _short(value)]
    others = {name: value for name, value in rest.items() if not _short(value)}
    return Output(facts, preview, text(others) if others else "")


def _tabular(rows: Any) -> bool:
    return isinstance(rows, list) and bool(rows) and all(isinstance(row, Mapping) for row in rows)


def _preview(rows: list[Mapping[str, Any]]) -> Preview:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return Preview(columns, [[cell(row.get(name)) for name in columns] for row in rows])


def _short(value: Any) -> bool:
    return not isinstance(value, (list, dict)) and len(str(value)) <= _LONGEST_FACT


def cell(value: Any) -> str:
    """A value as a table shows it: numbers grouped, `null`, `true`, the rest as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return json.dumps(value, ensure_ascii=False)


def text(value: Any) -> str:
    """Indented JSON, cut where a page would drown in it."""
    whole = json.dumps(value, ensure_ascii=False, indent=2)
    return whole if len(whole) <= _WHOLE else whole[:_WHOLE] + "\n…"


def axis(run: Run, now: datetime) -> tuple[datetime, datetime]:
    """Where the chart begins and ends."""
    begin = run.started_at or run.queued_at
    return begin, max(run.finished_at or now, begin)
