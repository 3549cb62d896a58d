"""The audit trail: one row for each save and action. Rows are only ever added."""

from __future__ import annotations

import ipaddress
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


def ip_address(text: str) -> str | None:
    """The address as the audit trail can hold it; None for what is none, such as a socket's path.

    >>> ip_address("10.0.0.7"), ip_address("fe80::1%eth0"), ip_address("unix:")
    ('10.0.0.7', 'fe80::1', None)
    """
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return None
