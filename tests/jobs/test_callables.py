"""Functions of plugins/ are found by reading, and nothing outside plugins/ can be named."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs_app import callables
from jobs_app.callables import CallableError

SUMMARY = '''
raise AssertionError("imported")
from os import system
def send_summary(ctx, *, period: str, copies: int = 2, **_) -> dict:
    """Write the monthly summary.

    More words.
    """
def _private(ctx): ...
def helper(value): ...
async def fetch(context: "StepContext", url, /): ...
if True:
    def conditional(ctx): ...
'''


@pytest.fixture
def plugins(tmp_path: Path, settings) -> Path:
    root = tmp_path / "plugins"
    (root / "reports").mkdir(parents=True, exist_ok=True)
    (root / "reports" / "summary.py").write_text(SUMMARY)
    settings.NOMAFLOW_PLUGINS_DIR = root
    return root


def test_a_function_is_described_from_its_source(plugins):
    spec = callables.find("reports.summary:send_summary")
    assert spec.path == plugins / "reports" / "summary.py"
    assert (spec.dotted, spec.is_async, spec.problem) == ("reports.summary:send_summary", False, "")
    assert [(p.name, p.required, p.default) for p in spec.parameters] == [
        ("period", True, ""),
        ("copies", False, "2"),
    ]
    assert spec.doc.startswith("Write the monthly summary.")
    assert callables.find("reports.summary:fetch").is_async
    assert callables.find("reports.summary:conditional")


def test_a_package_is_its_init_file(plugins):
    (plugins / "pack").mkdir()
    (plugins / "pack" / "__init__.py").write_text("def f(ctx): ...")
    assert callables.find("pack:f").path.name == "__init__.py"


SHAPES = [
    "", "a", "a.b", ":f", "a:", "a:b:c", "a b:f", "a/b:f", "..:f", "plugins.../../x:f", "a.b:__class__",
    "reports.summary:_private", "_a:f", "a.:f", ".a:f", "a:f()", "a:f.g", "é:f", "a:f\n", "a\0:f",
]  # fmt: skip


@pytest.mark.parametrize("dotted", SHAPES)
def test_other_shapes_are_refused(plugins, dotted):
    with pytest.raises(CallableError, match="is not of the form"):
        callables.find(dotted)


@pytest.mark.parametrize(
    "dotted", ["os:system", "subprocess:run", "reports:f", "reports.gone:f", "settings:f"]
)
def test_a_module_must_be_a_file_in_plugins(plugins, dotted):
    with pytest.raises(CallableError, match="plugins/ has no module"):
        callables.find(dotted)


@pytest.mark.parametrize("name", ["system", "missing", "SUMMARY"])
def test_a_function_must_be_defined_in_that_file(plugins, name):
    with pytest.raises(CallableError, match=f"plugins/reports/summary.py defines no function '{name}'"):
        callables.find(f"reports.summary:{name}")


@pytest.mark.parametrize("name", ["json", "os", "nomaflow", "workers", "settings"])
def test_a_name_that_is_taken_is_refused(plugins, name):
    (plugins / f"{name}.py").write_text("def f(ctx): ...")
    with pytest.raises(CallableError, match=f"plugins/{name}.py: '{name}' is already the name"):
        callables.find(f"{name}:f")


def test_links_must_not_leave_plugins(plugins, tmp_path):
    (tmp_path / "outside.py").write_text("def f(ctx): ...")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "x.py").write_text("def f(ctx): ...")
    (plugins / "link.py").symlink_to(tmp_path / "outside.py")
    (plugins / "linked").symlink_to(tmp_path / "folder")
    for dotted in ("link:f", "linked.x:f"):
        with pytest.raises(CallableError, match="is a link that leaves plugins/"):
            callables.find(dotted)
    (plugins / "inside.py").symlink_to(plugins / "reports" / "summary.py")
    assert callables.find("inside:send_summary")


@pytest.mark.parametrize(
    "source", [b"def f(ctx:\n", b"x = '\0'", b"# coding: nonsense\n", b"\xff\xfe", b"(" * 5000]
)
def test_a_file_that_is_not_python_can_be_saved_and_says_why(plugins, source):
    (plugins / "broken.py").write_bytes(source)
    assert callables.find("broken:f").problem
    assert {spec.module for spec in callables.list_all()} == {"reports.summary"}


def test_the_list_holds_what_takes_a_context(plugins):
    (plugins / "my-notes.py").write_text("def f(ctx): ...")
    assert [spec.dotted for spec in callables.list_all()] == [
        "reports.summary:send_summary",
        "reports.summary:fetch",
        "reports.summary:conditional",
    ]


def test_without_a_plugins_folder_the_list_is_empty(settings, tmp_path):
    settings.NOMAFLOW_PLUGINS_DIR = tmp_path / "none"
    assert callables.list_all() == []
