"""Secret settings at rest: encrypted as one JSON object, with keys that can be rotated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import transaction

from jobs_app.models import Connector


class CannotDecrypt(Exception):
    """The stored secret does not open with this installation's keys; the message says what to do."""


def encrypt(values: Mapping[str, Any]) -> bytes:
    """Encrypt with the newest key; an empty map is stored as nothing."""
    return _fernet().encrypt(json.dumps(values).encode()) if values else b""


def decrypt(stored: bytes | memoryview) -> dict[str, Any]:
    """The map `encrypt` was given; `CannotDecrypt` when no key opens it."""
    if not stored:
        return {}
    try:
        return dict(json.loads(_fernet().decrypt(bytes(stored))))
    except (InvalidToken, ValueError) as error:
        raise CannotDecrypt(
            "The stored secret cannot be decrypted with this installation's keys; restore the key it was "
            "saved with or enter the secret again."
        ) from error


def rotate() -> int:
    """Re-encrypt every stored secret with the newest key, all or none; return how many there were.

    Give the new key the first place in NOMAFLOW_FERNET_KEYS, call this, then drop the old one.
    """
    forget_keys()
    with transaction.atomic():
        connectors = list(Connector.objects.select_for_update().exclude(secrets=b"").order_by("name"))
        for connector in connectors:
            connector.secrets = encrypt(decrypt(connector.secrets))
        Connector.objects.bulk_update(connectors, ["secrets"])
    return len(connectors)


def forget_keys() -> None:
    """Read the keys anew at the next use."""
    _fernet.cache_clear()


@lru_cache
def _fernet() -> MultiFernet:
    keys = list(getattr(settings, "NOMAFLOW_FERNET_KEYS", [])) or _keys_of_the_home()
    if not keys:
        raise CannotDecrypt(
            "There is no encryption key: set NOMAFLOW_FERNET_KEYS, or let `nomaflow up` make one in "
            f"{settings.NOMAFLOW_HOME}."
        )
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as error:
        raise CannotDecrypt("An encryption key is not 32 bytes of URL-safe base64.") from error


def _keys_of_the_home() -> list[str]:
    """The keys `nomaflow up` made for this installation, newest first; none when it has not."""
    path = settings.NOMAFLOW_HOME / "keys"
    try:
        return list(json.loads(path.read_text(encoding="utf-8"))["encryption_keys"])
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError) as error:
        raise CannotDecrypt(f"The key file {path} cannot be read; restore it from a backup.") from error
