"""Every address the server knows, straight from the resolver."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.urls import URLPattern, URLResolver, get_resolver

FOREIGN = "django-admin/"
"""Django's own pages, which have tests of their own."""


def all_routes() -> list[str]:
    """Such as `admin/jobs/<job_id:job_id>/run`."""
    return [route for route in _walk(get_resolver().url_patterns, "") if not route.startswith(FOREIGN)]


def _walk(patterns: Iterable[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, route)
        else:
            yield route
