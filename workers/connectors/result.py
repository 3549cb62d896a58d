"""What running one statement gave."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Result:
    """What one statement did."""

    affected: int
    """Rows written or returned; 0 for a statement that counts none."""
    columns: tuple[str, ...] | None
    """None when it returns no rows."""
    rows: list[tuple[Any, ...]]
    """The first rows it returned."""
