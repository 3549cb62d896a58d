"""Where PostgreSQL and the broker are: the environment's URLs, else those of the running home."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from settings import env


def recorded(home: Path) -> dict[str, Any]:
    """What `nomaflow up` wrote down about the servers it started; empty when it has not."""
    try:
        return dict(json.loads((home / "state.json").read_text()).get("urls", {}))
    except (FileNotFoundError, ValueError):
        return {}


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
        "OPTIONS": {"connect_timeout": 5, **query},
    }


def urls(home: Path) -> dict[str, str]:
    """`database`, `direct` (for LISTEN), `broker` and `channel`; empty strings when nothing is known."""
    known = recorded(home)
    broker = env.text("NOMAFLOW_BROKER_URL", known.get("broker", ""))
    address = env.text("NOMAFLOW_DATABASE_URL", known.get("database", ""))
    return {
        "database": address,
        "direct": env.text("NOMAFLOW_DATABASE_DIRECT_URL", address),
        "broker": broker,
        "channel": broker.replace("redis+socket://", "unix://", 1),
    }
