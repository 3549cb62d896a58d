"""A job as plain data: checked and completed before it is saved, frozen for every run.

The frozen form is JSON: the job's fields, and under `steps` each step's common fields with its type's own
below `config`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jobs_app import shapes, substitution
from jobs_app.cron import CronError
from jobs_app.cron import parse as parse_cron
from jobs_app.models import Job
from jobs_app.models.job import JOB_ID
from jobs_app.policies import ALERTS, RETRY, clean_block
from jobs_app.problems import DefinitionError, Problem, Report
from jobs_app.reserved import is_reserved
from jobs_app.shapes import Check
from jobs_app.step_definition import COMMON, YEAR, clean_step, clean_value
from jobs_app.world import World
from nomaflow.registry import step_types

__all__ = ["DefinitionError", "Problem", "World", "clean_job", "connectors_of", "freeze", "load"]

MOST_STEPS = 1000

FIELDS: dict[str, tuple[Any, Check]] = {
    "id": ("", shapes.text(128, blank=False)),
    "description": ("", shapes.text(10_000)),
    "tags": ([], shapes.text_list(64)),
    "enabled": (True, shapes.boolean),
    "schedule": ("", shapes.text(200)),
    "timezone": ("UTC", shapes.text(64, blank=False)),
    "misfire": ("once", shapes.choice("once", "all", "skip")),
    "max_lateness_seconds": (3600, shapes.integer(0, YEAR)),
    "splay_seconds": (0, shapes.integer(0, 86_400)),
    "single_instance": (True, shapes.boolean),
    "depends_on": ([], shapes.text_list(128)),
    "params": ({}, shapes.mapping),
    "log_level": ("INFO", shapes.choice("DEBUG", "INFO", "WARNING", upper=True)),
    "log_truncate_kb": (None, shapes.optional(shapes.integer(1))),
    "timeout_seconds": (None, shapes.optional(shapes.integer(1, YEAR))),
    "pool": ("default", shapes.text(64, blank=False)),
    "priority": (0, shapes.integer(-100, 100)),
    "on_worker_lost": ("fail", shapes.choice("fail")),
}
"""Default and check of every field of a job but `retry`, `alerts` and `steps`."""

_NAMES = list(FIELDS)
_CUT = _NAMES.index("log_level")
ORDER = [*_NAMES[:_CUT], "retry", "alerts", *_NAMES[_CUT:], "steps"]
"""Every field of a job, as the frozen form lists them."""


def clean_job(
    raw: Mapping[str, Any], *, partial: bool = False, world: World | None = None, built_in: bool = False
) -> dict[str, Any]:
    """The frozen form with every default filled in, or `DefinitionError` naming every wrong field.

    `partial` checks and returns only the fields given, and the id. `world` is taken from the database
    unless given.
    """
    if not isinstance(raw, Mapping):
        raise DefinitionError.one("", "a job must be a table of names and values")
    report, world = Report(), world or World.load()
    for name in raw:
        if name not in ORDER:
            report.add(shapes.unknown(name, ORDER), str(name))
    names = [name for name in ORDER if name == "id" or name in raw or not partial]
    cleaned = {name: _clean_field(raw, name, world, report) for name in names}
    _check_id(cleaned["id"], world, built_in, report)
    _check_schedule(cleaned, report)
    _check_dependencies(cleaned["id"], cleaned.get("depends_on", []), world, report)
    for problem in substitution.check(cleaned.get("params", {})):
        report.add(problem, "params")
    report.raise_if_any()
    return cleaned


def freeze(job: Job) -> dict[str, Any]:
    """A saved job in the form runs keep, the same that `clean_job` returns."""
    frozen = {name: getattr(job, name) for name in ORDER if name != "steps"}
    frozen["steps"] = [
        {name: getattr(step, name) for name in (*COMMON, "retry", "config")} for step in job.steps.all()
    ]
    return frozen


def load(job_id: str) -> dict[str, Any]:
    """The definition of a saved job; raises `Job.DoesNotExist`."""
    return freeze(Job.objects.prefetch_related("steps").get(pk=job_id))


def connectors_of(definition: Mapping[str, Any]) -> set[str]:
    """The connectors a definition names outright."""
    known, found = step_types(), set()
    for step in definition["steps"]:
        if step["type"] in known:
            found |= known[step["type"]].connectors(step["config"])
    return found


def _clean_field(raw: Mapping[str, Any], name: str, world: World, report: Report) -> Any:
    if name == "steps":
        return _clean_steps(raw.get("steps"), world, report.at("steps"))
    if name in ("retry", "alerts"):
        block = RETRY if name == "retry" else ALERTS
        value = raw.get(name)
        return clean_block({} if value is None else value, block, report.at(name))
    return clean_value(raw, name, FIELDS[name], report)


def _clean_steps(raw: Any, world: World, report: Report) -> list[dict[str, Any]]:
    if not isinstance(raw, (list, tuple)) or not raw:
        report.add("a job has at least one step" if raw in (None, [], ()) else "must be a list of steps")
        return []
    if len(raw) > MOST_STEPS:
        report.add(f"a job has at most {MOST_STEPS:,} steps, not {len(raw):,}")
        return []
    steps = [clean_step(step, world, report.at(index)) for index, step in enumerate(raw)]
    first_of: dict[str, int] = {}
    for index, step in enumerate(steps):
        name = step.get("name", "")
        if name and first_of.setdefault(name, index) != index:
            report.add(f"step {first_of[name] + 1} is already named “{name}”", index, "name")
    return steps


def _check_id(job_id: str, world: World, built_in: bool, report: Report) -> None:
    if not job_id:
        return
    if not re.match(JOB_ID.regex, job_id) or (job_id.startswith("_") and not built_in):
        report.add(f"“{job_id}”: {JOB_ID.message}", "id")
    elif is_reserved(job_id):
        report.add(f"“{job_id}” is reserved: it is part of an address; choose another", "id")
    elif world.jobs.get(job_id.lower(), job_id) != job_id:
        report.add(f"“{job_id}” differs only in case from the job “{world.jobs[job_id.lower()]}”", "id")


def _check_schedule(cleaned: Mapping[str, Any], report: Report) -> None:
    """The expression in its zone; the zone alone when there is no schedule."""
    if "schedule" not in cleaned and "timezone" not in cleaned:
        return
    try:
        parse_cron(cleaned.get("schedule") or "@daily", cleaned.get("timezone", "UTC"))
    except CronError as error:
        report.add(str(error), "timezone" if error.field == "zone" else "schedule")


def _check_dependencies(job_id: str, depends_on: list[str], world: World, report: Report) -> None:
    known = set(world.jobs.values())
    for index, other in enumerate(depends_on):
        if other != job_id and other not in known:
            report.add(f"there is no job “{other}”", "depends_on", index)
    if chain := world.cycle(job_id, depends_on):
        report.add("these jobs would wait for one another: " + " → ".join(chain), "depends_on")
