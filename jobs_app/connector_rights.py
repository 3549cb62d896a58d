"""Which connectors a definition reaches and which statements it sends them.

Both take rights: `connector:<name>:use`, and `:sql` for a statement that is not one stored on the connector.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from jobs_app.permissions import Permissions
from jobs_app.substitution import Sources, UnknownName, substitute
from nomaflow.extending import StepType
from nomaflow.registry import step_types

_STORED_NAME = re.compile(r"[\w.-]+")
_ONE_PLACE = re.compile(r"\$\{[^{}]*\}")


def names_a_connector(parameter: str) -> bool:
    """Whether a parameter of this name holds a connector's name.

    >>> names_a_connector("target_connector"), names_a_connector("target")
    (True, False)
    """
    return parameter == "connector" or parameter.endswith("_connector")


def require(
    may: Permissions,
    definition: Mapping[str, Any],
    *,
    known: Collection[str],
    saved: Mapping[str, Any] | None = None,
    only_new: bool = False,
) -> None:
    """Raise `PermissionDenied` naming the first right that is missing.

    A statement the `saved` definition has already needs no right again; with `only_new` nor does a connector.
    `known` are the names of the connectors there are.
    """
    wanted, statements = uses(definition, known), set(_statements(definition))
    if saved:
        wanted -= uses(saved, known) if only_new else set()
        statements -= set(_statements(saved))
    needs = [(name, "use") for name in sorted(wanted)] + sorted({(name, "sql") for name, _text in statements})
    for name, verb in needs:
        if not may.allows("connector", name, verb):
            raise PermissionDenied(
                _("This needs the permission connector:%(name)s:%(verb)s.") % {"name": name, "verb": verb}
            )


def uses(definition: Mapping[str, Any], known: Collection[str]) -> set[str]:
    """The connectors its steps name and those its parameters name.

    `${params:…}` is filled in. A name only a run can tell stays as it is written, so that only `connector:*` covers it.
    """
    found = {str(value) for value in _named(definition["params"]) if value in known}
    for step_type, config in _steps(definition):
        found |= step_type.connectors(config) | {name for name, _text in _places(step_type, config)}
        found |= {str(value) for value in _named(config.get("op_kwargs") or {}) if value in known}
    return found - {""}


def _statements(definition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Connector and text of every statement written in the definition itself."""
    for step_type, config in _steps(definition):
        yield from ((name, text) for name, text in _places(step_type, config) if text)


def _places(step_type: StepType, config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each connector of a step with the statement it is sent; an empty one where it is stored or there is none."""
    texts = [config.get(field.name) for field in step_type.fields if field.kind == "sql"]
    inline = "\n".join(str(text) for text in texts if text and not _STORED_NAME.fullmatch(str(text).strip()))
    for field in step_type.fields:
        value = config.get(field.name)
        if field.kind == "connector":
            yield str(value or ""), inline
        elif field.kind == "table" and isinstance(value, Mapping):
            own = [str(value[part]) for part in ("query", "where") if value.get(part)]
            yield str(value.get("connector") or ""), "\n".join(own)


def _steps(definition: Mapping[str, Any]) -> Iterator[tuple[StepType, dict[str, Any]]]:
    sources = Sources(
        run_id="",
        job_id="",
        as_of=datetime.now(UTC),
        zone=definition["timezone"],
        params=definition["params"],
        env=lambda name: None,
    )
    for step in definition["steps"]:
        if step_type := step_types().get(step["type"]):
            yield step_type, _filled(step["config"], sources)


def _filled(value: Any, sources: Sources) -> Any:
    """Texts that are one placeholder, with what the parameters say; a longer text is the statement it is."""
    if isinstance(value, Mapping):
        return {name: _filled(item, sources) for name, item in value.items()}
    if not isinstance(value, str) or not _ONE_PLACE.fullmatch(value.strip()):
        return value
    try:
        return substitute(value.strip(), sources)
    except UnknownName:
        return value


def _named(values: Mapping[str, Any]) -> list[Any]:
    return [value for name, value in values.items() if names_a_connector(name) and isinstance(value, str)]
