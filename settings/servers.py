"""Where PostgreSQL and the broker are: the environment's URLs, else those of the running home."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from settings import env

# Over a network that swallows everything, libpq would wait for an answer for hours.
NETWORK = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

DATABASE_SCHEMES = ("postgresql", "postgres")
BROKER_SCHEMES = ("redis", "rediss", "redis+socket")


def recorded(home: Path) -> dict[str, Any]:
    """What `nomaflow up` wrote down about the servers it started; empty when it has not."""
    try:
        return dict(json.loads((home / "state.json").read_text()).get("urls", {}))
    except (FileNotFoundError, ValueError):
        return {}
    except PermissionError:
        raise ImproperlyConfigured(
            f"{home}/state.json may not be read by this user; run as its owner."
        ) from None


def database(url: str) -> dict[str, Any]:
    """Django's form of `postgresql://user:password@host:port/name?host=/socket/folder`."""
    parts = urlsplit(url)
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", None) or parts.hostname or "",
        "PORT": str(parts.port or query.pop("port", "")),
        "OPTIONS": {**NETWORK, **query},
    }


def pooled(settings: dict[str, Any], *, process: str) -> dict[str, Any]:
    """Connections as the process needs them: web shares a pool, the long-lived others keep their one."""
    if process == "web":
        pool = {
            "min_size": 1,
            "max_size": env.integer("NOMAFLOW_WEB_CONNECTIONS", 10, minimum=1),
            "timeout": 10,
        }
        return settings | {
            "CONN_MAX_AGE": 0,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": settings["OPTIONS"] | {"pool": pool},
        }
    if process in ("worker", "beat"):
        return settings | {"CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True}
    return settings


def urls(home: Path) -> dict[str, str]:
    """`database`, `direct` (for LISTEN), `broker` and `channel`; empty strings when nothing is known."""
    known = recorded(home)
    broker = _checked("NOMAFLOW_BROKER_URL", known.get("broker", ""), schemes=BROKER_SCHEMES)
    address = _checked("NOMAFLOW_DATABASE_URL", known.get("database", ""), schemes=DATABASE_SCHEMES)
    return {
        "database": address,
        "direct": _checked("NOMAFLOW_DATABASE_DIRECT_URL", address, schemes=DATABASE_SCHEMES),
        "broker": broker,
        "channel": broker.replace("redis+socket://", "unix://", 1).replace("?virtual_host=", "?db=", 1),
    }


def _checked(name: str, default: str, *, schemes: tuple[str, ...]) -> str:
    """The URL of that name; a wrong one stops the start (without being repeated: it may hold a password)."""
    url = env.text(name) or default
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is not a URL: {error}") from None
    if parts.scheme not in schemes:
        raise ImproperlyConfigured(f"{name} must begin with {' or '.join(f'{each}://' for each in schemes)}")
    if parts.scheme in DATABASE_SCHEMES and not parts.path.strip("/"):
        raise ImproperlyConfigured(f"{name} must name a database, as in {parts.scheme}://host/name")
    return url
