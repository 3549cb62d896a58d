"""API tokens: made once, shown once, kept as a digest."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from jobs_app import audit
from jobs_app.models import Token
from jobs_app.permissions import parse_rule

PREFIX = "nmf_"
_USED_EVERY = timedelta(minutes=1)
"""How exact `last_used_at` is: one write a minute, however busy the token."""


def create(
    user: Any,
    *,
    name: str,
    scopes: Iterable[str] = (),
    expires_at: datetime | None = None,
    actor: str = "",
    address: str | None = None,
) -> tuple[Token, str]:
    """A new token of `user` and the text to hand out, which is stored nowhere.

    `scopes` are permission patterns it is narrowed to, none means all its user may do. Raises
    `InvalidPattern` for a scope that means nothing.
    """
    scopes = list(dict.fromkeys(scopes))
    for scope in scopes:
        parse_rule(scope)
    plain = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        token = Token.objects.create(
            user=user,
            name=name,
            prefix=plain[:12],
            digest=digest(plain),
            scopes=scopes,
            expires_at=expires_at,
        )
        audit.record(
            actor or f"user:{user.get_username()}",
            "token.created",
            kind="token",
            id=str(token.pk),
            address=address,
            user=user.get_username(),
            name=name,
            prefix=token.prefix,
            scopes=scopes,
            expires_at=expires_at.isoformat() if expires_at else None,
        )
    return token, plain


def revoke(token: Token, *, actor: str, address: str | None = None) -> None:
    """End a token at once; its row stays for the record."""
    with transaction.atomic():
        if Token.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=timezone.now()):
            audit.record(
                actor, "token.revoked", kind="token", id=str(token.pk), address=address, name=token.name
            )


def authenticate(plain: str) -> Any | None:
    """The user a token stands for, narrowed to its scopes; None when it is unknown, revoked or expired.

    The user carries `nomaflow_scopes` (patterns) and `nomaflow_token` (the row).
    """
    wanted = digest(plain)
    now = timezone.now()
    token = (
        Token.objects.select_related("user")
        .filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now), digest=wanted, revoked_at__isnull=True)
        .first()
    )
    if token is None or not hmac.compare_digest(token.digest, wanted) or not token.user.is_active:
        return None
    if token.last_used_at is None or now - token.last_used_at > _USED_EVERY:
        Token.objects.filter(pk=token.pk).update(last_used_at=now)
    user: Any = token.user
    user.nomaflow_scopes = token.scopes
    user.nomaflow_token = token
    return user


def digest(plain: str) -> str:
    """What is stored of a token. It has 256 random bits, so one round of SHA-256 suffices."""
    return sha256(plain.encode("utf-8", "replace")).hexdigest()
