"""Job ids nobody can have, because a fixed part of an address stands in their place."""

from __future__ import annotations

RESERVED_IDS = frozenset(
    (
        "apply",
        "audit",
        "calendar",
        "callables",
        "channels",
        "connectors",
        "cron",
        "docs",
        "edit",
        "export",
        "health",
        "import",
        "ledger",
        "new",
        "notifications",
        "plan",
        "pools",
        "presets",
        "reload",
        "retention",
        "runs",
        "schedules",
        "schema",
        "settings",
        "tags",
        "technical",
        "tokens",
        "users",
        "versions",
        "workers",
    )
)
"""Every fixed segment directly below `/admin/jobs/` and `/nomaflow/jobs/`, in lower case."""


def is_reserved(job_id: str) -> bool:
    """
    >>> is_reserved("Runs"), is_reserved("nightly-runs")
    (True, False)
    """
    return job_id.lower() in RESERVED_IDS
