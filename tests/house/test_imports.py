"""Imports point one way; import-linter holds the arrows, these tests what it cannot see."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.house.files import ROOT, sources, text

FROM_PLUGINS = {"nomaflow.types"}
OURS = {"nomaflow", "jobs_app", "runs_app", "workers", "settings", "tests"}
PACKAGES = {"nomaflow.static", "nomaflow.templates", "nomaflow.locale"}


def imported(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_contracts_hold() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_every_module_of_the_core_has_a_layer() -> None:
    contracts = tomllib.loads(text(Path("pyproject.toml")))["tool"]["importlinter"]["contracts"]
    named = {
        word
        for layer in contracts[0]["layers"]
        for word in layer.replace("|", ":").replace(" ", "").split(":")
    }
    modules = {
        f"nomaflow.{path.parts[1].removesuffix('.py')}"
        for path in sources()
        if path.parts[0] == "nomaflow" and path.parts[1] != "__init__.py"
    }
    assert modules - named == set(), "say in pyproject.toml whether it is floor or roof"


def test_plugins_import_the_public_types_only() -> None:
    found = {
        f"{path}: {name}"
        for path in sources()
        if path.parts[0] == "plugins"
        for name in imported(text(path))
        if name.split(".")[0] in OURS and name not in FROM_PLUGINS
    }
    assert found == set()
