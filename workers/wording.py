"""The framework's own lines in a run's log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TELLING = ("mode", "connector", "callable", "method", "url")
"""Configuration worth a word when a step begins; none of it can be a secret once masked."""


def seconds(value: float) -> str:
    """
    >>> seconds(0.0123), seconds(1.234), seconds(95), seconds(3700)
    ('12 ms', '1.2 s', '1 m 35 s', '1 h 1 m')
    """
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.1f}".removesuffix(".0") + " s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} m {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} m"


def step_line(name: str, type: str, config: Mapping[str, Any]) -> str:
    """
    >>> step_line("F0005", "sql_copy", {"mode": "overwrite", "batch_size": 10000})
    'step F0005 · type=sql_copy · mode=overwrite'
    >>> step_line("ping", "http", {"url": "https://api.example/status?key=abc"})
    'step ping · type=http · url=https://api.example/status'
    """
    facts = [f"{key}={_short(config[key])}" for key in _TELLING if isinstance(config.get(key), str)]
    return " · ".join((f"step {name}", f"type={type}", *facts))


def _short(text: str) -> str:
    """The query of a URL often holds a key."""
    return text.partition("?")[0]
