"""Everything the list of runs shows, gathered once: the page, its counters, its addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.db.models import Count
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from jobs_app.models import Job
from runs_app import reasons
from runs_app.filters import FilterError, RunFilter
from runs_app.models import Run, StepRun
from runs_app.states import ACTIVE, RunState

PERIODS: dict[str, tuple[Any, timedelta | None]] = {
    "24h": (gettext_lazy("Last 24 hours"), timedelta(hours=24)),
    "7d": (gettext_lazy("Last 7 days"), timedelta(days=7)),
    "30d": (gettext_lazy("Last 30 days"), timedelta(days=30)),
    "custom": (gettext_lazy("From – to"), None),
}
DEFAULT_PERIOD = "7d"
TRIGGERS = {
    "cron": gettext_lazy("cron"),
    "user": gettext_lazy("user"),
    "api": gettext_lazy("api"),
    "cli": gettext_lazy("cli"),
    "job": gettext_lazy("another job"),
    "system": gettext_lazy("system"),
}
_KEPT = ("job", "trigger", "user", "q", "period", "from", "to")
_MOST_JOBS = 500
_STEP_COLUMNS = (
    "run_id",
    "position",
    "name",
    "state",
    "reason",
    "reason_code",
    "error_class",
    "error_message",
)


@dataclass(frozen=True)
class Row:
    """One run of the list."""

    run: Run
    zone: str
    steps: reasons.Summary
    share: int
    """Its duration in percent of the longest on this page."""

    @property
    def active(self) -> bool:
        return self.run.state in ACTIVE

    @property
    def failed(self) -> StepRun | None:
        return self.steps.failed

    @property
    def error_class(self) -> str:
        return self.failed.error_class if self.failed else ""

    @property
    def said(self) -> str:
        """The error, or why it ended so."""
        if self.failed and self.failed.error_message:
            return self.failed.error_message.strip().split("\n", 1)[0]
        return reasons.of_run(self.run)


@dataclass(frozen=True)
class Counter:
    """How many runs are in a state, and the address that adds or removes it as a filter."""

    state: str
    count: int
    share: int
    on: bool
    url: str


@dataclass(frozen=True)
class RunList:
    """What `user` asked for with `query`."""

    user: Any
    query: QueryDict
    now: datetime

    @classmethod
    def of(cls, user: Any, query: QueryDict) -> RunList:
        return cls(user, query, timezone.now())

    @cached_property
    def period(self) -> str:
        given = self.query.get("period", "")
        if not given:
            return "custom" if self.query.get("from") or self.query.get("to") else DEFAULT_PERIOD
        if given not in PERIODS:
            raise FilterError("period", _("“%s” is no period.") % given)
        return given

    @cached_property
    def filter(self) -> RunFilter:
        """The query as the API reads it; a named period becomes its beginning."""
        query = self.query.copy()
        length = PERIODS[self.period][1]
        if length is None:
            return RunFilter.read(query)
        for name in ("from", "to"):
            query.pop(name, None)
        return replace(RunFilter.read(query), start=self.now - length)

    @cached_property
    def _page(self) -> tuple[list[Run], str | None]:
        return self.filter.page(Run.objects.visible_to(self.user).for_list())

    @cached_property
    def rows(self) -> list[Row]:
        runs = self._page[0]
        steps, zones = self._steps(runs), self._zones(runs)
        longest = max((run.duration_ms or 0 for run in runs), default=0) or 1
        return [
            Row(
                run,
                zones.get(run.job_id, "UTC"),
                reasons.summary(steps.get(run.pk, ())),
                share=round((run.duration_ms or 0) * 100 / longest),
            )
            for run in runs
        ]

    @cached_property
    def counters(self) -> list[Counter]:
        """One for each state that occurs or is chosen; they count what the other filters leave."""
        everything = replace(self.filter, states=frozenset(), aborting=False, before=None)
        found = everything.apply(Run.objects.visible_to(self.user)).order_by()
        counts = dict(found.values_list("state").annotate(Count("id")))
        return [
            Counter(state, counts.get(state, 0), self._share(state, counts), on, self._toggled(state))
            for state in RunState.values
            if (on := state in self.filter.states) or counts.get(state)
        ]

    @staticmethod
    def _share(state: str, counts: Mapping[str, int]) -> int:
        """Percent of the runs that have ended; 0 for one that has not."""
        ended = sum(count for each, count in counts.items() if each not in ACTIVE)
        return round(counts.get(state, 0) * 100 / ended) if ended and state not in ACTIVE else 0

    @cached_property
    def total(self) -> int:
        return sum(counter.count for counter in self.counters)

    @property
    def states(self) -> list[str]:
        return sorted(self.filter.states)

    @property
    def job(self) -> str:
        """The one job these runs are of, when there is one."""
        return self.filter.jobs[0] if len(self.filter.jobs) == 1 else ""

    @cached_property
    def jobs(self) -> list[str]:
        """Ids to choose from."""
        return list(
            Job.objects.visible_to(self.user).order_by("id").values_list("id", flat=True)[:_MOST_JOBS]
        )

    @property
    def choices(self) -> Mapping[str, Any]:
        return {
            "periods": [(name, words) for name, (words, _length) in PERIODS.items()],
            "triggers": TRIGGERS.items(),
        }

    @property
    def live(self) -> bool:
        """Only the first page is kept up to date: on a later one nothing new can appear."""
        return self.filter.before is None

    @property
    def filtered(self) -> bool:
        chosen = self.filter
        return bool(
            chosen.jobs or chosen.states or chosen.triggers or chosen.user or chosen.q or chosen.aborting
        )

    @property
    def older(self) -> str:
        """The address of the next page; empty on the last."""
        before = self._page[1]
        return self.url(before=before) if before else ""

    @property
    def here(self) -> str:
        return self.url(before=self.query.get("before", ""))

    @property
    def newest(self) -> str:
        return self.url()

    @property
    def all_states(self) -> str:
        return self.url(state=[])

    @property
    def wider(self) -> str:
        return self.url(period="30d")

    def url(self, **changes: Any) -> str:
        """This list's address with some parameters changed; what says nothing is left out."""
        query = QueryDict(mutable=True)
        for name in _KEPT:
            query.setlist(name, [value for value in self.query.getlist(name) if value])
        query.setlist("state", self.states + (["ABORTING"] if self.filter.aborting else []))
        for name, value in changes.items():
            query.setlist(name, value if isinstance(value, list) else [value] * bool(value))
        if query.get("period") != "custom" and query.get("period"):
            query.setlist("from", [])
            query.setlist("to", [])
        if query.get("period") == DEFAULT_PERIOD:
            query.setlist("period", [])
        text = query.urlencode(safe="*,:")
        return f"/nomaflow/runs?{text}" if text else "/nomaflow/runs"

    def _toggled(self, state: str) -> str:
        return self.url(state=sorted(self.filter.states ^ {state}))

    @staticmethod
    def _steps(runs: Sequence[Run]) -> dict[int, list[StepRun]]:
        found = StepRun.objects.filter(run_id__in=[run.pk for run in runs]).only(*_STEP_COLUMNS)
        by_run: dict[int, list[StepRun]] = {}
        for step in found.order_by("run_id", "position"):
            by_run.setdefault(step.run_id, []).append(step)
        return by_run

    @staticmethod
    def _zones(runs: Sequence[Run]) -> dict[str, str]:
        named = Job.objects.filter(pk__in={run.job_id for run in runs})
        return dict(named.values_list("id", "timezone"))
