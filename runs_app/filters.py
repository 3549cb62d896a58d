"""Which runs a list shows: one reading of the query, shared by the API, the pages and the command line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

from django.db.models import Q
from django.http import QueryDict
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from runs_app import run_ids
from runs_app.querysets import RunQuerySet
from runs_app.states import ACTIVE, SYNONYMS, RunState

DEFAULT_LIMIT, LARGEST_LIMIT = 50, 500
ABORTING = frozenset(("ABORTING", "CANCELING", "CANCELLING"))
TRIGGERS: dict[str, Q] = {
    **{word: Q(triggered_by=word) for word in ("cron", "api", "cli", "system")},
    **{word: Q(triggered_by__startswith="user:") for word in ("user", "manual")},
    "job": Q(triggered_by__startswith="job:"),
}
_MOST_WORDS = 50


class FilterError(ValueError):
    """A query that cannot be read: the parameter and a sentence."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


@dataclass(frozen=True, kw_only=True)
class RunFilter:
    """What to show. `start` and `end` (excluded) bound the time a run was asked for, its `queued_at`."""

    jobs: tuple[str, ...] = ()
    states: frozenset[str] = frozenset()
    aborting: bool = False
    triggers: tuple[str, ...] = ()
    user: str = ""
    start: datetime | None = None
    end: datetime | None = None
    q: str = ""
    limit: int = DEFAULT_LIMIT
    before: int | None = None

    @classmethod
    def read(cls, query: QueryDict | Mapping[str, Any]) -> Self:
        """Read request parameters; `FilterError` names one that means nothing."""
        words = _Query(query)
        states = words.many("state") + words.many("status")
        return cls(
            jobs=tuple(words.many("job")),
            states=frozenset(_state(word) for word in states if word.upper() not in ABORTING),
            aborting=any(word.upper() in ABORTING for word in states),
            triggers=tuple(_trigger(word) for word in words.many("trigger")),
            user=words.one("user"),
            start=_instant("from", words.one("from")),
            end=_instant("to", words.one("to"), whole_day=True),
            q=words.one("q")[:200],
            limit=_limit(words.one("limit")),
            before=_before(words.one("before")),
        )

    def apply(self, runs: RunQuerySet) -> RunQuerySet:
        """The runs that match, newest first, without the limit."""
        return runs.with_job_text().filter(*self._conditions()).order_by("-id")

    def page(self, runs: RunQuerySet) -> tuple[list[Any], str | None]:
        """One page, and the run id to ask the next one `before`; None on the last."""
        found = list(self.apply(runs)[: self.limit + 1])
        page = found[: self.limit]
        return page, page[-1].run_id if len(found) > self.limit else None

    def _conditions(self) -> Iterable[Q]:
        if self.jobs:
            yield Q(job_id__in=self.jobs)
        if self.states or self.aborting:
            canceling = Q(state__in=sorted(ACTIVE), cancel_requested_at__isnull=False)
            yield Q(state__in=sorted(self.states)) | (canceling if self.aborting else Q(pk__in=[]))
        if self.triggers:
            yield Q.create([TRIGGERS[word] for word in self.triggers], connector=Q.OR)
        if self.user:
            yield Q(triggered_by=f"user:{self.user}")
        if self.start:
            yield Q(queued_at__gte=self.start)
        if self.end:
            yield Q(queued_at__lt=self.end)
        if self.before is not None:
            yield Q(pk__lt=self.before)
        if self.q:
            yield _search(self.q)


class _Query:
    """Request parameters whether they come repeated, comma-separated or as a plain mapping."""

    def __init__(self, query: QueryDict | Mapping[str, Any]) -> None:
        self._query = query

    def many(self, name: str) -> list[str]:
        given = self._all(name)
        words = [word.strip() for value in given for word in value.split(",") if word.strip()]
        if len(words) > _MOST_WORDS:
            raise FilterError(name, _("Name at most %s.") % _MOST_WORDS)
        return words

    def one(self, name: str) -> str:
        return (self._all(name) or [""])[-1].strip()

    def _all(self, name: str) -> list[str]:
        if isinstance(self._query, QueryDict):
            values = self._query.getlist(name)
        else:
            value = self._query.get(name) or ()
            values = [str(value)] if isinstance(value, str | int) else [str(part) for part in value]
        if any("\0" in value for value in values):
            raise FilterError(name, _("A NUL is no part of any name."))
        return values


def _state(word: str) -> str:
    state = SYNONYMS.get(word.upper(), word.upper())
    if state not in RunState.values:
        known = ", ".join(RunState.values)
        raise FilterError(
            "state", _("“%(word)s” is no state of a run: %(known)s.") % {"word": word, "known": known}
        )
    return state


def _trigger(word: str) -> str:
    if word.lower() not in TRIGGERS:
        raise FilterError("trigger", _("“%(word)s” is none of %(known)s.") % _known(word))
    return word.lower()


def _known(word: str) -> dict[str, str]:
    return {"word": word, "known": ", ".join(sorted(TRIGGERS))}


def _instant(name: str, text: str, *, whole_day: bool = False) -> datetime | None:
    """A date (its start, or the end of that day) or a time; without a zone it is UTC."""
    if not text:
        return None
    # An unescaped "+02:00" arrives with a blank in place of the plus.
    text = text.replace(" ", "+") if "T" in text else text
    try:
        moment = _moment(text, whole_day=whole_day)
    except (ValueError, OverflowError):
        moment = None
    if moment is None:
        raise FilterError(name, _("“%s” is no date or time such as 2026-11-22T02:30:00Z.") % text)
    return moment


def _moment(text: str, *, whole_day: bool) -> datetime | None:
    day: date | None = parse_date(text)
    if day is not None:
        return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=whole_day)
    moment = parse_datetime(text)
    if moment is None:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _limit(text: str) -> int:
    if not text:
        return DEFAULT_LIMIT
    if not text.isdecimal() or len(text) > 9 or int(text) < 1:
        raise FilterError("limit", _("The limit is a whole number from 1."))
    return min(int(text), LARGEST_LIMIT)


def _before(text: str) -> int | None:
    try:
        return run_ids.parse(text) if text else None
    except ValueError:
        raise FilterError("before", _("“%s” is no run id.") % text) from None


def _search(q: str) -> Q:
    """Part of a job's id, of a reason or of a trigger, or a whole run id."""
    found = Q(job_text__icontains=q) | Q(reason__icontains=q) | Q(triggered_by__icontains=q)
    try:
        return found | Q(pk=run_ids.parse(q))
    except ValueError:
        return found
