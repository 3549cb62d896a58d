"""`sql_query`: one statement on one connector."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from nomaflow.extending import Execution, Field, InvalidConfig, StepType
from nomaflow.types import StepFailed
from workers.connectors.statement import Statement
from workers.executors.cancelled import sessions
from workers.executors.preview import preview

PREVIEW_ROWS = 100
_QUERY_NAME = re.compile(r"[A-Za-z0-9_][\w.-]*")
_ONE_WORD = {"analyze", "checkpoint", "vacuum"}


class SqlQuery(StepType):
    type = "sql_query"
    label = "SQL query"
    idempotent = False
    cancel_note = "The statement is cancelled on the server and its transaction rolls back."
    fields = (
        Field(name="connector", kind="connector", label="Connector", required=True),
        Field(
            name="query", kind="sql", label="Query", required=True,
            help="One SQL statement, or the name of a query stored on the connector.",
        ),
        Field(name="params", kind="map", label="Parameters", default={}, help="Values bound to :name."),
    )  # fmt: skip

    def clean(self, config: Mapping[str, Any]) -> dict[str, Any]:
        cleaned = super().clean(config)
        if "${" not in cleaned["query"]:
            try:
                Statement.read(cleaned["query"])
            except StepFailed as problem:
                raise InvalidConfig({"query": str(problem)}) from None
        return cleaned

    def run(self, ctx: Execution, config: Mapping[str, Any]) -> dict[str, Any]:
        text, defaults = _resolve(ctx, config["connector"], config["query"])
        statement = Statement.read(text)
        params = {**defaults, **ctx.params, **(config.get("params") or {})}
        statement.values(params)
        ctx.log.debug("sql on %s:\n%s", config["connector"], ctx.mask(text))
        started = time.monotonic()
        with sessions(ctx, config["connector"]) as (session,):
            result = session.run(statement, params, keep=PREVIEW_ROWS)
        elapsed = round((time.monotonic() - started) * 1000)
        if result.columns is None:
            ctx.log.info("%d rows affected · %d ms", result.affected, elapsed)
            return {"rows_affected": result.affected}
        ctx.log.info("%d rows returned · %d ms", result.affected, elapsed)
        return {
            "rows_affected": result.affected,
            "row_count": result.affected,
            "rows_preview": preview(result.columns, result.rows),
        }


def _resolve(ctx: Execution, connector: str, query: str) -> tuple[str, Mapping[str, Any]]:
    """The statement and its default parameters; a single word is the name of a stored query."""
    name = query.strip()
    if not _QUERY_NAME.fullmatch(name):
        return query, {}
    stored = (ctx.connector_config(connector).get("queries") or {}).get(name)
    if stored is None:
        if name.lower() in _ONE_WORD:
            return query, {}
        raise StepFailed(f"connector {connector!r} has no query named {name!r}", retry=False)
    if isinstance(stored, str):
        return stored, {}
    return str(stored.get("sql", "")), stored.get("params") or {}
