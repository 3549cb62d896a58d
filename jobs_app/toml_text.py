"""Plain data as TOML text, in the form people write it by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_BARE = re.compile(r"\A[A-Za-z0-9_-]+\Z")
_PLAIN_LINES = re.compile(r"\A[^\x00-\x08\x0b-\x1f\x7f]*\Z")


def key(name: str) -> str:
    """
    >>> key("base_seconds"), key("X-API Key")
    ('base_seconds', '"X-API Key"')
    """
    return name if _BARE.match(name) else _quoted(name)


def value(data: Any) -> str:
    r"""
    >>> value({"a": [1, 2.5, True], "b": "x\ny"})
    '{ a = [1, 2.5, true], b = "x\\ny" }'
    """
    if isinstance(data, bool):
        return "true" if data else "false"
    if isinstance(data, str):
        return _quoted(data)
    if isinstance(data, (int, float)):
        return repr(data)
    if isinstance(data, Mapping):
        inner = ", ".join(f"{key(name)} = {value(item)}" for name, item in data.items())
        return f"{{ {inner} }}" if inner else "{}"
    return "[" + ", ".join(map(value, data)) + "]"


def line(name: str, data: Any, indent: str = "") -> str:
    """`name = value`; a text of several lines is written as such."""
    written = _lines(data) if isinstance(data, str) and "\n" in data else value(data)
    return f"{indent}{key(name)} = {written}\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _lines(text: str) -> str:
    if not _PLAIN_LINES.match(text):
        return _quoted(text)
    escaped = text.replace("\\", "\\\\").replace('"""', '""\\"')
    return f'"""\n{escaped}"""'
