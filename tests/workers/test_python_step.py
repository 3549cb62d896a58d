"""The python step type through its executor, as a worker calls it."""

from __future__ import annotations

import logging
import math
import sqlite3

import pytest

from nomaflow.extending import InvalidConfig
from nomaflow.types import StepFailed
from tests.workers.python_execution import PythonExecution, write_plugin


@pytest.fixture
def run(python_executor, plugins):
    """Write `text` as plugs.py and run its function `f` (or the callable given)."""

    def run(text: str, *, callable: str = "plug:f", ctx: PythonExecution | None = None, **params):
        write_plugin(plugins, text)
        return python_executor.run(
            ctx or PythonExecution(params=params), {"callable": callable, "op_kwargs": {}}
        )

    return run


class TestArguments:
    def test_a_function_without_kwargs_receives_only_what_it_names(self, run):
        assert run("def f(ctx, *, a, b=2): return {'a': a, 'b': b}", a=1, other=3) == {"a": 1, "b": 2}

    def test_a_function_with_kwargs_receives_all(self, run):
        assert run("def f(ctx, a, **rest): return {'a': a, **rest}", a=1, z=3) == {"a": 1, "z": 3}

    def test_positional_only_parameters_and_a_parameter_named_like_the_context(self, run):
        ctx = PythonExecution(params={"a": 1, "c": 2, "ctx": 9})
        assert run("def f(ctx, a, b=5, /, c=6): return [a, b, c]", ctx=ctx) == {"value": [1, 5, 2]}

    def test_a_missing_value_is_named_before_the_function_runs(self, run):
        with pytest.raises(StepFailed, match="plug:f needs a value for 'period', 'path'") as caught:
            run("def f(ctx, *, period, path, n=1): raise AssertionError('ran')", n=2)
        assert not caught.value.retry

    def test_a_function_must_take_the_context(self, run):
        with pytest.raises(StepFailed, match="must take the context as its first parameter"):
            run("def f(*, a): pass", a=1)

    def test_the_context_is_complete(self, run):
        ctx = PythonExecution(params={"a": 1}, previous_step={"rows_affected": 7}, attempt=2)
        names = "run_id, ctx.job_id, ctx.step, ctx.attempt, ctx.session_user, ctx.params, ctx.previous_step"
        output = run(f"def f(ctx): return [ctx.{names}, ctx.is_cancelled()]", ctx=ctx)
        expected = ["run_00a8c", "nightly", "summary", 2, "ann", {"a": 1}, {"rows_affected": 7}, False]
        assert output == {"value": expected}


class TestLoading:
    def test_async_functions_are_awaited(self, run):
        text = """
            import asyncio
            async def f(ctx, n):
                await asyncio.sleep(0)
                return {"n": n}
        """
        assert run(text, n=4) == {"n": 4}

    def test_a_module_in_a_folder_and_its_siblings(self, run, plugins):
        write_plugin(plugins, "LIMIT = 3", name="reports/shared.py")
        write_plugin(plugins, "NAME = 'top'", name="top.py")
        text = """
            from reports.shared import LIMIT
            from . import shared
            import top
            def f(ctx): return {"limit": LIMIT, "same": shared.LIMIT, "top": top.NAME, "me": __name__}
        """
        write_plugin(plugins, text, name="reports/summary.py")
        expected = {"limit": 3, "same": 3, "top": "top", "me": "reports.summary"}
        assert run("", callable="reports.summary:f") == expected
        write_plugin(plugins, "LOADED = True", name="reports/__init__.py")
        assert run("", callable="reports.summary:f") == expected

    def test_each_run_sees_the_file_as_it_is_now(self, run):
        assert [run(f"def f(ctx): return {n}") for n in (1, 2)] == [{"value": 1}, {"value": 2}]

    def test_a_plugin_cannot_shadow_the_standard_library(self, run, plugins):
        write_plugin(plugins, "raise AssertionError('shadowed')", name="wave.py")
        assert run("import wave\ndef f(ctx): return wave.__name__") == {"value": "wave"}

    def test_nomaflows_own_settings_are_not_in_the_step(self, plugins, monkeypatch):
        from workers.executors.python import Python

        monkeypatch.setenv("NOMAFLOW_DATABASE_URL", "postgresql://canary")
        monkeypatch.setenv("NOMAFLOW_FERNET_KEYS", "canary")
        monkeypatch.setenv("NOMAFLOW_VAR_REGION", "eu")
        monkeypatch.setenv("ORDINARY", "yes")
        write_plugin(
            plugins, "import os, sys\ndef f(ctx): return dict(os.environ, dj=str('django' in sys.modules))"
        )
        executor = Python()
        try:
            output = executor.run(PythonExecution(), {"callable": "plug:f"})
        finally:
            executor.close()
        assert "canary" not in str(output)
        assert (output["NOMAFLOW_VAR_REGION"], output["ORDINARY"], output["dj"]) == ("eu", "yes", "False")


OUTPUTS = {
    "nothing": ("None", {}),
    "dict": ("{'rows_affected': 3}", {"rows_affected": 3}),
    "text": ("'done'", {"value": "done"}),
    "list": ("[1, None, True]", {"value": [1, None, True]}),
    "tuple": ("(1, 2)", {"value": [1, 2]}),
    "zero": ("0", {"value": 0}),
    "mapping": ("__import__('types').MappingProxyType({'a': 1})", {"a": 1}),
    "unicode": ("{'é': '日本'}", {"é": "日本"}),
}

UNSERIALISABLE = {
    "NaN": "{'x': float('nan')}",
    "infinity": "{'x': float('inf')}",
    "bytes": "b'abc'",
    "set": "{1, 2}",
    "datetime": "__import__('datetime').datetime(2026, 1, 1)",
    "decimal": "{'total': __import__('decimal').Decimal('1.5')}",
    "object": "object()",
    "function": "{'f': len}",
    "generator": "(n for n in range(3))",
    "exception": "ValueError('x')",
    "tuple key": "{(1, 2): 3}",
    "lone surrogate": "{'x': chr(0xD800)}",
    "too large": "'x' * (2 << 20)",
    "50 MB": "'x' * (50 << 20)",
    "too long a number": "10 ** 5000",
    "circular list": "(lambda a: (a.append(a), a)[1])([])",
    "circular dict": "(lambda a: (a.update(me=a), a)[1])({})",
    "too deep": "__import__('functools').reduce(lambda a, _: [a], range(100000), [])",
    "evil repr": "type('Evil', (), {'__repr__': lambda self: 1 / 0})()",
    "evil mapping": "__import__('collections').UserDict.fromkeys('a', len)",
}


class TestOutput:
    @pytest.mark.parametrize("name", OUTPUTS)
    def test_what_json_can_hold(self, run, name):
        source, expected = OUTPUTS[name]
        assert run(f"def f(ctx): return {source}") == expected

    @pytest.mark.parametrize("name", UNSERIALISABLE)
    def test_what_it_cannot_is_described_and_the_step_succeeds(self, run, name):
        """A step result that could not become JSON once failed the run after its work had succeeded."""
        ctx = PythonExecution()
        output = run(f"def f(ctx): return {UNSERIALISABLE[name]}", ctx=ctx)
        assert list(output) == ["_unserialisable"], output
        assert 0 < len(output["_unserialisable"]) < 1000
        warnings = [r for r in ctx.lines.records if r.levelno == logging.WARNING]
        assert "could not be stored" in warnings[-1].getMessage()


BAD_PLUGINS = {
    "raises": ("def f(ctx): raise ValueError('bad period')", "bad period", "ValueError", "in f"),
    "import error": (
        "import no_such_module\ndef f(ctx): ...",
        "No module named",
        "ModuleNotFoundError",
        "line 1",
    ),
    "syntax error": ("def f(ctx:\n    pass", "never closed", "SyntaxError", "plug.py"),
    "raises while loading": (
        "x = 1 / 0\ndef f(ctx): ...",
        "division by zero",
        "ZeroDivisionError",
        "<module>",
    ),
    "sys.exit": ("import sys\ndef f(ctx): sys.exit(3)", r"called sys.exit\(3\)", "SystemExit", "in f"),
    "sys.exit clean": ("import sys\ndef f(ctx): sys.exit()", r"called sys.exit\(\)", "SystemExit", "in f"),
    "exit on load": ("raise SystemExit('no')\ndef f(ctx): ...", "called sys.exit", "SystemExit", "<module>"),
    "interrupt": ("def f(ctx): raise KeyboardInterrupt", "KeyboardInterrupt", "KeyboardInterrupt", "in f"),
    "not a function": ("def f(ctx): ...\nf = 3", "not a function", "StepFailed", ""),
    "deleted": ("def f(ctx): ...\ndel f", "not a function", "StepFailed", ""),
    "own failure": (
        "from nomaflow.types import StepFailed\ndef f(ctx): raise StepFailed('no file', retry=False)",
        "no file",
        "StepFailed",
        "in f",
    ),
    "unprintable": (
        "class E(Exception):\n    def __str__(self): raise RuntimeError\ndef f(ctx): raise E",
        "E",
        "plug.E",
        "in f",
    ),
    "recursion": ("def f(ctx): return f(ctx)", "recursion", "RecursionError", "in f"),
    "async raises": ("async def f(ctx): raise KeyError('k')", "'k'", "KeyError", "in f"),
    "cancels itself": (
        "import asyncio\nasync def f(ctx): asyncio.current_task().cancel(); await asyncio.sleep(1)",
        "CancelledError",
        "asyncio.exceptions.CancelledError",
        "in f",
    ),
}


class TestBadPlugins:
    @pytest.mark.parametrize("name", BAD_PLUGINS)
    def test_each_ends_in_a_sentence_with_the_plugins_traceback(self, run, name):
        text, sentence, error_class, trace = BAD_PLUGINS[name]
        with pytest.raises(StepFailed, match=sentence) as caught:
            run(text)
        assert (caught.value.error_class, caught.value.kind) == (error_class, "error")
        assert trace in caught.value.traceback_text
        assert "workers/step_main" not in caught.value.traceback_text
        assert run("def f(ctx): return 'the next one runs'")

    def test_the_cause_is_kept_and_a_violated_constraint_told_apart(self, run):
        text = """
            import sqlite3
            def f(ctx):
                try:
                    {}["k"]
                except KeyError as error:
                    raise sqlite3.IntegrityError("UNIQUE") from error
        """
        with pytest.raises(StepFailed, match="UNIQUE") as caught:
            run(text)
        assert "direct cause" in caught.value.traceback_text
        assert caught.value.kind == "constraint"

    def test_an_ordinary_error_may_be_retried_and_the_plugins_word_counts(self, run):
        with pytest.raises(StepFailed) as ordinary:
            run("def f(ctx): raise OSError('busy')")
        with pytest.raises(StepFailed) as final:
            run(BAD_PLUGINS["own failure"][0])
        assert (ordinary.value.retry, final.value.retry) == (True, False)

    def test_a_missing_module_is_told_without_a_process(self, run):
        with pytest.raises(StepFailed, match="plugins/ has no module 'gone'") as caught:
            run("", callable="gone:f")
        assert not caught.value.retry


class TestConnectors:
    def test_a_connector_is_opened_in_the_step_from_settings_asked_for_by_name(self, run, tmp_path):
        path = tmp_path / "data.db"
        with sqlite3.connect(path) as db:
            db.execute("create table t (n int)")
            db.execute("insert into t values (4)")
        db.close()
        known = {"path": "tests.workers.sqlite_kind.SqliteKind", "config": {"path": str(path)}}
        ctx = PythonExecution(connectors={"ops": known})
        text = """
            def f(ctx):
                ops = ctx.get_connector("ops")
                assert ops is ctx.get_connector("ops")
                return {"rows": ops.query("select n from t"), "tag": ops.tag}
        """
        assert run(text, ctx=ctx) == {"rows": [{"n": 4}], "tag": "nomaflow:run_00a8c"}

    def test_a_missing_one_is_named(self, run):
        with pytest.raises(StepFailed, match="there is no connector 'nope'"):
            run("def f(ctx): ctx.get_connector('nope')")


def test_saving_checks_the_callable_without_importing_it(python_executor, plugins):
    write_plugin(plugins, "raise AssertionError('imported')\ndef f(ctx): ...")
    assert python_executor.clean({"callable": "plug:f"}) == {"callable": "plug:f", "op_kwargs": {}}
    for wrong in ("os:system", "plug:missing", "plug", "plug:__class__"):
        with pytest.raises(InvalidConfig, match="callable: "):
            python_executor.clean({"callable": wrong})


def test_numbers_survive_the_way_back(run):
    assert math.isclose(run("def f(ctx): return 0.1 + 0.2")["value"], 0.3)
    assert run("def f(ctx): return 2 ** 100") == {"value": 2**100}
