"""What a definition may refer to: the jobs and connectors there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jobs_app.models import Connector, Job


@dataclass(frozen=True)
class World:
    """A picture taken once, so that a thousand jobs are checked against one."""

    jobs: Mapping[str, str] = field(default_factory=dict)
    """Every job's id by its lower-case form."""
    depends_on: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    connectors: Mapping[str, str] = field(default_factory=dict)
    """Every connector's kind by its name."""

    @classmethod
    def load(cls) -> World:
        return cls(
            jobs={job_id.lower(): job_id for job_id in Job.objects.values_list("id", flat=True)},
            depends_on={
                job_id: tuple(others)
                for job_id, others in Job.objects.exclude(depends_on=[]).values_list("id", "depends_on")
            },
            connectors=dict(Connector.objects.values_list("name", "kind")),
        )

    def with_connectors(self, kinds: Mapping[str, str]) -> World:
        return replace(self, connectors={**self.connectors, **kinds})

    def with_jobs(self, jobs: Iterable[tuple[str, Any]]) -> World:
        """The same with jobs about to be saved: pairs of id and what they depend on."""
        known, depends_on = dict(self.jobs), dict(self.depends_on)
        for job_id, others in jobs:
            known.setdefault(job_id.lower(), job_id)
            listed = others if isinstance(others, (list, tuple)) else ()
            depends_on[job_id] = tuple(other for other in listed if isinstance(other, str))
        return replace(self, jobs=known, depends_on=depends_on)

    def cycle(self, job_id: str, depends_on: Iterable[str]) -> list[str]:
        """The chain by which a job would wait for itself; empty when there is none."""
        chains, seen = [[job_id, other] for other in depends_on], set()
        while chains:
            chain = chains.pop()
            if chain[-1] == job_id:
                return chain
            if chain[-1] not in seen:
                seen.add(chain[-1])
                chains += [[*chain, other] for other in self.depends_on.get(chain[-1], ())]
        return []
