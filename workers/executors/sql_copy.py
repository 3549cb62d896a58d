"""`sql_copy`: the rows of a table or query into a table, all or nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nomaflow.extending import Execution, Field, InvalidConfig, StepType
from nomaflow.types import StepFailed
from workers.copying.ends import Mode, Place
from workers.copying.engine import copy
from workers.executors.cancelled import sessions

_PLACE_KEYS = {"connector", "schema", "table"}
_SOURCE_KEYS = _PLACE_KEYS | {"query", "columns", "where"}
_NOT_YET = "{} is not available in this version"


class SqlCopy(StepType):
    type = "sql_copy"
    label = "SQL copy"
    cancel_note = "Both connections are cancelled; the target keeps its old contents."
    fields = (
        Field(name="source", kind="table", label="Source", required=True),
        Field(name="target", kind="table", label="Target", required=True),
        Field(
            name="mode",
            kind="choice",
            label="Mode",
            default="overwrite",
            choices=("overwrite", "append", "upsert"),
        ),
        Field(
            name="type_coercion",
            kind="choice",
            label="Type coercion",
            default="none",
            choices=("none", "jde"),
        ),
        Field(
            name="decimal_mode",
            kind="choice",
            label="Decimals",
            default="preserve",
            choices=("preserve", "truncate"),
        ),
        Field(
            name="batch_size", kind="integer", label="Batch size", default=10000, minimum=1, maximum=1_000_000
        ),
        Field(name="strip_both_columns", kind="list", label="Columns to strip on both sides", default=[]),
    )

    def clean(self, config: Mapping[str, Any]) -> dict[str, Any]:
        cleaned = super().clean(config)
        problems = {
            **_place_problems("source", cleaned["source"], _SOURCE_KEYS),
            **_place_problems("target", cleaned["target"], _PLACE_KEYS),
            **_not_yet(cleaned),
        }
        if problems:
            raise InvalidConfig(problems)
        return cleaned

    def run(self, ctx: Execution, config: Mapping[str, Any]) -> dict[str, Any]:
        # Substitution may have brought a value that was not there when the step was saved.
        try:
            config = self.clean(config)
        except InvalidConfig as problem:
            raise StepFailed(str(problem), retry=False) from None
        source, target = Place.of(config["source"]), Place.of(config["target"])
        mode: Mode = config["mode"]
        ctx.log.info(
            "copy %s:%s to %s:%s · mode=%s", source.connector, source, target.connector, target, mode
        )
        with sessions(ctx, source.connector, target.connector) as (reading, writing):
            result = copy(
                reading.reader(source), writing.writer(target), mode=mode, batch_size=int(config["batch_size"]),
                scope=ctx.scope, log=ctx.log, target=str(target),
            )  # fmt: skip
        return {
            "source_rows": result.source_rows,
            "target_rows": result.target_rows,
            "rows_affected": result.target_rows,
            "elapsed_ms": result.elapsed_ms,
        }


def _place_problems(field: str, value: Any, allowed: set[str]) -> dict[str, str]:
    if not isinstance(value, Mapping):
        return (
            {}
            if isinstance(value, str) and "${" in value
            else {field: "must name connector, schema and table"}
        )
    problems = {f"{field}.{key}": "unknown field" for key in value if key not in allowed}
    for key in allowed & set(value):
        if key == "columns":
            if not isinstance(value[key], list | tuple) or not all(
                isinstance(name, str) for name in value[key]
            ):
                problems[f"{field}.columns"] = "must be a list of column names"
        elif not isinstance(value[key], str):
            problems[f"{field}.{key}"] = "must be text"
        elif "\0" in value[key]:
            problems[f"{field}.{key}"] = "must not contain NUL"
    if not value.get("connector"):
        problems[f"{field}.connector"] = "this field is required"
    if not value.get("table") and not value.get("query"):
        problems[f"{field}.table"] = "this field is required"
    if value.get("table") and value.get("query"):
        problems[f"{field}.query"] = "give a table or a query, not both"
    return problems


def _not_yet(config: Mapping[str, Any]) -> dict[str, str]:
    """Promised fields whose work is not built: refused, never ignored."""
    wanted = {
        "mode": config["mode"] == "upsert",
        "type_coercion": config["type_coercion"] == "jde",
        "decimal_mode": config["decimal_mode"] == "truncate",
        "strip_both_columns": bool(config.get("strip_both_columns")),
    }
    return {
        field: _NOT_YET.format(field if field == "strip_both_columns" else f"{field} {config[field]!r}")
        for field, met in wanted.items()
        if met
    }
