"""Every way in and out leaves its row in the audit trail, by whichever page it goes."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from jobs_app import audit


@receiver(user_logged_in)
def signed_in(sender: Any, request: HttpRequest | None, user: Any, **more: Any) -> None:
    _record("user.signed_in", user.get_username(), request)


@receiver(user_logged_out)
def signed_out(sender: Any, request: HttpRequest | None, user: Any, **more: Any) -> None:
    if user is not None:
        _record("user.signed_out", user.get_username(), request)


@receiver(user_login_failed)
def refused(
    sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **more: Any
) -> None:
    """Only names of accounts are kept: what else was typed there may be a password."""
    name = str(credentials.get("username", ""))
    known = get_user_model().objects.filter(username=name).exists()
    _record("user.refused", name if known else "", request, actor="anonymous")


def _record(action: str, name: str, request: HttpRequest | None, *, actor: str = "") -> None:
    address = audit.ip_address(request.META.get("REMOTE_ADDR", "")) if request else None
    audit.record(actor or f"user:{name}", action, kind="user", id=name, address=address)
