"""The small blocks inside a job: its retry policy and its alerts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobs_app import shapes
from jobs_app.problems import Report
from jobs_app.shapes import Check, Wrong

Block = dict[str, tuple[Any, Check]]

RETRY: Block = {
    "attempts": (1, shapes.integer(1, 100)),
    "backoff": ("fixed", shapes.choice("fixed", "exponential")),
    "base_seconds": (60, shapes.number(0, 86_400)),
    "max_seconds": (None, shapes.optional(shapes.number(0, 604_800))),
    "jitter": (False, shapes.boolean),
    "retry_on": (None, shapes.optional(shapes.text_list(200))),
}
"""Total tries, and the wait between them in seconds."""

ALERTS: Block = {
    "on_failure": (True, shapes.boolean),
    "on_long_run_minutes": (None, shapes.optional(shapes.integer(1, 100_000))),
    "recipients": ([], shapes.text_list(320)),
}
"""Whom to tell, and when; `on_failure` holds once a block exists."""


def clean_block(raw: Any, block: Block, report: Report) -> dict[str, Any]:
    """The block with its defaults filled in; an empty one stays empty."""
    if not isinstance(raw, Mapping):
        report.add("must be a table of names and values")
        return {}
    for name in raw:
        if name not in block:
            report.add(shapes.unknown(name, list(block)), name)
    return {name: _value(raw, name, block, report) for name in block} if raw else {}


def _value(raw: Mapping[str, Any], name: str, block: Block, report: Report) -> Any:
    default, check = block[name]
    if name not in raw:
        return default
    try:
        if raw[name] is not None:
            shapes.storable(raw[name])
        return check(raw[name])
    except Wrong as wrong:
        report.add(str(wrong), name)
        return default
