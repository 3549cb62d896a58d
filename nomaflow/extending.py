"""The public extension API: step types, connector kinds and the fields they declare.

An extension is one class in one file and one line in a settings dict of dotted paths. From its `fields`
follow the editor's form, the check on save, the TOML check, the API's schema, the masking of secrets and the
reference page. Standard library only.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol

Words = Any
"""Text for people: a `str`, or one that is translated when it is shown."""

FieldKind = Literal[
    "text",  # one line
    "textarea",
    "sql",  # statement, or the name of a query stored on the connector
    "integer",
    "number",
    "boolean",
    "choice",  # one of `choices`
    "map",  # JSON object
    "list",  # JSON array
    "json",  # any JSON value
    "connector",  # name of a connector; `connector_family` narrows it
    "callable",  # module.path:function in plugins/
    "table",  # {"connector", "schema", "table"} and for a source "query", "columns", "where"
    "url",
    "password",
]


@dataclass(frozen=True, kw_only=True)
class Field:
    """One configuration value of a step type or connector kind."""

    name: str
    kind: FieldKind
    label: Words
    required: bool = False
    default: Any = None
    help: Words = ""
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    secret: bool = False
    """Encrypted at rest, never shown again, masked in every log line."""
    connector_family: str = "sql"


class InvalidConfig(ValueError):
    """What is wrong with a configuration: `{field: sentence}`."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{field}: {sentence}" for field, sentence in problems.items()))
        self.problems = dict(problems)


class Scope(Protocol):
    """One attempt's right to go on. The first reason to stop wins."""

    @property
    def reason(self) -> str | None:
        """None while the attempt may go on; else why it must stop, such as `user_cancel` or `timeout`."""

    def guard(self, abort: Callable[[], object]) -> AbstractContextManager[None]:
        """While the block runs, a stop calls `abort` from another thread. Entering a stopped scope raises
        `StepCancelled`; so does leaving the block of one that was stopped meanwhile."""

    def check(self) -> None:
        """Raise `StepCancelled` when the attempt must stop."""

    def sleep(self, seconds: float) -> None:
        """Wait, unless stopped meanwhile: then raise `StepCancelled`."""


class Execution(Protocol):
    """What an executor is given: one attempt of one step, never a database row."""

    run_id: str
    job_id: str
    step: str
    position: int
    """1 for the first step."""
    attempt: int
    session_user: str
    as_of: datetime
    params: Mapping[str, Any]
    """Job params and the step's own parameters merged and substituted."""
    previous_step: Mapping[str, Any] | None
    log: logging.Logger

    @property
    def scope(self) -> Scope:
        """This attempt's right to go on."""

    def connector(self, name: str) -> Any:
        """The open connector of that name (see `ConnectorKind.open`); `StepFailed` names a missing one."""

    def connector_config(self, name: str) -> dict[str, Any]:
        """What opens it in another process: the dotted `path` of its kind, its decrypted `config`."""

    def mask(self, text: str) -> str:
        """`text` with every secret known to this run replaced."""

    def add_secret(self, value: str) -> None:
        """Mask `value` from now on."""


class StepType:
    """A kind of step. Executors never see a run's row, never write state, never retry."""

    type: ClassVar[str]
    label: ClassVar[Words]
    fields: ClassVar[tuple[Field, ...]] = ()
    idempotent: ClassVar[bool] = True
    """Whether a repeat is safe unless the step says otherwise; shown before a resume."""
    cancel_note: ClassVar[Words] = ""
    """What a cancel does to a step of this type, one sentence for the dialog."""

    def clean(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the configuration with defaults filled in, or raise `InvalidConfig`."""
        return clean_fields(self.fields, config)

    def warm(self) -> None:
        """Prepare a worker process for its first step of this type."""

    def connectors(self, config: Mapping[str, Any]) -> set[str]:
        """Names of the connectors a cleaned configuration uses (unsubstituted names only)."""
        found = set()
        for field in self.fields:
            value = config.get(field.name)
            if field.kind == "connector" and isinstance(value, str):
                found.add(value)
            elif field.kind == "table" and isinstance(value, Mapping):
                found.add(str(value.get("connector", "")))
        return {name for name in found if name and "${" not in name}

    def run(self, ctx: Execution, config: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Do the work; return a small dict. `rows_affected` in it is also shown on the step's row."""
        raise NotImplementedError


class ConnectorKind:
    """A kind of place data lives."""

    kind: ClassVar[str]
    label: ClassVar[Words]
    family: ClassVar[str] = "sql"
    fields: ClassVar[tuple[Field, ...]] = ()

    def clean(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings with defaults filled in, or raise `InvalidConfig`."""
        return clean_fields(self.fields, config)

    def open(self, name: str, config: Mapping[str, Any], *, tag: str, scope: Scope) -> Any:
        """Return a session on the place. `tag` marks its server sessions (`nomaflow:<run>:<claim>`)."""
        raise NotImplementedError


def clean_fields(fields: tuple[Field, ...], config: Mapping[str, Any]) -> dict[str, Any]:
    """Check `config` against `fields`: unknown names, missing and wrongly typed values; fill in defaults."""
    known = {field.name: field for field in fields}
    problems = {name: "unknown field" for name in config if name not in known}
    cleaned: dict[str, Any] = {}
    for field in fields:
        value = config.get(field.name, field.default)
        if value is None or value == "":
            if field.required:
                problems[field.name] = "this field is required"
            if field.default is not None:
                cleaned[field.name] = field.default
            continue
        problem = _problem(field, value)
        if problem:
            problems[field.name] = problem
        else:
            cleaned[field.name] = value
    if problems:
        raise InvalidConfig(problems)
    return cleaned


_TYPES: dict[str, tuple[type | tuple[type, ...], str]] = {
    "integer": (int, "must be a whole number"),
    "number": ((int, float), "must be a number"),
    "boolean": (bool, "must be true or false"),
    "map": (Mapping, "must be a table of names and values"),
    "table": (Mapping, "must be a table with connector, schema and table"),
    "list": ((list, tuple), "must be a list"),
}


def _problem(field: Field, value: Any) -> str | None:
    if field.kind == "json" or (isinstance(value, str) and "${" in value):
        return None
    expected, sentence = _TYPES.get(field.kind, (str, "must be text"))
    if not isinstance(value, expected) or (isinstance(value, bool) and field.kind in ("integer", "number")):
        return sentence
    if field.choices and value not in field.choices:
        return f"must be one of {', '.join(field.choices)}"
    if isinstance(value, (int, float)):
        return _range_problem(field, value)
    return None


def _range_problem(field: Field, value: float) -> str | None:
    if field.minimum is not None and value < field.minimum:
        return f"must be at least {field.minimum:g}"
    if field.maximum is not None and value > field.maximum:
        return f"must be at most {field.maximum:g}"
    return None
