"""What the shell of every page shows: where the reader is, what runs, what failed since they last looked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from runs_app.models import Run
from runs_app.querysets import RunQuerySet

MOST = 99
_SEEN = "nomaflow-failures-seen"
_RECENTLY = timedelta(days=1)
"""How far back failures are news to somebody who just signed in."""


def shell(request: HttpRequest) -> dict[str, Any]:
    """The template context of the shell. The counts ask the database only where a page shows them."""
    return {
        "section": "runs" if request.path_info.startswith("/nomaflow/runs") else "jobs",
        "nav_running": _number(request, lambda runs: runs.filter(state="RUNNING")),
        "nav_failed": _number(request, lambda runs: _news(request, runs.filter(state="FAILED"))),
    }


def counts(request: HttpRequest) -> HttpResponse:
    """The navigation's links anew, for a page that heard of a change."""
    return render(request, "ui/navigation_links.html", {"section": request.GET.get("section", "jobs")})


def _number(request: HttpRequest, narrow: Callable[[RunQuerySet], RunQuerySet]) -> Callable[[], int]:
    @cache
    def count() -> int:
        user = getattr(request, "user", None)
        if user is None or not user.is_authenticated:
            return 0
        return len(narrow(Run.objects.visible_to(user)).values_list("id")[:MOST])

    return count


def _news(request: HttpRequest, failed: RunQuerySet) -> RunQuerySet:
    """Failures the reader has not had before them; the list of runs shows them all."""
    if request.path_info == "/nomaflow/runs":
        request.session[_SEEN] = Run.objects.order_by("-id").values_list("id", flat=True).first() or 0
    seen = request.session.get(_SEEN)
    since = timezone.now() - _RECENTLY
    return failed.filter(finished_at__gt=since) if seen is None else failed.filter(id__gt=seen)
