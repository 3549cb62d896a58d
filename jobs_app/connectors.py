"""Connectors: saving one with its secrets apart, and what a worker needs to open one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from django.conf import settings
from django.db import transaction

from jobs_app import audit, secrets, shapes, substitution
from jobs_app.models import Connector
from jobs_app.models.connector import CONNECTOR_NAME
from jobs_app.params import diff, same
from jobs_app.problems import DefinitionError, Report
from jobs_app.shapes import Wrong
from nomaflow.extending import ConnectorKind, InvalidConfig
from nomaflow.registry import connector_kinds

_BESIDE = ("name", "kind", "description", "queries", "config")
_ADDRESS = ("url", "host", "port", "user", "username", "server", "path", "bind_dn")
"""Settings that say where a password is sent: with a new one the password must be entered again."""
_PASSWORD_IN_URL = re.compile(r"\A([a-z][a-z0-9+.-]*://[^/:@]*):(.*)@([^@]*)\Z", re.IGNORECASE | re.DOTALL)
_PASSWORD_IN_QUERY = re.compile(r"([?&])password=([^&#]*)(&?)", re.IGNORECASE)
_REFERENCE = re.compile(r"\A\$\{env:[^{}]+\}\Z")


class ConnectorMissing(Exception):
    """No connector has that name, or nothing can open its kind."""


@dataclass(frozen=True)
class CleanConnector:
    """A checked connector, its literal secrets apart from what may be shown."""

    name: str
    kind: str
    description: str
    config: dict[str, Any]
    secrets: dict[str, Any]
    queries: dict[str, Any]


def clean_connector(raw: Mapping[str, Any]) -> CleanConnector:
    """Check the flat form (`name`, `kind`, the kind's own settings, `queries`), or `DefinitionError`.

    A secret that is only `${env:NAME}` is a reference and stays readable; any other is kept apart.
    """
    if not isinstance(raw, Mapping):
        raise DefinitionError.one("", "a connector must be a table of names and values")
    report = Report()
    name = _text(raw, "name", report, blank=False)
    if name and not re.match(CONNECTOR_NAME.regex, name):
        report.add(f"“{name}”: {CONNECTOR_NAME.message}", "name")
    kind = connector_kinds().get(kind_name := _text(raw, "kind", report, blank=False))
    if kind is None and kind_name:
        known = ", ".join(sorted(connector_kinds()))
        report.add(f"there is no connector kind “{kind_name}”; there are {known}", "kind")
    config = _clean_settings(raw, kind, report) if kind else {}
    cleaned = CleanConnector(
        name=name,
        kind=kind_name,
        description=_text(raw, "description", report),
        config=config,
        secrets={},
        queries=_clean_queries(raw.get("queries"), report.at("queries")),
    )
    report.raise_if_any()
    return _apart(cleaned, kind) if kind else cleaned


def save_connector(raw: Mapping[str, Any], *, actor: str, address: str | None = None) -> Connector:
    """Check and store one connector; secrets not given again stay as they are.

    Raises `DefinitionError`, also when the address changes while a stored secret would go to the new one.
    """
    return store(clean_connector(raw), actor=actor, address=address)


def store(cleaned: CleanConnector, *, actor: str, address: str | None = None) -> Connector:
    """Write a checked connector; nothing is written when nothing changed."""
    with transaction.atomic():
        row = Connector.objects.select_for_update().filter(pk=cleaned.name).first()
        stored = _stored_secrets(row, cleaned) if row else {}
        hidden = {**_kept_secrets(row, stored, cleaned), **cleaned.secrets} if row else cleaned.secrets
        values = {name: getattr(cleaned, name) for name in ("kind", "description", "config", "queries")}
        before = {name: getattr(row, name) for name in values} if row else {}
        if row and same(before, values) and hidden == stored:
            return row
        row = row or Connector(name=cleaned.name, version=0)
        for name, value in values.items():
            setattr(row, name, value)
        row.secrets = secrets.encrypt(hidden)
        row.version += 1
        row.save()
        audit.record(
            actor,
            "connector.saved" if before else "connector.created",
            kind="connector",
            id=row.pk,
            address=address,
            changes={name: [before.get(name), value] for name, value in diff(before, values).items()},
            secrets=sorted(cleaned.secrets),
        )
    return row


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """What a worker needs to open a connector."""

    path: str
    """Dotted path of the kind's class."""
    config: dict[str, Any] = field(repr=False)
    """The kind's settings, secrets among them, every `${env:…}` filled in."""
    secrets: tuple[str, ...] = field(repr=False)
    """Every text to be masked from now on."""
    queries: dict[str, Any]


def resolve(name: str) -> Resolved:
    """Read a connector anew. Raises `ConnectorMissing`, `CannotDecrypt`, `UnknownName`."""
    row = Connector.objects.filter(pk=name).first()
    if row is None:
        raise ConnectorMissing(f"there is no connector “{name}”")
    path = settings.NOMAFLOW_CONNECTOR_KINDS.get(row.kind)
    if path is None:
        raise ConnectorMissing(f"connector “{name}” is of the kind “{row.kind}”, which is not installed")
    from_env: list[str] = []
    sources = substitution.Sources(run_id="", job_id="", as_of=datetime.now(UTC), secret_sink=from_env.append)
    stored = secrets.decrypt(row.secrets)
    kind = connector_kinds()[row.kind]
    # An env value may be a whole URL with a password in it, which must be masked like any other.
    config = _password_out_of_url(substitution.substitute(row.config | stored, sources), kind)
    hidden = [config[field.name] for field in kind.fields if field.secret and field.name in config]
    return Resolved(
        path=path,
        config=config,
        secrets=tuple(dict.fromkeys([*from_env, *map(str, hidden)])),
        queries=row.queries,
    )


def _text(raw: Mapping[str, Any], name: str, report: Report, *, blank: bool = True) -> str:
    try:
        value = shapes.text(10_000, blank=blank)(raw.get(name) or "")
        shapes.storable(value)
    except Wrong as wrong:
        report.add(str(wrong), name)
        return ""
    return str(value)


def _clean_settings(raw: Mapping[str, Any], kind: ConnectorKind, report: Report) -> dict[str, Any]:
    nested = raw.get("config") or {}
    given = {**nested} if isinstance(nested, Mapping) else {}
    given |= {name: value for name, value in raw.items() if name not in _BESIDE}
    given = _password_out_of_url({name: value for name, value in given.items() if value is not None}, kind)
    try:
        shapes.storable(given)
        cleaned = dict(kind.clean(given))
    except Wrong as wrong:
        report.add(str(wrong))
        return {}
    except InvalidConfig as invalid:
        known = [*_BESIDE, *(field.name for field in kind.fields)]
        for name, sentence in invalid.problems.items():
            report.add(shapes.unknown(name, known) if sentence == "unknown field" else sentence, name)
        return {}
    for name, value in cleaned.items():
        for problem in substitution.check(value):
            report.add(problem, name)
        if any(form in str(value) for form in ("${params:", "${out:", "${run:", "${job:", "${date:")):
            report.add("a connector belongs to no run: only ${env:…} can stand here", name)
    return cleaned


def _password_out_of_url(given: dict[str, Any], kind: ConnectorKind) -> dict[str, Any]:
    """`scheme://user:password@host` and `…?password=…` without it, and a password of its own.

    The password of the field wins over one in the URL.
    """
    url, field = given.get("url"), next((field.name for field in kind.fields if field.secret), None)
    if not isinstance(url, str) or not field:
        return given
    found = ""
    if match := _PASSWORD_IN_URL.match(url):
        found, url = match[2], f"{match[1]}@{match[3]}"
    if match := _PASSWORD_IN_QUERY.search(url):
        found = found or match[2]
        url = _PASSWORD_IN_QUERY.sub(lambda place: place[1] if place[3] else "", url)
    if not found:
        return given
    password = found if "${" in found else unquote(found)
    return {**given, "url": url, field: given.get(field) or password}


def _clean_queries(raw: Any, report: Report) -> dict[str, Any]:
    """Named statements: a text, or a table of `sql`, `write` and `params`."""
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        report.add("must be a table of named statements")
        return {}
    cleaned = {}
    for name, value in raw.items():
        query = {"sql": value} if isinstance(value, str) else value
        if (
            not isinstance(query, Mapping)
            or not isinstance(query.get("sql"), str)
            or not query["sql"].strip()
        ):
            report.add("must be a statement, or a table with sql", name)
            continue
        for key in set(query) - {"sql", "write", "params"}:
            report.add(shapes.unknown(key, ["sql", "write", "params"]), name, key)
        cleaned[name] = {"write": False, "params": {}, **query}
        try:
            shapes.text(200, blank=False)(name)
            shapes.storable({name: query})
            shapes.boolean(cleaned[name]["write"])
            shapes.mapping(cleaned[name]["params"])
        except Wrong as wrong:
            report.add(str(wrong), name)
    return cleaned


def _apart(cleaned: CleanConnector, kind: ConnectorKind) -> CleanConnector:
    hidden = {
        field.name: cleaned.config[field.name]
        for field in kind.fields
        if field.secret
        and field.name in cleaned.config
        and not _REFERENCE.match(str(cleaned.config[field.name]))
    }
    shown = {name: value for name, value in cleaned.config.items() if name not in hidden}
    return replace(cleaned, config=shown, secrets=hidden)


def _stored_secrets(row: Connector, cleaned: CleanConnector) -> dict[str, Any]:
    try:
        return secrets.decrypt(row.secrets)
    except secrets.CannotDecrypt:
        if cleaned.secrets:
            return {}  # entering the secret again is the way out of a lost key
        raise


def _kept_secrets(row: Connector, stored: Mapping[str, Any], cleaned: CleanConnector) -> dict[str, Any]:
    """Stored secrets that still hold: not replaced, not turned into a reference, not sent elsewhere."""
    if row.kind != cleaned.kind:
        return {}
    kept = {
        name: value
        for name, value in stored.items()
        if name not in cleaned.config and name not in cleaned.secrets
    }
    moved = [name for name in _ADDRESS if row.config.get(name) != cleaned.config.get(name)]
    if kept and moved:
        again = " and ".join(sorted(kept))
        raise DefinitionError.one(
            min(kept), f"{', '.join(moved)} changed: enter {again} again, it is not sent elsewhere"
        )
    return kept
