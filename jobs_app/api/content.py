"""How requests are read and answers written: bounded JSON or text in, JSON out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import IO, Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser

MAX_DEPTH = 64


class TextParser(BaseParser):
    """The body as text, whatever type it claims: `curl --data-binary` claims to be a form."""

    media_type = "*/*"
    most_bytes = 5_000_000

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        raw = stream.read(self.most_bytes + 1)
        if len(raw) > self.most_bytes:
            raise ParseError(_("The body is larger than %s bytes.") % self.most_bytes)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise ParseError(_("The body is not UTF-8 text.")) from None


class JsonParser(TextParser):
    """A JSON object the database can hold."""

    most_bytes = 1_000_000

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        text = super().parse(stream, media_type, parser_context)
        try:
            value = json.loads(text) if text.strip() else {}
        except RecursionError:
            raise ParseError(_("The JSON is nested too deeply.")) from None
        except ValueError as error:
            raise ParseError(_("The body is not JSON: %s") % error) from None
        if not isinstance(value, dict):
            raise ParseError(_("The body must be a JSON object."))
        _check(value)
        return value


def _check(value: Any) -> None:
    for part, depth in _walk(value):
        if depth > MAX_DEPTH:
            raise ParseError(_("The JSON is nested too deeply."))
        if isinstance(part, float) and not math.isfinite(part):
            raise ParseError(_("The JSON holds a number that is not finite."))
        if isinstance(part, str) and not storable(part):
            raise ParseError(_("The JSON holds text with a NUL or half a surrogate pair."))


def _walk(root: Any) -> Iterator[tuple[Any, int]]:
    waiting = [(root, 1)]
    while waiting:
        value, depth = waiting.pop()
        yield value, depth
        if isinstance(value, dict):
            waiting += [(part, depth + 1) for pair in value.items() for part in pair]
        elif isinstance(value, list):
            waiting += [(part, depth + 1) for part in value]


def storable(text: str) -> bool:
    """Whether PostgreSQL can hold the text.

    >>> storable("plain"), storable("nul\\0"), storable("\\ud800")
    (True, False, False)
    """
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


class AlwaysJson(BaseContentNegotiation):
    """There is one form of answer: neither `Accept` nor `?format=` choose another."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type
