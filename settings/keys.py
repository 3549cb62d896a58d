"""Secrets of the installation: the environment's, else those `nomaflow up` generated into the home."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from settings import env


def generated(home: Path) -> dict[str, Any]:
    """What the home's `keys` file holds; empty when there is none."""
    path = home / "keys"
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except PermissionError:
        raise ImproperlyConfigured(f"{path} may not be read by this user; run as its owner.") from None
    except ValueError:
        raise ImproperlyConfigured(f"{path} is damaged; restore it from a backup.") from None


def secret_key(home: Path) -> str:
    """Django's key; while nothing is set up one that nobody can guess and that ends with the process."""
    known = env.text("NOMAFLOW_SECRET_KEY") or generated(home).get("secret_key")
    return str(known or secrets.token_urlsafe(50))


def fernet_keys() -> list[str]:
    """Keys the environment names, newest first; without any, the home's are used."""
    return env.words("NOMAFLOW_FERNET_KEYS")
