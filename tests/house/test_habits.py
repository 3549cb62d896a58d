"""Habits every file keeps."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.house.files import LOCKS, ROOMS, ROOT, sources, text, tracked

ELSEWHERE = {"utils", "util", "services", "helpers", "common", "misc", "tools", "lib"}
"""Names that say only that a thing had no better place."""
MACHINE = {
    "a path of somebody's machine": r"(?<![\w.])/(?:w[o]rk|home/(?!nomaflow)[a-z]+|Users/[a-z]+)/",
    "a folder beside the checkout": r"\.\./(?:sh[a]red|prototypes)|\.lib[r]ary/",
    "a tool of whoever wrote it": r"(?i)\b(?:sub-?a[g]ents?|br[i]ef\.md|contr[a]cts\.md|git work[t]rees?)\b",
    "a package registry": r"py[p]i\.org|pythonh[o]sted\.org|npm[j]s\.(?:org|com)",
}
BINARY = {".png", ".jpg", ".ico", ".woff2", ".mo", ".gz"}


def test_no_module_is_named_elsewhere() -> None:
    assert [str(path) for path in sources() if ELSEWHERE & {*path.parts[:-1], path.stem}] == []


def test_every_module_postpones_annotations() -> None:
    line = "from __future__ import annotations"
    assert [str(path) for path in sources() if text(path).strip() and line not in text(path)] == []


@pytest.mark.parametrize("what", MACHINE)
def test_nothing_names_what_only_one_machine_has(what: str) -> None:
    pattern = re.compile(MACHINE[what])
    found = [
        f"{path}:{number}: {match[0]}"
        for path in tracked()
        if path.suffix not in BINARY and str(path) not in LOCKS
        for number, line in enumerate(text(path).splitlines(), start=1)
        if (match := pattern.search(line))
    ]
    assert found == []


@pytest.mark.django_db
def test_every_migration_is_committed() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_bandit_finds_nothing() -> None:
    """An exception is made once, for ruff and bandit alike: `# noqa: S608` on the statement covers B608."""
    done = subprocess.run(
        [sys.executable, "-m", "bandit", "-q", "-r", "-ll", "-f", "json", "-c", "pyproject.toml", *ROOMS],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = json.loads(done.stdout)["results"]
    assert [
        f"{each['filename']}:{each['line_number']}: {each['issue_text']}"
        for each in found
        if not _meant(each)
    ] == []


def _meant(finding: dict[str, Any]) -> bool:
    lines = text(Path(finding["filename"])).splitlines()
    covered = lines[min(finding["line_range"]) - 1 : max(finding["line_range"]) + 1]
    return any(f"noqa: {finding['test_id'].replace('B', 'S')}" in line for line in covered)
