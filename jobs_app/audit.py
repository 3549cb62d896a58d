"""The audit trail: one row for each save and action. Rows are only ever added."""

from __future__ import annotations

from typing import Any

from jobs_app.models import AuditEvent


def record(
    actor: str, action: str, *, kind: str = "", id: str = "", address: str | None = None, **detail: Any
) -> AuditEvent:
    """Add one row in the caller's transaction. Never pass secrets: `detail` is stored as it is.

    `action` is dotted, such as `job.saved`; `kind` and `id` name the object; `address` is the client's IP.
    """
    return AuditEvent.objects.create(
        actor=actor[:150],
        action=action,
        object_kind=kind,
        object_id=id[:150],
        address=address or None,
        detail=detail,
    )
