"""The shapes a definition's values must have. A check returns the cleaned value or raises `Wrong`.

>>> integer(1, 5)("7")
Traceback (most recent call last):
jobs_app.shapes.Wrong: must be a whole number
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

Check = Callable[[Any], Any]

DEEPEST = 32
"""Levels of lists and maps inside one another."""
LARGEST_TEXT = 1_000_000
_LARGEST_INTEGER = 2**63
LARGEST_COLUMN = 2_147_483_647
"""What a PostgreSQL integer column holds."""


class Wrong(ValueError):
    """What is wrong with a value, as the end of a sentence that starts with its name."""


def text(limit: int = LARGEST_TEXT, *, blank: bool = True) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise Wrong("must be text")
        if len(value) > limit:
            raise Wrong(f"must have at most {limit:,} characters, not {len(value):,}")
        if not blank and not value.strip():
            raise Wrong("this field is required")
        return value

    return check


def integer(low: int, high: int = LARGEST_COLUMN) -> Check:
    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise Wrong("must be a whole number")
        if not low <= value <= high:
            raise Wrong(f"must be between {low:,} and {high:,}, not {value:,}")
        return value

    return check


def number(low: float, high: float) -> Check:
    def check(value: Any) -> float:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            raise Wrong("must be a number")
        if not low <= value <= high:
            raise Wrong(f"must be between {low:g} and {high:g}, not {value:g}")
        return value

    return check


def boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong("must be true or false")
    return value


def choice(*words: str, upper: bool = False) -> Check:
    def check(value: Any) -> str:
        word = value.upper() if upper and isinstance(value, str) else value
        if word not in words:
            raise Wrong(f"must be one of {', '.join(words)}")
        return str(word)

    return check


def optional(check: Check) -> Check:
    """None stays None."""
    return lambda value: None if value is None else check(value)


def text_list(limit: int, *, most: int = 100) -> Check:
    """A list of texts, each once, in the order given."""
    each = text(limit, blank=False)

    def check(value: Any) -> list[str]:
        if not isinstance(value, (list, tuple)):
            raise Wrong("must be a list of texts")
        if len(value) > most:
            raise Wrong(f"must have at most {most} entries, not {len(value):,}")
        return list(dict.fromkeys(each(item).strip() for item in value))

    return check


def mapping(value: Any) -> dict[str, Any]:
    """A map a user names the keys of: parameters, keyword arguments."""
    if not isinstance(value, Mapping):
        raise Wrong("must be a table of names and values")
    if len(value) > 1000:
        raise Wrong(f"must have at most 1,000 entries, not {len(value):,}")
    if bad := next((key for key in value if not isinstance(key, str) or not key.strip()), None):
        raise Wrong(f"has an entry without a name: {bad!r}")
    return dict(value)


def storable(value: Any) -> None:
    """Raise `Wrong` unless the value survives JSON, PostgreSQL and TOML as it is."""
    for atom in shallow(value):
        _storable_atom(atom)


def shallow(value: Any) -> list[Any]:
    """Every name and plain value inside; `Wrong` when lists and maps are nested too deeply."""
    pending: list[tuple[Any, int]] = [(value, 0)]
    atoms: list[Any] = []
    while pending:
        item, depth = pending.pop()
        if depth > DEEPEST:
            raise Wrong(f"is nested more than {DEEPEST} levels deep")
        if isinstance(item, Mapping):
            atoms += item.keys()
            pending += [(part, depth + 1) for part in item.values()]
        elif isinstance(item, (list, tuple)):
            pending += [(part, depth + 1) for part in item]
        else:
            atoms.append(item)
    return atoms


def _storable_atom(value: Any) -> None:
    if isinstance(value, str):
        if len(value) > LARGEST_TEXT:
            raise Wrong(f"holds a text of more than {LARGEST_TEXT:,} characters")
        if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
            raise Wrong("holds a character that is no text (NUL or half a surrogate pair)")
    elif isinstance(value, float) and not math.isfinite(value):
        raise Wrong("holds a number that is not finite")
    elif isinstance(value, int) and not -_LARGEST_INTEGER <= value < _LARGEST_INTEGER:
        raise Wrong("holds a whole number beyond 64 bits")
    elif value is None:
        raise Wrong("holds an empty value (null); leave the entry out")
    elif not isinstance(value, (bool, int, float)):
        raise Wrong(f"holds a value of type {type(value).__name__}, which is no JSON")


def unknown(name: object, known: list[str]) -> str:
    """The sentence for a key nobody knows, with the one that was probably meant.

    >>> unknown("schedul", ["schedule", "tags"])
    'unknown field; did you mean schedule?'
    """
    close = get_close_matches(str(name), known, n=1)
    return f"unknown field; did you mean {close[0]}?" if close else "unknown field"
