"""`${…}` in the strings of a definition: looked up at run time, checked when a job is saved.

`${env:X}`, `${params:x}`, `${out:<step>.<key>}`, `${run:id}`, `${job:id}`, `${date:today}` and the other
names of `dates`. `$${` is a plain `${`. Only text of the definition and of the run's own parameters is
searched: what a step returned is data and is never searched again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from jobs_app import dates, env_file
from jobs_app.env_file import EnvValue

_PLACE = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_ENV_NAME = re.compile(r"\A[A-Za-z_][A-Za-z0-9_]*\Z")
_FORMS = "env, params, out, run, job, date"


DEEPEST = 32
"""How many parameters may refer to one another in a row."""
LARGEST = 20_000_000
"""Characters one call reads in parameters and writes into texts; each value in a parameter counts for forty more."""


class UnknownName(ValueError):
    """A `${…}` that stands for nothing; the message names it."""


@dataclass
class _Budget:
    """Parameters that refer to one another twice each would grow without end: ten of them to a thousandfold."""

    left: int = LARGEST

    def spend(self, amount: int) -> None:
        self.left -= amount
        if self.left < 0:
            raise UnknownName(f"the ${{…}} grow to more than {LARGEST:,} characters")


@dataclass(frozen=True)
class _Way:
    """The parameters on the way to the value at hand."""

    params: tuple[str, ...] = ()
    budget: _Budget = field(default_factory=_Budget)

    def into(self, name: str) -> _Way:
        if name in self.params:
            raise UnknownName(f"${{params:{name}}} refers to itself")
        if len(self.params) == DEEPEST:
            raise UnknownName(f"${{params:{name}}} is reached by more than {DEEPEST} parameters in a row")
        return _Way((*self.params, name), self.budget)


def _ignore(value: str) -> None:
    """Where secrets go when nobody masks."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where the values come from."""

    run_id: str
    job_id: str
    as_of: datetime
    zone: str = "UTC"
    params: Mapping[str, Any] = field(default_factory=dict)
    """The merged parameters before substitution: they may use every form themselves."""
    outputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What each finished step returned, by the step's name."""
    env: Callable[[str], EnvValue | None] = env_file.lookup
    secret_sink: Callable[[str], None] = _ignore
    """Told every secret value before it is used."""


def substitute(value: Any, sources: Sources) -> Any:
    """`value` with every `${…}` of its strings replaced; lists and maps are walked, keys stay.

    A string that is one placeholder and nothing else becomes the value itself, whatever its type.
    Raises `UnknownName`.

    >>> from datetime import UTC
    >>> sources = Sources(run_id="run_00a8c", job_id="nightly", as_of=datetime(2026, 3, 1, tzinfo=UTC),
    ...                   params={"limit": 10}, outputs={"copy": {"rows": 7}})
    >>> substitute({"n": "${params:limit}", "text": "${out:copy.rows} rows on ${date:yesterday}"}, sources)
    {'n': 10, 'text': '7 rows on 2026-02-28'}
    """
    return _walk(value, sources, _Way())


def check(value: Any) -> list[str]:
    """What is wrong with the placeholders of `value`, one sentence each; empty when nothing is.

    >>> check(["${params:limit}", "${date:someday}"])
    ['${date:someday} is no date this installation knows']
    """
    return [problem for text in _strings(value) for problem in _problems(text)]


def reads_env(value: Any) -> bool:
    """Whether any string of `value` asks for `${env:…}`.

    >>> reads_env({"a": ["${env:REGION}"]}), reads_env("$${env:REGION}")
    (True, False)
    """
    places = (match for text in _strings(value) for match in _PLACE.finditer(text))
    return any((match[1] or "").startswith("env:") for match in places)


def _walk(value: Any, sources: Sources, way: _Way) -> Any:
    if way.params:
        way.budget.spend(40 + (len(value) if isinstance(value, str) else 0))
    if isinstance(value, str):
        return _fill(value, sources, way)
    if isinstance(value, Mapping):
        return {key: _walk(item, sources, way) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_walk(item, sources, way) for item in value]
    return value


def _fill(text: str, sources: Sources, way: _Way) -> Any:
    whole = _PLACE.fullmatch(text)
    if whole and whole[1] is not None:
        return _value(whole[1], sources, way)

    def replace(match: re.Match[str]) -> str:
        if match[1] is None:
            return _literal(match[0])
        text = _text(_value(match[1], sources, way))
        way.budget.spend(len(text))
        return text

    return _PLACE.sub(replace, text)


def _literal(found: str) -> str:
    if found == "$${":
        return "${"
    raise UnknownName("a ${ is not closed, or stands inside another; write $${ for a plain ${")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, datetime) else json.dumps(value, ensure_ascii=False, default=str)


def _value(body: str, sources: Sources, way: _Way) -> Any:
    kind, _sep, name = body.partition(":")
    if kind == "params":
        return _param(name, sources, way)
    if kind == "out":
        return _output(name, sources)
    if kind == "env":
        return _env(name, sources)
    if kind == "date" and name in dates.NAMES:
        return dates.resolve(name, sources.as_of, sources.zone)
    if body == "run:id":
        return sources.run_id
    if body == "job:id":
        return sources.job_id
    raise UnknownName(_problem(body) or f"${{{body}}} is unknown")


def _param(name: str, sources: Sources, way: _Way) -> Any:
    deeper = way.into(name)
    if name not in sources.params:
        raise UnknownName(f"${{params:{name}}}: there is no parameter {name!r}")
    return _walk(sources.params[name], sources, deeper)


def _output(path: str, sources: Sources) -> Any:
    parts = path.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        step = ".".join(parts[:cut])
        if step in sources.outputs:
            return _member(sources.outputs[step], parts[cut:], path)
    raise UnknownName(f"${{out:{path}}}: no earlier step of that name has returned anything")


def _member(value: Any, keys: list[str], path: str) -> Any:
    for key in keys:
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            raise UnknownName(f"${{out:{path}}}: the step's output has no {key!r}")
    return value


def _env(name: str, sources: Sources) -> str:
    found = sources.env(name)
    if found is None:
        raise UnknownName(f"${{env:{name}}}: {name} is not in the installation's env file")
    if found.secret:
        sources.secret_sink(found.value)
    return found.value


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _strings(item)


def _problems(text: str) -> Iterator[str]:
    for match in _PLACE.finditer(text):
        if match[0] == "${":
            yield "a ${ is not closed, or stands inside another; write $${ for a plain ${"
        elif match[1] is not None and (problem := _problem(match[1])):
            yield problem


def _problem(body: str) -> str | None:
    kind, _sep, name = body.partition(":")
    shown = f"${{{body}}}"
    if body in ("run:id", "job:id"):
        return None
    if kind == "date":
        return None if name in dates.NAMES else f"{shown} is no date this installation knows"
    if kind == "env":
        return _env_problem(name, shown)
    if kind == "out":
        return (
            None if "." in name.strip(".") else f"{shown} must name a step and a key: ${{out:<step>.<key>}}"
        )
    if kind == "params":
        return None if name else f"{shown} names no parameter"
    return f"{shown} is no known form ({_FORMS}); write $${{ for a plain ${{"


def _env_problem(name: str, shown: str) -> str | None:
    if not _ENV_NAME.match(name):
        return f"{shown} is no name of an environment value"
    if env_file.is_closed(name):
        return f"{shown}: steps may not read {name} from the server's own environment"
    return None
