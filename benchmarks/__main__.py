"""Run the benchmarks: ``python -m benchmarks [--only NAME] [--quick]``.

A benchmark is a module of this package with ``measure()``, which returns its figures. Each runs in a process of
its own; one that fails is named, the others still run, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results" / "latest.json"


def names() -> list[str]:
    """Every benchmark, found without importing any."""
    return [path.stem for path in sorted(FOLDER.glob("*.py")) if _measures(path)]


def _measures(path: Path) -> bool:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return any(isinstance(node, ast.FunctionDef) and node.name == "measure" for node in tree.body)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure Nomaflow beside its peers."
    )
    parser.add_argument("--only", action="append", choices=names(), help="this one; may be repeated")
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds: shows that it works, not how fast"
    )
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)  # one benchmark, in the child process
    options = parser.parse_args(arguments)
    if options.into:
        options.into.write_text(json.dumps(_measure(options.only[0], quick=options.quick)))
        return 0
    return _run_all(options.only or names(), quick=options.quick)


def _run_all(chosen: list[str], *, quick: bool) -> int:
    figures: list[dict[str, Any]] = []
    failed = []
    for name in chosen:
        print(f"\n{name}", flush=True)
        found = _aside(name, quick=quick)
        if found is None:
            failed.append(name)
        else:
            figures += found
            print(table(found), flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _aside(name: str, *, quick: bool) -> list[dict[str, Any]] | None:
    """The figures of one benchmark, or None when it failed (it has told why on stderr)."""
    with tempfile.TemporaryDirectory(prefix="nf-bench-") as folder:
        into = Path(folder) / "figures.json"
        command = [sys.executable, "-m", "benchmarks", "--only", name, "--into", str(into)]
        done = subprocess.run([*command, "--quick"] if quick else command, cwd=FOLDER.parent, check=False)
        return json.loads(into.read_text()) if done.returncode == 0 and into.exists() else None


def _measure(name: str, *, quick: bool) -> list[dict[str, Any]]:
    measure = importlib.import_module(f"benchmarks.{name}").measure
    knows_quick = "quick" in inspect.signature(measure).parameters
    return list(measure(quick=quick) if knows_quick else measure())


def table(figures: list[dict[str, Any]]) -> str:
    """
    >>> print(table([{"name": "a", "value": 1.5, "unit": "ms", "limit": 2, "ratio": None}]))
      what                                                     value  unit         limit     ratio
      a                                                        1.500  ms               2
    """
    lines = [f"  {'what':<44} {'value':>17}  {'unit':<8} {'limit':>9} {'ratio':>9}"]
    for figure in figures:
        limit = "" if figure.get("limit") is None else f"{figure['limit']:,g}"
        ratio = "" if figure.get("ratio") is None else f"{figure['ratio']:.2f} x"
        line = f"  {figure['name']:<44} {figure['value']:>17,.3f}  {figure['unit']:<8} {limit:>9} {ratio:>9}"
        lines.append(line.rstrip())
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
