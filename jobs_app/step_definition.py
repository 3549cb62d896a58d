"""One step of a definition: the fields every step has, and its type's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobs_app import shapes, substitution
from jobs_app.policies import RETRY, clean_block
from jobs_app.problems import Report
from jobs_app.shapes import Check, Wrong
from jobs_app.world import World
from nomaflow.extending import InvalidConfig, StepType
from nomaflow.registry import connector_kinds, step_types

YEAR = 366 * 86_400

COMMON: dict[str, tuple[Any, Check]] = {
    "name": ("", shapes.text(128, blank=False)),
    "type": ("", shapes.text(64, blank=False)),
    "enabled": (True, shapes.boolean),
    "timeout_seconds": (3600, shapes.integer(1, YEAR)),
    "continue_on_error": (False, shapes.boolean),
    "condition": ("", shapes.text(10_000)),
    "idempotent": (None, shapes.optional(shapes.boolean)),
}


def clean_step(raw: Any, world: World, report: Report) -> dict[str, Any]:
    """The frozen form of one step; what is wrong goes to the report."""
    if not isinstance(raw, Mapping):
        report.add("must be a table")
        return {}
    step = {name: clean_value(raw, name, COMMON[name], report) for name in COMMON}
    own_retry = raw.get("retry")
    step["retry"] = None if own_retry is None else clean_block(own_retry, RETRY, report.at("retry"))
    step["config"] = _config(raw, step["type"], world, report)
    for problem in substitution.check(step["condition"]):
        report.add(problem, "condition")
    return step


def clean_value(raw: Mapping[str, Any], name: str, rule: tuple[Any, Check], report: Report) -> Any:
    """One field by its rule: the default when absent, and when it is wrong, which is then reported."""
    default, check = rule
    value = raw.get(name)
    try:
        if value is None:
            return check(default) if default == "" else default
        shapes.storable(value)
        return check(value)
    except Wrong as wrong:
        report.add(str(wrong), name)
        return default


def _config(raw: Mapping[str, Any], type_name: str, world: World, report: Report) -> dict[str, Any]:
    config = _own_fields(raw, report)
    if not type_name:
        return config
    step_type = step_types().get(type_name)
    if step_type is None:
        report.add(
            f"there is no step type “{type_name}”; there are {', '.join(sorted(step_types()))}", "type"
        )
        return config
    if not _all_storable(config, report):
        return config
    try:
        cleaned = dict(step_type.clean(config))
    except InvalidConfig as invalid:
        report.add_all(_explained(invalid.problems, step_type))
        return config
    _check_connectors(cleaned, step_type, world, report)
    for name, value in cleaned.items():
        for problem in substitution.check(value):
            report.add(problem, name)
    return cleaned


def _own_fields(raw: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The type's own fields, written beside the common ones or below `config`; `kwargs` is `op_kwargs`."""
    nested = raw.get("config") or {}
    if not isinstance(nested, Mapping):
        report.add("must be a table of names and values", "config")
        nested = {}
    config = {**nested}
    config |= {name: value for name, value in raw.items() if name not in (*COMMON, "retry", "config")}
    if "kwargs" in config and "op_kwargs" not in config:
        config["op_kwargs"] = config.pop("kwargs")
    return {name: value for name, value in config.items() if value is not None}


def _all_storable(config: Mapping[str, Any], report: Report) -> bool:
    before = len(report.problems)
    for name, value in config.items():
        try:
            shapes.storable(name)
            shapes.storable(value)
        except Wrong as wrong:
            report.add(str(wrong), name)
    return len(report.problems) == before


def _explained(problems: Mapping[str, str], step_type: StepType) -> dict[str, str]:
    known = [*COMMON, "retry", *(field.name for field in step_type.fields)]
    explained = {}
    for name, sentence in problems.items():
        if name in ("op_kwargs", "kwargs") and sentence == "unknown field":
            sentence = f"only python steps take op_kwargs, not {step_type.type}"
        elif sentence == "unknown field":
            sentence = shapes.unknown(name, known) + f" (step type {step_type.type})"
        explained[name] = sentence
    return explained


def _check_connectors(config: Mapping[str, Any], step_type: StepType, world: World, report: Report) -> None:
    pending = step_type.connectors(config)
    for field in step_type.fields:
        value = config.get(field.name)
        name = value.get("connector") if isinstance(value, Mapping) and field.kind == "table" else value
        if not isinstance(name, str) or name not in pending:
            continue
        place = (field.name, "connector") if field.kind == "table" else (field.name,)
        if problem := _connector_problem(name, field.connector_family, world):
            report.add(problem, *place)
    known = world.connectors
    named = {str(value) for value in config.values() if isinstance(value, str)}
    for name in sorted(pending - named - {_table_connector(value) for value in config.values()}):
        if name not in known:
            report.add(f"there is no connector “{name}”")


def _table_connector(value: Any) -> str:
    return str(value.get("connector", "")) if isinstance(value, Mapping) else ""


def _connector_problem(name: str, family: str, world: World) -> str | None:
    kind = world.connectors.get(name)
    if kind is None:
        return f"there is no connector “{name}”"
    found = connector_kinds()[kind].family if kind in connector_kinds() else family
    return None if found == family else f"connector “{name}” is of the {found} family, not {family}"
