"""Which environment variables the code reads, and what each is for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROOMS = ("nomaflow", "jobs_app", "runs_app", "workers", "settings")
KINDS = {
    "text": "text",
    "integer": "whole number",
    "boolean": "1 or 0",
    "words": "list, by commas",
    "path": "path",
    "choice": "one of a few words",
    "_checked": "URL",
}

SENTENCES = {
    "NOMAFLOW_ALLOWED_HOSTS": "Host names the web process answers to.",
    "NOMAFLOW_BROKER_URL": "The broker: `redis://`, `rediss://` or `redis+socket://`. Without it, the embedded one.",
    "NOMAFLOW_CANCEL_GRACE_SECONDS": "How long a step may take to stop when it is told to, before it is killed.",
    "NOMAFLOW_DATABASE_DIRECT_URL": "A way to the same database past a connection pooler; LISTEN needs it.",
    "NOMAFLOW_DATABASE_URL": "The database: `postgresql://user:password@host/name`. Without it, the embedded one.",
    "NOMAFLOW_DEBUG": "1: a failing command shows its traceback.",
    "NOMAFLOW_DRAIN_SECONDS": "How long running work has to end after a worker is told to stop.",
    "NOMAFLOW_FERNET_KEYS": "Keys that encrypt connectors' secrets, newest first. Without it, the home's.",
    "NOMAFLOW_HEARTBEAT_SECONDS": "How often a worker renews the lease of a run it holds.",
    "NOMAFLOW_HOME": "The installation's own folder: keys, logs, embedded servers' data. Default `.nomaflow`.",
    "NOMAFLOW_HTTP_ALLOW": "Hosts or networks that `http` steps may reach although they are refused by default.",
    "NOMAFLOW_HTTP_NETWORKS": "`public`: `http` steps reach no intranet hosts; default `private`: they do.",
    "NOMAFLOW_LEASE_SECONDS": "How long a worker may be silent before its run is taken for lost.",
    "NOMAFLOW_LOG_TRUNCATE_KB": "How much of a run's log from step code is kept; a job may set its own.",
    "NOMAFLOW_MEMORY_LIMIT_MB": "How much memory the process of a python step may use.",
    "NOMAFLOW_PLUGINS_DIR": "The folder of users' functions.",
    "NOMAFLOW_PROXIES": "Addresses of proxies that may say who the client is.",
    "NOMAFLOW_SECRET_KEY": "Signs sessions and links. Without it, the home's.",
    "NOMAFLOW_SERVER": "The server the commands ask, in place of the database.",
    "NOMAFLOW_SWEEP_SECONDS": "How often runs nobody took and workers that are gone are looked for.",
    "NOMAFLOW_TLS": "With `settings.prod`: 0 where there is no certificate yet.",
    "NOMAFLOW_TOKEN": "The API token the commands use with `NOMAFLOW_SERVER`.",
    "NOMAFLOW_TRUSTED_ORIGINS": "Origins besides the host's own that may send forms, such as `https://jobs.example`.",
    "NOMAFLOW_WEB_CONNECTIONS": "Connections to the database a web process keeps at most.",
}
INTERNAL = {
    "NOMAFLOW_PROCESS": "Which kind of process this is.",
}


@dataclass(frozen=True)
class Variable:
    """How the code reads one name."""

    kind: str
    default: str


@lru_cache
def found() -> dict[str, Variable]:
    """Every name read, in order."""
    known: dict[str, Variable] = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            for name, variable in read_in(path.read_text(encoding="utf-8")):
                if name not in known or not known[name].default:
                    known[name] = variable
    return dict(sorted(known.items()))


def read_in(source: str) -> Iterator[tuple[str, Variable]]:
    """
    >>> list(read_in('env.integer("NOMAFLOW_X", 5)'))
    [('NOMAFLOW_X', Variable(kind='whole number', default='5'))]
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield from _call(node)
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and _is_environ(node.value):
            yield from ((name, Variable("text", "")) for name in [_name(node.slice)] if name)


def _call(node: ast.Call) -> Iterator[tuple[str, Variable]]:
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    options = {keyword.arg: keyword.value for keyword in node.keywords}
    if name := _name(options.get("envvar")):
        yield name, Variable("option", _plain(options.get("default")))
    elif node.args and (name := _name(node.args[0])):
        default = _plain(node.args[1]) if len(node.args) > 1 else ""
        if called in KINDS:
            yield name, Variable(KINDS[called], default)
        elif called == "get" and isinstance(node.func, ast.Attribute) and _is_environ(node.func.value):
            yield name, Variable("text", default)


def _is_environ(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "environ"


def _name(node: ast.expr | None) -> str:
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) and value.startswith("NOMAFLOW_") else ""


def _plain(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant):
        return (
            "" if node.value is None else str(int(node.value) if isinstance(node.value, bool) else node.value)
        )
    return ""
