"""Nothing outside `runs_app/lifecycle.py` writes the state of a run, a step or an attempt."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = ("nomaflow", "jobs_app", "runs_app", "workers")
WRITES = {"update", "create", "bulk_create", "get_or_create", "update_or_create", "Run", "StepRun", "Attempt"}


def offences(source: str) -> Iterator[int]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and _name(node.func) in WRITES:
            if any(keyword.arg == "state" for keyword in node.keywords):
                yield node.lineno
        elif isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(isinstance(t, ast.Attribute) and t.attr == "state" and _is_row(t.value) for t in targets):
                yield node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = " ".join(node.value.split()).lower()
            if "runs_run set state" in text or "runs_steprun set state" in text:
                yield node.lineno


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _is_row(value: ast.expr) -> bool:
    """`self.state` of another class is no row."""
    return not (isinstance(value, ast.Name) and value.id == "self")


def test_only_lifecycle_writes_states() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for room in ROOMS
        for path in (ROOT / room).rglob("*.py")
        if path.name != "lifecycle.py" and "migrations" not in path.parts
        for line in offences(path.read_text())
    ]
    assert found == []


def test_the_guard_sees_each_way_of_writing() -> None:
    ways = (
        "Run.objects.filter(pk=1).update(state='FAILED')",
        "run.state = 'FAILED'",
        "StepRun.objects.create(state='X')",
        "cursor.execute('UPDATE runs_run SET state = 1')",
    )
    assert all(list(offences(way)) for way in ways)
    assert not list(offences("run.state == 'FAILED'"))
