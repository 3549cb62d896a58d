"""The project's files, for the tests that read them."""

from __future__ import annotations

import subprocess
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("nomaflow", "jobs_app", "runs_app", "workers", "settings")
LOCKS = (
    "requirements/base.txt",
    "requirements/dev.txt",
    "requirements/node.txt",
    "frontend/package-lock.json",
)


@lru_cache
def tracked() -> tuple[Path, ...]:
    """Every file of the project that git knows or would add, relative to the root."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    paths = sorted(Path(name) for name in listing.split("\0") if name)
    return tuple(path for path in paths if (ROOT / path).is_file())


def sources(*, tests: bool = True) -> tuple[Path, ...]:
    """The Python files people write; migrations are generated."""
    return tuple(
        path
        for path in tracked()
        if path.suffix == ".py" and "migrations" not in path.parts and (tests or path.parts[0] != "tests")
    )


def text(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")
