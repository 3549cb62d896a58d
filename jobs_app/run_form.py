"""The fields of the run dialog: what one fire may change, with what is saved beside each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobs_app.cards import op_kwargs
from jobs_app.connector_rights import names_a_connector
from jobs_app.models import Connector, Job
from jobs_app.models.job import LogLevel

_LARGEST_EXACT = 2**53
"""Browsers keep whole numbers below this exactly."""


@dataclass(frozen=True)
class Field:
    """One value: where it goes in the request, what kind of input it is, what is saved."""

    path: tuple[str, ...]
    kind: str
    """bool, int, float, text, lines, json, choice"""
    saved: Any
    choices: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.path[-1]

    @property
    def id(self) -> str:
        return "run-" + ".".join(self.path)

    @property
    def path_json(self) -> str:
        return json.dumps(self.path)

    @property
    def saved_json(self) -> str:
        return json.dumps(self.saved, ensure_ascii=False)

    @property
    def shown(self) -> str:
        """The saved value as the input's text."""
        return self.saved if isinstance(self.saved, str) else self.saved_json


@dataclass(frozen=True)
class StepPart:
    """One step's part of the dialog."""

    name: str
    type: str
    enabled: Field
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class RunForm:
    log_level: Field
    params: tuple[Field, ...]
    steps: tuple[StepPart, ...]


def run_form(job: Job, definition: Mapping[str, Any], connectors: Sequence[str]) -> RunForm:
    """The dialog of one job for somebody who may use these connectors."""
    level = Field(("log_level",), "choice", definition["log_level"], tuple(LogLevel.values))
    params = _fields(("params",), definition["params"], connectors)
    steps = tuple(_step(step, connectors) for step in definition["steps"])
    return RunForm(level, params, steps)


def connector_names(user: Any) -> list[str]:
    return list(Connector.objects.visible_to(user).values_list("name", flat=True))


def _step(step: Mapping[str, Any], connectors: Sequence[str]) -> StepPart:
    name = step["name"]
    enabled = Field(("step_enabled", name), "bool", step["enabled"])
    return StepPart(name, step["type"], enabled, _fields(("op_kwargs", name), op_kwargs(step), connectors))


def _fields(place: tuple[str, ...], values: Mapping[str, Any], names: Sequence[str]) -> tuple[Field, ...]:
    return tuple(_field((*place, name), value, names) for name, value in values.items())


def _field(path: tuple[str, ...], value: Any, connectors: Sequence[str]) -> Field:
    name = path[-1]
    if names_a_connector(name) and isinstance(value, str):
        choices = connectors if value in connectors else [value, *connectors]
        return Field(path, "choice", value, tuple(choices))
    return Field(path, kind_of(value), value)


def kind_of(value: Any) -> str:
    """The kind of input that suits a saved value.

    >>> [kind_of(value) for value in (True, 3, 0.5, "eu", "a\\nb", None, [1], 2**60)]
    ['bool', 'int', 'float', 'text', 'lines', 'json', 'json', 'json']
    """
    match value:
        case bool():
            return "bool"
        case int():
            return "int" if abs(value) < _LARGEST_EXACT else "json"
        case float():
            return "float"
        case str():
            return "lines" if "\n" in value else "text"
    return "json"
