"""The long form of the suites that roll dice: `make soak` sets NOMAFLOW_SOAK to how many times longer."""

from __future__ import annotations

import os

FACTOR = int(os.environ.get("NOMAFLOW_SOAK", "1"))


def times(count: int) -> int:
    """`count` in an ordinary run, a multiple of it in a soak."""
    return count * FACTOR
