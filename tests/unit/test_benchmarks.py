"""The benchmarks' runner: figures of those that work, the names of those that do not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import __main__ as runner

WORKS = """
def measure(*, quick=False):
    return [{"name": "a figure", "value": 2.0 if quick else 1.0, "unit": "ms", "limit": 5, "ratio": 0.5}]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of benchmarks of its own, with a copy of the runner."""
    package = tmp_path / "benchmarks"
    package.mkdir()
    for name in ("__init__.py", "__main__.py"):
        (package / name).write_text((runner.FOLDER / name).read_text())
    monkeypatch.setattr(runner, "FOLDER", package)
    monkeypatch.setattr(runner, "RESULTS", package / "results" / "latest.json")
    return package


def test_one_that_fails_is_named_and_the_rest_still_run(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.py").write_text("def measure():\n    raise OSError('no such server')\n")
    (folder / "works.py").write_text(WORKS)
    (folder / "shared.py").write_text("def nothing_to_measure():\n    pass\n")
    assert runner.main(["--quick"]) == 1
    printed = capfd.readouterr()
    assert "failed: broken" in printed.err
    assert "no such server" in printed.err
    assert "a figure" in printed.out
    assert [(row["name"], row["value"]) for row in json.loads(runner.RESULTS.read_text())] == [
        ("a figure", 2.0)
    ]


def test_only_the_named_one_runs(folder: Path) -> None:
    (folder / "broken.py").write_text("raise SystemExit(3)\ndef measure(): ...\n")
    (folder / "works.py").write_text(WORKS)
    assert runner.main(["--only", "works"]) == 0
    assert [row["value"] for row in json.loads(runner.RESULTS.read_text())] == [1.0]


def test_an_unknown_name_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        runner.main(["--only", "nonsense"])
    assert "nonsense" in capsys.readouterr().err
