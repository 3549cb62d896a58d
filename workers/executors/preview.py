"""Rows of any driver as values JSON and a browser hold without loss."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

_TEXT_CHARS = 4096
_BYTES = 1024
_TOTAL_CHARS = 512 * 1024
_EXACT_INTEGER = 2**53
_UNSTORABLE = {0: "\ufffd"} | dict.fromkeys(range(55296, 57344), "�")


def preview(columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """As many of the rows as an output has room for.

    >>> preview(("a", "a"), [(1, None)])
    [{'a': 1, 'a_2': None}]
    """
    names: list[str] = []
    for column in columns:
        name, number = _text(column), 1
        while name in names:
            number += 1
            name = f"{_text(column)}_{number}"
        names.append(name)
    kept: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        shown = dict(zip(names, map(json_value, row), strict=True))
        size += len(json.dumps(shown))
        if size > _TOTAL_CHARS:
            break
        kept.append(shown)
    return kept


def json_value(value: Any) -> Any:
    """Decimals and whole numbers a browser would round become text, as do NaN and infinity.

    >>> json_value(float("nan")), json_value(b"\\x00a"), json_value(2**60)
    ('NaN', '\\\\x0061', '1152921504606846976')
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -_EXACT_INTEGER < value < _EXACT_INTEGER else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else "NaN" if value != value else f"{'-' * (value < 0)}Infinity"
    if isinstance(value, Decimal):
        return f"{value:f}" if value.is_finite() else str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return _bytes(bytes(value))
    if isinstance(value, Mapping):
        return {_text(str(key)): json_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_value(item) for item in value]
    return _text(str(value))


def _text(value: str) -> str:
    """NUL and lone surrogates cannot be stored as JSON."""
    cut = value if len(value) <= _TEXT_CHARS else value[:_TEXT_CHARS] + "…"
    return cut.translate(_UNSTORABLE)


def _bytes(value: bytes) -> str:
    return "\\x" + value[:_BYTES].hex() + ("…" if len(value) > _BYTES else "")
