"""Jobs and connectors as TOML: read, imported all or nothing, exported."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from typing import Any

from django.db import transaction

from jobs_app import connector_rights, connectors, shapes, toml_lines, toml_text
from jobs_app.definition import FIELDS, World, clean_job, connectors_of, freeze
from jobs_app.models import Connector, Job
from jobs_app.params import same
from jobs_app.permissions import Permissions
from jobs_app.policies import ALERTS, RETRY
from jobs_app.problems import DefinitionError, Problem
from jobs_app.schedules import save_job
from jobs_app.shapes import Wrong
from jobs_app.step_definition import COMMON
from nomaflow.registry import step_types

LARGEST = 5_000_000
MOST_PROBLEMS = 100
"""Where a check of a file ends: nobody reads more, and a file of nothing but mistakes must not keep a server busy."""
_POSITION = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)\Z")
_TOO_LONG = re.compile(r"[0-9_]{4301,}")
_JOB_DEFAULTS = {name: default for name, (default, _rule) in FIELDS.items()} | {"retry": {}, "alerts": {}}
_BLOCKS = {
    name: {key: default for key, (default, _rule) in block.items()}
    for name, block in (("retry", RETRY), ("alerts", ALERTS))
}
_STEP_DEFAULTS = {name: default for name, (default, _rule) in COMMON.items()}


@dataclass(frozen=True)
class ImportResult:
    """What an import did: ids of jobs, names of connectors that were created or changed."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    connectors: list[str] = field(default_factory=list)


def parse(text: str) -> dict[str, Any]:
    """The document as plain JSON data; `DefinitionError` names the line of what is no TOML."""
    if len(text) > LARGEST:
        raise DefinitionError.one(
            "", f"the file has {len(text) / 1e6:.1f} MB; at most {LARGEST / 1e6:.0f} MB are read at a time"
        )
    try:
        found = tomllib.loads(text)
        shapes.shallow(found)
    except tomllib.TOMLDecodeError as error:
        raise DefinitionError([_syntax(error, text)]) from None
    except (RecursionError, Wrong):
        line = toml_lines.deepest_line(text)
        message = f"this is nested too deeply; at most {shapes.DEEPEST} levels are read"
        raise DefinitionError([Problem("", message, line)]) from None
    except ValueError:  # Python reads no whole number of more than 4,300 digits
        raise DefinitionError([_too_long(text)]) from None
    return {name: _plain(value) for name, value in found.items()}


def import_toml(
    text: str, *, actor: str, address: str | None = None, may: Permissions | None = None
) -> ImportResult:
    """Save every connector and job of the document, or none and raise `DefinitionError` with lines.

    With `may`, everything is checked against these permissions too: `PermissionDenied` names what is missing.
    """
    document = parse(text)
    try:
        with transaction.atomic():
            return _import(document, actor=actor, address=address, may=may)
    except DefinitionError as error:
        lines = toml_lines.locate(text)
        raise DefinitionError(
            replace(problem, line=toml_lines.line_of(problem.path, lines), field=_named(problem, document))
            for problem in error.problems
        ) from None


def export_toml(job_ids: Iterable[str], *, may: Permissions | None = None) -> str:
    """The jobs of these ids and the connectors they use; secrets are left out, defaults too.

    With `may`, so are connectors these permissions do not let use. Raises `Job.DoesNotExist` naming the first id
    there is no job of.
    """
    wanted = list(dict.fromkeys(job_ids))
    jobs = Job.objects.prefetch_related("steps").in_bulk(wanted)
    if missing := [job_id for job_id in wanted if job_id not in jobs]:
        raise Job.DoesNotExist(f"there is no job “{missing[0]}”")
    definitions = [freeze(jobs[job_id]) for job_id in wanted]
    names = sorted(set().union(*map(connectors_of, definitions)) if definitions else set())
    hidden = [name for name in names if may and not may.allows("connector", name, "use")]
    rows = Connector.objects.in_bulk([name for name in names if name not in hidden])
    blocks = [f"# connector {name} is left out: that takes connector:{name}:use\n" for name in hidden]
    blocks += [_connector_text(rows[name]) for name in names if name in rows]
    return "\n".join(blocks + [_job_text(definition) for definition in definitions])


def job_toml(job: Job) -> str:
    """The job alone, without the connectors it names: what whoever may view it may read."""
    return _job_text(freeze(job))


def _import(
    document: Mapping[str, Any], *, actor: str, address: str | None, may: Permissions | None
) -> ImportResult:
    strange = [name for name in document if name not in ("connectors", "jobs")][:MOST_PROBLEMS]
    problems = [
        Problem(name, shapes.unknown(name, ["connectors", "jobs"]), None, (name,)) for name in strange
    ]
    new_connectors = _clean_all("connectors", document, connectors.clean_connector, "name", problems)
    raw_jobs = _tables("jobs", document, problems)
    world = World.load().with_connectors({item.name: item.kind for item in new_connectors})
    world = world.with_connectors(_intended(document)).with_jobs(
        (str(job.get("id", "")), job.get("depends_on")) for job in raw_jobs
    )
    jobs = _clean_all("jobs", document, lambda raw: clean_job(raw, world=world), "id", problems)
    if problems:
        raise DefinitionError(list(dict.fromkeys(problems))[:MOST_PROBLEMS])
    if may:
        _require(may, new_connectors, jobs)
    _keep_switches(jobs, raw_jobs)
    return _save(new_connectors, jobs, actor=actor, address=address)


def _keep_switches(jobs: list[dict[str, Any]], raw_jobs: list[dict[str, Any]]) -> None:
    """A document that does not say `enabled` leaves a job that an operator paused as it is."""
    paused = set(Job.objects.filter(enabled=False).values_list("pk", flat=True))
    for job, raw in zip(jobs, raw_jobs, strict=True):
        if "enabled" not in raw and job["id"] in paused:
            job["enabled"] = False


def _require(
    may: Permissions, new_connectors: list[connectors.CleanConnector], jobs: list[dict[str, Any]]
) -> None:
    """Writing a connector, making a job, changing one, and using every connector a job names."""
    if new_connectors:
        may.require_settings("connectors")
    saved = Job.objects.prefetch_related("steps").in_bulk([job["id"] for job in jobs])
    known = {*Connector.objects.values_list("pk", flat=True), *(item.name for item in new_connectors)}
    for job in jobs:
        before = freeze(saved[job["id"]]) if job["id"] in saved else None
        if before:
            may.require("edit", job["id"])
        else:
            may.require_settings("jobs")
        connector_rights.require(may, job, known=known, saved=before)


def _save(
    new_connectors: list[connectors.CleanConnector],
    jobs: list[dict[str, Any]],
    *,
    actor: str,
    address: str | None,
) -> ImportResult:
    result = ImportResult()
    for index, cleaned in enumerate(new_connectors):
        before = Connector.objects.filter(pk=cleaned.name).values_list("version", flat=True).first()
        with _below("connectors", index):
            row = connectors.store(cleaned, actor=actor, address=address)
        if row.version != before:
            result.connectors.append(row.pk)
    known = Job.objects.prefetch_related("steps").in_bulk([job["id"] for job in jobs])
    for index, job in enumerate(jobs):
        old = known.get(job["id"])
        if old and same(freeze(old), job):
            result.unchanged.append(job["id"])
            continue
        with _below("jobs", index):
            save_job(job, author=actor, reason="import", address=address)
        (result.updated if old else result.created).append(job["id"])
    return result


@contextmanager
def _below(*prefix: str | int) -> Iterator[None]:
    """Problems raised in the block are told from the top of the document."""
    try:
        yield
    except DefinitionError as error:
        raise error.below(*prefix) from None


def _tables(name: str, document: Mapping[str, Any], problems: list[Problem]) -> list[dict[str, Any]]:
    raw = document.get(name, [])
    if isinstance(raw, list) and all(isinstance(item, dict) for item in raw):
        return raw
    problems.append(Problem(name, f"must be written as [[{name}]] tables", None, (name,)))
    return []


def _clean_all(
    name: str, document: Mapping[str, Any], clean: Any, identity: str, problems: list[Problem]
) -> list[Any]:
    """Every entry cleaned; what is wrong with any, and ids that come twice, go to `problems`."""
    cleaned, seen = [], set()
    for index, raw in enumerate(_tables(name, document, problems)):
        if len(problems) >= MOST_PROBLEMS:
            break
        wanted = str(raw.get(identity, "")).lower()
        if wanted and wanted in seen:
            path = (name, index, identity)
            problems.append(Problem("", f"“{raw[identity]}” is in this file twice", None, path))
        seen.add(wanted)
        try:
            cleaned.append(clean(raw))
        except DefinitionError as error:
            problems += error.below(name, index).problems
    return cleaned


def _intended(document: Mapping[str, Any]) -> dict[str, str]:
    """Connectors of the file, wrong ones too, so that a job using one is not blamed a second time."""
    raw = document.get("connectors")
    entries = raw if isinstance(raw, list) else []
    return {
        str(item["name"]): str(item.get("kind"))
        for item in entries
        if isinstance(item, dict) and item.get("name")
    }


def _named(problem: Problem, document: Mapping[str, Any]) -> str:
    """The field with names for positions where there are any: `jobs.nightly.steps.copy.mode`."""
    words: list[str] = []
    at: Any = document
    for part in problem.path:
        try:
            at = at[part]
        except (KeyError, IndexError, TypeError):
            at = None
        label = at.get("id") or at.get("name") if isinstance(part, int) and isinstance(at, dict) else part
        if isinstance(label, int) or not isinstance(label, str):
            words[-1:] = [f"{words[-1]}[{part}]"] if words else [str(part)]
        else:
            words.append(label)
    return ".".join(words) or problem.field


def _syntax(error: tomllib.TOMLDecodeError, text: str) -> Problem:
    position = _POSITION.search(str(error))
    line = int(position[1]) if position and position[1] else text.count("\n") + 1
    return Problem("", f"this is no TOML: {_POSITION.sub('', str(error))}", line)


def _too_long(text: str) -> Problem:
    found = _TOO_LONG.search(text)
    line = text.count("\n", 0, found.start()) + 1 if found else None
    return Problem("", "this is no number that can be read: it has too many digits", line)


def _plain(value: Any) -> Any:
    """TOML's own dates and times become ISO text."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return value


def _connector_text(row: Connector) -> str:
    text = "[[connectors]]\n" + toml_text.line("name", row.pk) + toml_text.line("kind", row.kind)
    if row.description:
        text += toml_text.line("description", row.description)
    text += "".join(toml_text.line(name, value) for name, value in row.config.items())
    if row.secrets:
        text += "# its secrets are never exported; an import into this installation keeps them\n"
    if row.queries:
        text += toml_text.line("queries", row.queries)
    return text


def _job_text(definition: Mapping[str, Any]) -> str:
    text = "[[jobs]]\n"
    for name, value in definition.items():
        if name != "steps" and not same(value, _JOB_DEFAULTS[name]):
            text += toml_text.line(name, _tidy(value, _BLOCKS.get(name, {})))
    for step in definition["steps"]:
        text += "\n  [[jobs.steps]]\n"
        for name, value in step.items():
            if name not in ("config", "retry") and not same(value, _STEP_DEFAULTS[name]):
                text += toml_text.line(name, value, "  ")
        if step["retry"] is not None:
            text += toml_text.line("retry", _tidy(step["retry"], _BLOCKS["retry"]), "  ")
        step_type = step_types().get(step["type"])
        defaults = {field.name: field.default for field in step_type.fields} if step_type else {}
        config = _tidy(step["config"], defaults)
        text += "".join(toml_text.line(name, value, "  ") for name, value in config.items())
    return text


def _tidy(value: Any, defaults: Mapping[str, Any]) -> Any:
    """A map in its declared order (the database forgets it), without what is empty unless that says something."""
    if not isinstance(value, Mapping):
        return value
    names = [*(name for name in defaults if name in value), *(name for name in value if name not in defaults)]
    return {
        name: value[name] for name in names if value[name] or not _says_nothing(name, value[name], defaults)
    }


def _says_nothing(name: str, value: Any, defaults: Mapping[str, Any]) -> bool:
    return value is None or (name in defaults and same(value, defaults[name]))
