"""What a request to start a run or to read a log may say. Whether names exist is the domain's to check."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.http import QueryDict
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from jobs_app import substitution
from jobs_app.api.content import storable
from jobs_app.api.errors import ApiError
from runs_app import logs
from runs_app.dispatch import Overrides
from runs_app.models import Run

_PARTS = ("params", "op_kwargs", "step_enabled")
KNOWN = (*_PARTS, "log_level", "as_of")


def overrides(body: Mapping[str, Any]) -> Overrides:
    """The body of `POST …/run`; every part may be left out."""
    for name in body:
        if name not in KNOWN:
            sentence = _("“%(name)s” is none of %(known)s.") % {"name": name, "known": ", ".join(KNOWN)}
            raise _invalid(name, sentence)
    parts = {name: _table(name, body.get(name)) for name in _PARTS}
    for step, values in parts["op_kwargs"].items():
        _refuse_env(f"op_kwargs.{step}", _table(f"op_kwargs.{step}", values))
    _refuse_env("params", parts["params"])
    level = body.get("log_level")
    if level is not None and not isinstance(level, str):
        raise _invalid("log_level", _("This must be text."))
    return Overrides(**parts, log_level=level.upper() if level else None)


def _refuse_env(place: str, values: Mapping[str, Any]) -> None:
    """Who may only run a job may not have it fetch the installation's secrets: that takes the right to edit."""
    for name, value in values.items():
        if substitution.reads_env(value):
            sentence = _("A value given for one run may not read ${env:…}; save it in the job's definition.")
            raise _invalid(f"{place}.{name}", sentence)


def as_of(body: Mapping[str, Any]) -> datetime | None:
    """The instant `${date:…}` is to use; without a zone it is UTC."""
    given = body.get("as_of")
    if given is None:
        return None
    try:
        moment = parse_datetime(given) if isinstance(given, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise _invalid("as_of", _("This must be a time such as 2026-11-22T02:30:00Z."))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def idempotency_key(given: str | None) -> str | None:
    if given is None:
        return None
    if not 1 <= len(given) <= 200 or not given.isprintable():
        raise _invalid("Idempotency-Key", _("This must be 1 to 200 printable characters."))
    return given


def log_query(query: QueryDict, run: Run) -> dict[str, Any]:
    """The arguments of `logs.read`. `step` is a name or a position, `level` the least to show."""
    q = query.get("q", "")
    if not storable(q):
        raise _invalid("q", _("A NUL is no part of any line."))
    return {
        "after": _number(query, "after") or 0,
        "before": _number(query, "before"),
        "limit": min(_number(query, "limit", least=1) or 1_000, logs.LARGEST_PAGE),
        "tail": _number(query, "tail", least=1),
        "level": _level(query.get("level", "")),
        "step": _step(query.get("step", ""), run),
        "q": q[:500] or None,
    }


def _level(text: str) -> str | None:
    if text and text.upper() not in logs.LEVELS:
        raise _invalid("level", _("The level is one of %s.") % ", ".join(logs.LEVELS))
    return text.upper() or None


def _step(text: str, run: Run) -> int | None:
    if not text:
        return None
    for step in run.steps.all():
        if text in (step.name, str(step.position)):
            return step.position
    raise _invalid("step", _("“%(name)s” is not a step of %(job)s.") % {"name": text, "job": run.job_id})


def _number(query: QueryDict, name: str, *, least: int = 0) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    if not text.isdecimal() or len(text) > 18 or int(text) < least:
        raise _invalid(name, _("This must be a whole number from %s.") % least)
    return int(text)


def _table(name: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _invalid(name, _("This must be a table of names and values."))
    return value


def _invalid(field: str, message: str) -> ApiError:
    return ApiError("invalid_value", message, field=field)
