"""What a card of the catalogue shows, and what its reader may do there. Two or three queries for any number."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

from django.utils.translation import get_language

from jobs_app import cron
from jobs_app.definition import freeze
from jobs_app.models import Job
from jobs_app.permissions import Permissions


@dataclass(frozen=True)
class Card:
    """A job with its recent past (see `runs_app.histories.History`) as one reader sees it."""

    job: Job
    history: Any
    may: Permissions

    @property
    def id(self) -> str:
        return self.job.pk

    @property
    def last(self) -> Any:
        """The latest run that started or waits to start; None when there was none."""
        return self.history.last

    @property
    def latest_runs(self) -> list[Any]:
        """The ten latest runs, newest first."""
        return list(reversed(self.history.runs[-10:]))

    @property
    def in_flight(self) -> bool:
        return self.last is not None and self.last.active

    @property
    def blocked(self) -> bool:
        """Whether another run would be refused: one run at a time."""
        return self.in_flight and self.job.single_instance

    @property
    def next_fire(self) -> datetime | None:
        return self.job.next_fire if self.job.enabled else None

    @property
    def schedule_words(self) -> str:
        """The schedule as a sentence and its zone; empty for a job started by hand only."""
        if not self.job.schedule:
            return ""
        return f"{_words(self.job.schedule, get_language() or 'en')} · {self.job.timezone}"

    @cached_property
    def definition(self) -> Mapping[str, Any]:
        return self.job.version.definition if self.job.version else freeze(self.job)

    @property
    def step_count(self) -> int:
        return len(self.definition["steps"])

    @property
    def asks(self) -> bool:
        """Whether Run now opens the dialog; a single step without parameters is fired at once."""
        steps = self.definition["steps"]
        return bool(self.definition["params"]) or len(steps) > 1 or any(op_kwargs(step) for step in steps)

    @property
    def may_run(self) -> bool:
        return self.may.may("run", self.id)

    @property
    def may_cancel(self) -> bool:
        return self.may.may("cancel", self.id)

    @property
    def may_edit(self) -> bool:
        return self.may.may("edit", self.id)

    @property
    def state(self) -> str:
        return self.last.state if self.last else "NEVER"


@lru_cache(maxsize=2048)
def _words(expression: str, language: str) -> str:
    try:
        return cron.describe(expression, language)
    except cron.CronError:
        return expression


def op_kwargs(step: Mapping[str, Any]) -> Mapping[str, Any]:
    """The arguments of a python step; other types have none."""
    return step["config"].get("op_kwargs") or {}


def cards(jobs: Iterable[Job], may: Permissions) -> list[Card]:
    """Cards of jobs the reader may view, in the order given."""
    found = list(jobs)
    histories = Job.objects.histories(found)
    return [Card(job, histories[job.pk], may) for job in found]


def one_card(job: Job, may: Permissions) -> Card:
    return cards([job], may)[0]
