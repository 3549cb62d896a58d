"""The retry policy: how many tries, how long between them, and for which failures. Pure."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NEVER_BY_DEFAULT = frozenset(("constraint", "http_4xx", "memory_limit"))
"""Failures another try cannot mend; a policy's `retry_on` may still ask for them."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """N attempts mean N-1 waits: base, then the same (`fixed`) or doubled each time (`exponential`)."""

    attempts: int = 1
    backoff: str = "fixed"
    base_seconds: float = 0.0
    max_seconds: float | None = None
    jitter: bool = False
    retry_on: frozenset[str] | None = None

    def wants(self, *, made: int, kind: str, retryable: bool) -> bool:
        """Is there another try after `made` ones, the last of which failed with `kind`?

        >>> RetryPolicy(attempts=2).wants(made=1, kind="error", retryable=True)
        True
        >>> RetryPolicy(attempts=2).wants(made=1, kind="constraint", retryable=True)
        False
        """
        if made >= self.attempts or not retryable:
            return False
        return kind in self.retry_on if self.retry_on is not None else kind not in NEVER_BY_DEFAULT

    def wait(self, made: int, *, chance: float | None = None) -> float:
        """Seconds between try `made` and the next; with jitter between half of it and all.

        >>> [RetryPolicy(backoff="exponential", base_seconds=30).wait(n) for n in (1, 2, 3)]
        [30, 60, 120]
        """
        wait = self.base_seconds * (2 ** min(made - 1, 32) if self.backoff == "exponential" else 1)
        if self.max_seconds is not None:
            wait = min(wait, self.max_seconds)
        if self.jitter:
            wait *= 0.5 + (random.random() if chance is None else chance) / 2  # noqa: S311
        return wait


def policy(job: Mapping[str, Any] | None, step: Mapping[str, Any] | None) -> RetryPolicy:
    """A step's own policy where it has one, else its job's."""
    values = dict(step or job or {})
    if values.get("retry_on") is not None:
        values["retry_on"] = frozenset(values["retry_on"])
    return RetryPolicy(**values)
