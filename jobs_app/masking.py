"""Keep known secrets out of everything that is shown or stored.

>>> masker = Masker(["s3cret-word"])
>>> masker.mask("login s3cret-word ok")
'login *** ok'
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST = 6
"""Shorter values are not masked: they would blot out ordinary text."""


_SECRET_NAME = re.compile(
    r"passw|pwd|secret|token|credential|authorization|cookie|(api|access|private)[-_ ]?key", re.IGNORECASE
)


def hide(value: Any) -> Any:
    """Blank what stands under a key that names a secret.

    >>> hide({"headers": {"X-Token": "abc"}, "n": 1})
    {'headers': {'X-Token': '***'}, 'n': 1}
    """
    if isinstance(value, Mapping):
        return {
            key: MASK if item and _SECRET_NAME.search(str(key)) else hide(item) for key, item in value.items()
        }
    if isinstance(value, list):
        return [hide(item) for item in value]
    return value


class Masker:
    """Replaces secrets and their usual encodings. Safe to share between threads."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._forms: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None
        for value in secrets:
            self.add(value)

    def add(self, value: object) -> None:
        """Mask `value` from now on; anything but text of 6 or more characters is ignored."""
        if not isinstance(value, str) or len(value) < SHORTEST:
            return
        with self._lock:
            forms = self._forms | frozenset(_forms(value))
            if forms != self._forms:
                longest_first = sorted(forms, key=lambda form: (-len(form), form))
                self._forms, self._pattern = forms, re.compile("|".join(map(re.escape, longest_first)))

    def mask(self, text: str) -> str:
        """`text` with every known secret replaced by `***`."""
        return self._pattern.sub(MASK, text) if self._pattern else text

    def mask_tree(self, value: Any) -> Any:
        """The same for every string, keys too, of a JSON-like value."""
        if isinstance(value, str):
            return self.mask(value)
        if isinstance(value, dict):
            return {self.mask_tree(key): self.mask_tree(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.mask_tree(item) for item in value]
        return value


def _forms(value: str) -> Iterator[str]:
    yield value
    for safe in ("", "/"):
        yield from (quote(value, safe, errors="replace"), quote_plus(value, safe, errors="replace"))
    yield repr(value)[1:-1]
    yield from (json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])
    raw = value.encode("utf-8", "replace")
    for lead in range(3):
        yield from _base64_inside(raw, lead)


def _base64_inside(raw: bytes, lead: int) -> Iterator[str]:
    """What base64 shows of `raw` when `lead` other bytes (mod 3) stand before it and any follow."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        text = encode(b"\0" * lead + raw).decode().rstrip("=")
        whole = text[(0, 2, 3)[lead] :]
        certain = whole[:-1] if (lead + len(raw)) % 3 else whole
        yield from (form for form in (whole, certain) if len(form) >= SHORTEST)
