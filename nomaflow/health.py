"""Is the process up, and is everything it needs there? For load balancers, `nomaflow status` and people."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from kombu import Connection

_TIMEOUT = 2.0
_migrated: set[str] = set()


@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"status": "ok"})


@never_cache
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when every part is there, else 503; which part is missing, never how to reach it."""
    checks = {name: _outcome(check) for name, check in CHECKS.items()}
    ready = all(outcome == "ok" for outcome in checks.values())
    body = {"status": "ok" if ready else "unavailable", "checks": checks}
    return JsonResponse(body, status=200 if ready else 503)


def _outcome(check: Callable[[], str]) -> str:
    try:
        return check()
    except Exception:  # whatever it was, the part is not there; drivers' messages may hold addresses
        return "unreachable"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def _migrations() -> str:
    """What was applied once stays so while this process lives: nobody may make it read every migration each time."""
    if connection.alias not in _migrated:
        executor = MigrationExecutor(connection)
        if waiting := len(executor.migration_plan(executor.loader.graph.leaf_nodes())):
            return f"{waiting} not applied"
        _migrated.add(connection.alias)
    return "ok"


def _broker() -> str:
    options = {"socket_connect_timeout": _TIMEOUT, "socket_timeout": _TIMEOUT}
    with Connection(settings.CELERY_BROKER_URL, transport_options=options) as broker:
        broker.ensure_connection(max_retries=1, timeout=_TIMEOUT)
    return "ok"


CHECKS = {"database": _database, "migrations": _migrations, "broker": _broker}
