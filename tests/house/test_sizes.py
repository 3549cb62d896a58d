"""Files and functions stay small enough to be read in one go."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

from tests.house.files import LOCKS, sources, text, tracked

LONGEST_FILE = 400
LONGEST_FUNCTION = 60
MEDIAN_FUNCTION, P90_FUNCTION = 8, 30
WRITTEN = {".py", ".html", ".ts", ".css", ".sh", ".toml", ".sql"}


def functions(path: Path) -> list[tuple[int, str]]:
    return [
        (node.end_lineno - node.lineno + 1, f"{path}:{node.lineno} {node.name}")
        for node in ast.walk(ast.parse(text(path)))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno
    ]


def test_no_file_is_too_long() -> None:
    found = {
        str(path): length
        for path in tracked()
        if path.suffix in WRITTEN and str(path) not in LOCKS
        if (length := len(text(path).splitlines())) > LONGEST_FILE
    }
    assert found == {}, f"split by subject what is longer than {LONGEST_FILE} lines"


def test_functions_are_short() -> None:
    lengths = sorted(pair for path in sources(tests=False) for pair in functions(path))
    numbers = [length for length, _ in lengths]
    assert [where for length, where in lengths if length > LONGEST_FUNCTION] == []
    assert statistics.median(numbers) <= MEDIAN_FUNCTION
    assert numbers[len(numbers) * 9 // 10] <= P90_FUNCTION
