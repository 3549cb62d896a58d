"""A step's process: what it says is kept, what it does to itself is told, and it always ends."""

from __future__ import annotations

import logging
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from nomaflow.types import StepCancelled, StepFailed
from tests.workers.python_execution import Background, PythonExecution, eventually, write_plugin
from tests.workers.sqlite_kind import endless
from workers.executors.python import Python


@pytest.fixture
def start(python_executor, plugins):
    """Run function `f` of `text` in the background."""

    def start(text: str, ctx: PythonExecution | None = None, **params) -> Background:
        write_plugin(plugins, text)
        return Background(python_executor, ctx or PythonExecution(params=params), "plug:f")

    return start


@pytest.fixture
def finish(start):
    def finish(text: str, ctx: PythonExecution | None = None, **params) -> Background:
        step = start(text, ctx, **params)
        step.join()
        return step

    return finish


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def pids(folder: Path, *names: str) -> list[int]:
    """Process ids that a step wrote down, once all are there."""
    eventually(lambda: all((folder / name).exists() and (folder / name).read_text() for name in names))
    return [int((folder / name).read_text()) for name in names]


WRITE_PID = """
import os, pathlib, signal, subprocess, sys, time
def write_pid(folder, name="step", pid=None):
    path = pathlib.Path(folder) / (name + ".tmp")
    path.write_text(str(pid or os.getpid()))
    path.rename(pathlib.Path(folder) / name)
"""


class TestCapture:
    def test_print_loggers_warnings_and_child_processes_reach_the_log_in_order(self, finish):
        text = """
            import logging, sys, warnings
            def f(ctx):
                print("first"); ctx.log.info("second %s", 2); print("third", file=sys.stderr)
                logging.getLogger(__name__).warning("fourth"); warnings.warn("fifth")
                logging.getLogger("lib").debug("too fine"); print("é日本\\ud800"); print("last", end="")
        """
        records = finish(text).ctx.lines.records
        told = [(r.name, r.levelname, r.getMessage().partition("\n")[0]) for r in records]
        assert told[:4] == [
            ("stdout", "INFO", "first"),
            ("nomaflow.step", "INFO", "second 2"),
            ("stderr", "WARNING", "third"),
            ("plug", "WARNING", "fourth"),
        ]
        assert told[4][:2] == ("py.warnings", "WARNING")
        assert told[4][2].endswith("UserWarning: fifth")
        assert told[5:] == [("stdout", "INFO", "é日本\\ud800"), ("stdout", "INFO", "last")]

    def test_descriptors_1_and_2_are_read_too(self, finish):
        text = """
            import os, subprocess
            def f(ctx):
                os.write(1, b"raw \\xff line\\n")
                subprocess.run("echo from a child; echo to stderr >&2; printf unfinished", shell=True)
        """
        lines = finish(text).ctx.lines
        assert set(lines.texts(logger="stdout")) == {"raw \ufffd line", "from a child", "unfinished"}
        assert lines.texts(logger="stderr") == ["to stderr"]

    def test_a_records_own_time_is_kept(self, finish):
        text = "import time\ndef f(ctx): t = time.time(); ctx.log.info('now'); time.sleep(0.2); return t"
        step = finish(text)
        record = step.ctx.lines.records[0]
        assert 0 <= record.created - step.output["value"] < 0.2

    def test_exceptions_logged_by_the_plugin_bring_their_traceback(self, finish):
        text = """
            def f(ctx):
                try: 1 / 0
                except ZeroDivisionError: ctx.log.exception("caught")
        """
        message = finish(text).ctx.lines.records[0].getMessage()
        assert message.startswith("caught\nTraceback")
        assert message.endswith("ZeroDivisionError: division by zero")

    def test_the_level_is_the_runs(self, finish):
        ctx = PythonExecution()
        ctx.log.setLevel(logging.DEBUG)
        text = "import logging\ndef f(ctx): logging.getLogger('lib').debug('fine'); ctx.log.debug('detail')"
        assert finish(text, ctx).ctx.lines.texts() == ["fine", "detail"]

    def test_lines_of_forked_children_and_threads_come_whole(self, finish):
        text = """
            import concurrent.futures, multiprocessing, os
            def say(n):
                for i in range(200): print(f"{n}:{i}:" + "x" * 300)
            def f(ctx):
                with multiprocessing.get_context("fork").Pool(3) as pool: pool.map(say, range(3))
                with concurrent.futures.ThreadPoolExecutor(3) as pool: list(pool.map(say, range(3, 6)))
        """
        step = finish(text)
        assert step.error is None
        expected = {f"{n}:{i}:" + "x" * 300 for n in range(6) for i in range(200)}
        assert set(step.ctx.lines.texts()) == expected

    def test_a_flood_and_a_huge_line_arrive_complete(self, finish):
        step = finish("def f(ctx):\n    print('y' * 900_000)\n    for i in range(20_000): print(i)")
        texts = step.ctx.lines.texts()
        assert len(texts[0]) == 900_000
        assert texts[1:] == [str(i) for i in range(20_000)]

    def test_a_forked_child_that_returns_does_not_answer_for_the_step(self, finish):
        text = """
            import os
            def f(ctx):
                pid = os.fork()
                if pid == 0: return "child"
                os.waitpid(pid, 0)
                return "parent"
        """
        assert finish(text).output == {"value": "parent"}


DEATHS = {
    "kill -9": ("import os; os.kill(os.getpid(), 9)", r"step process killed \(signal 9\)"),
    "segfault": ("import ctypes; ctypes.string_at(0)", r"step process killed \(signal 11\)"),
    "os._exit(3)": ("import os; os._exit(3)", "step process exited with status 3"),
    "os._exit(0)": ("import os; os._exit(0)", "step process exited with status 0"),
    "terminates its group": ("import os; os.killpg(0, 15)", r"step process killed \(signal 15\)"),
}


class TestDeaths:
    @pytest.mark.parametrize("name", DEATHS)
    def test_each_is_told_and_the_log_is_kept(self, finish, name):
        text, sentence = DEATHS[name]
        step = finish(f"def f(ctx):\n    print('before')\n    {text}")
        assert isinstance(step.error, StepFailed)
        assert step.error.kind == "killed"
        with pytest.raises(StepFailed, match=sentence):
            raise step.error
        assert "before" in step.ctx.lines.texts()
        assert finish("def f(ctx): return 1").output == {"value": 1}

    def test_killed_from_outside(self, start, tmp_path):
        step = start(
            WRITE_PID + "def f(ctx, folder): write_pid(folder); time.sleep(600)", folder=str(tmp_path)
        )
        os.kill(*pids(tmp_path, "step"), signal.SIGKILL)
        step.join()
        assert str(step.error) == "step process killed (signal 9)"

    @pytest.mark.parametrize("place", ["function", "import", "async"])
    def test_a_memory_hog_fails_at_its_limit(self, finish, place):
        hog = "x = []\n{0}while True: x.append(bytearray(10_000_000))"
        text = {
            "function": "def f(ctx):\n    " + hog.format("    "),
            "import": hog.format("") + "\ndef f(ctx): ...",
            "async": "async def f(ctx):\n    " + hog.format("    "),
        }[place]
        step = finish(text, PythonExecution(memory_limit_mb=128))
        assert isinstance(step.error, StepFailed)
        assert (str(step.error), step.error.kind) == ("memory limit 128 MB", "memory_limit")
        assert not step.error.retry
        assert "plug.py" in step.error.traceback_text

    def test_the_fork_servers_death_fails_the_step_and_the_next_step_gets_a_new_one(self, plugins, tmp_path):
        text = """
def f(ctx, folder):
    write_pid(folder); write_pid(folder, "server", os.getppid())
    time.sleep(600)
"""
        write_plugin(plugins, WRITE_PID + text)
        executor = Python()
        try:
            step = Background(executor, PythonExecution(params={"folder": str(tmp_path)}), "plug:f")
            pid, server = pids(tmp_path, "step", "server")
            os.kill(server, signal.SIGKILL)
            step.join()
            assert str(step.error) == "step process killed (signal 9)"
            eventually(lambda: not alive(pid))
            write_plugin(plugins, "def f(ctx): return 1")
            assert executor.run(PythonExecution(), {"callable": "plug:f"}) == {"value": 1}
        finally:
            executor.close()


STUBBORN = {
    "endless loop": "while True: pass",
    "ignored SIGTERM": "signal.signal(15, signal.SIG_IGN); time.sleep(600)",
    "swallows everything": """
        while True:
            try: time.sleep(600)
            except BaseException: pass
    """.strip(),
    "holds the interpreter": "import ctypes; ctypes.PyDLL(None).sleep(600)",
    "waits for a child": "subprocess.run(['sleep', '600'])",
    "prints without end": "while True: print('x' * 100)",
}


class TestCancel:
    def test_a_sync_function_sees_it_and_may_tidy_up(self, start, tmp_path):
        text = """
def f(ctx, folder):
    write_pid(folder)
    while not ctx.is_cancelled(): time.sleep(0.01)
    ctx.log.info("tidied up")
"""
        step = start(WRITE_PID + text, folder=str(tmp_path))
        pids(tmp_path, "step")
        step.ctx.scope.cancel("user_cancel")
        step.join()
        assert isinstance(step.error, StepCancelled)
        assert step.ctx.lines.texts() == ["tidied up"]

    def test_an_async_function_gets_cancelled_error(self, start, tmp_path):
        text = """
import asyncio
async def f(ctx, folder):
    write_pid(folder)
    try: await asyncio.sleep(600)
    except asyncio.CancelledError: ctx.log.info("saw it"); raise
"""
        step = start(WRITE_PID + text, folder=str(tmp_path))
        pids(tmp_path, "step")
        step.ctx.scope.cancel("timeout")
        step.join()
        assert isinstance(step.error, StepCancelled)
        assert step.ctx.lines.texts() == ["saw it"]

    @pytest.mark.parametrize("name", STUBBORN)
    def test_what_does_not_stop_is_killed_after_the_grace(self, start, tmp_path, name):
        step = start(
            WRITE_PID + f"def f(ctx, folder):\n    write_pid(folder)\n    {STUBBORN[name]}",
            folder=str(tmp_path),
        )
        (pid,) = pids(tmp_path, "step")
        step.ctx.scope.cancel("user_cancel")
        step.join()
        assert isinstance(step.error, StepCancelled)
        assert step.ctx.lines.has("did not stop within 1 s")
        eventually(lambda: not alive(pid))

    def test_a_hanging_import_is_stopped(self, start, tmp_path):
        step = start(WRITE_PID + f"write_pid({str(tmp_path)!r})\ntime.sleep(600)\ndef f(ctx): ...")
        pids(tmp_path, "step")
        step.ctx.scope.cancel("user_cancel")
        step.join()
        assert isinstance(step.error, StepCancelled)

    @pytest.mark.parametrize("ending", ["time.sleep(600)", "return 1", "os._exit(3)"])
    def test_what_the_step_started_ends_with_it(self, start, tmp_path, ending):
        text = f"""
def f(ctx, folder):
    for name, alone in (("child", False), ("own-session", True)):
        write_pid(folder, name, subprocess.Popen(["sleep", "600"], start_new_session=alone).pid)
    {ending}
"""
        step = start(WRITE_PID + text, folder=str(tmp_path))
        children = pids(tmp_path, "child", "own-session")
        if "sleep" in ending:
            step.ctx.scope.cancel("user_cancel")
        step.join()
        eventually(lambda: not any(alive(pid) for pid in children))

    def test_a_scope_already_stopped_starts_nothing(self, start, tmp_path):
        ctx = PythonExecution(params={"folder": str(tmp_path)})
        ctx.scope.cancel("user_cancel")
        step = start(WRITE_PID + "def f(ctx, folder): time.sleep(1); write_pid(folder)", ctx)
        step.join()
        assert isinstance(step.error, StepCancelled)
        assert not (tmp_path / "step").exists()

    def test_a_statement_under_way_is_aborted(self, start, tmp_path):
        known = {"path": "tests.workers.sqlite_kind.SqliteKind", "config": {"path": str(tmp_path / "d.db")}}
        text = """
def f(ctx, folder, sql):
    ops = ctx.get_connector("ops")
    write_pid(folder)
    ops.query(sql)
"""
        params = {"folder": str(tmp_path), "sql": endless()}
        step = start(WRITE_PID + text, PythonExecution(params=params, connectors={"ops": known}))
        pids(tmp_path, "step")
        time.sleep(0.05)  # most likely inside the statement; before it, its guard refuses
        step.ctx.scope.cancel("user_cancel")
        step.join()
        assert isinstance(step.error, StepCancelled)
        assert not step.ctx.lines.has("did not stop")


def test_steps_run_side_by_side(python_executor, plugins):
    write_plugin(plugins, "import time\ndef f(ctx, n): time.sleep(0.2); return n")
    steps = [Background(python_executor, PythonExecution(params={"n": n}), "plug:f") for n in range(4)]
    for n, step in enumerate(steps):
        step.join()
        assert step.output == {"value": n}


def test_nothing_stays_open_in_the_worker(finish):
    finish("def f(ctx): return 1")
    before = psutil.Process().num_fds()
    for _ in range(5):
        finish("def f(ctx): print(1); return 1")
    assert psutil.Process().num_fds() <= before


class NoForks:
    """A fork server that can't: it refuses, or takes the request and closes."""

    def __init__(self, error: OSError | None = None) -> None:
        self._error = error

    def fork(self, descriptors: list[int]) -> None:
        if self._error:
            raise self._error


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), None])
def test_a_process_that_cannot_be_started_fails_the_step(plugins, error):
    write_plugin(plugins, "def f(ctx): ...")
    executor = Python()
    executor._server = NoForks(error)
    before = psutil.Process().num_fds()
    with pytest.raises(
        StepFailed, match=r"the step process could not be started: .*(Too many|could not fork)"
    ):
        executor.run(PythonExecution(), {"callable": "plug:f"})
    assert psutil.Process().num_fds() == before
