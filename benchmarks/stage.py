"""What a benchmark of the whole system stands on: servers of its own, real workers, figures."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from nomaflow import embedded
from tests.eventually import eventually


@contextlib.contextmanager
def stage() -> Iterator[None]:
    """Embedded servers that write durably, migrated; this process is a Django process on them."""
    with contextlib.ExitStack() as stack:
        home = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="nf-bench-", ignore_cleanup_errors=True)
        )
        urls = stack.enter_context(embedded.servers())
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "settings.test",  # it knows the step that does as it is told
            "NOMAFLOW_HOME": home,
            "NOMAFLOW_DATABASE_URL": urls.database,
            "NOMAFLOW_BROKER_URL": urls.broker,
            "NOMAFLOW_PROCESS": "worker",
            "NOMAFLOW_LOG_TRUNCATE_KB": "1000000",
        }
        import django
        from django.core.management import call_command
        from django.db import connections

        django.setup()
        call_command("migrate", verbosity=0)
        stack.callback(connections.close_all)
        yield


@contextlib.contextmanager
def process(*command: str, stop_seconds: float = 30) -> Iterator[None]:
    """A Python program beside this one, told to stop at the end; its output goes nowhere unless it fails."""
    with tempfile.TemporaryFile() as out:
        running = subprocess.Popen(
            [sys.executable, *command], stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
        try:
            yield
        except BaseException:
            out.seek(0)
            sys.stderr.write(out.read().decode(errors="replace")[-4000:])
            raise
        finally:
            running.terminate()
            try:
                running.wait(stop_seconds)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()


def worker(*, concurrency: int) -> contextlib.AbstractContextManager[None]:
    """A worker as operators start it."""
    return process("-m", "nomaflow", "worker", "--concurrency", str(concurrency), "--drain", "5")


def puppet_job(name: str, *, steps: int = 1, lines: int = 1) -> Any:
    """A saved job whose steps write so many lines each."""
    from tests.factories import make_job, puppet_step

    flood = {"act": "flood", "times": lines, "text": "of a step's log, as long as lines usually are"}
    return make_job(
        name, single_instance=False, steps=[puppet_step(f"s{n}", **flood) for n in range(1, steps + 1)]
    )


def finish(runs: Sequence[Any], *, within: float = 120) -> None:
    """Wait until all of them have ended, and well."""
    from runs_app.models import Run
    from runs_app.states import FINAL, RunState

    mine = Run.objects.filter(pk__in=[run.pk for run in runs])
    eventually(lambda: not mine.exclude(state__in=FINAL).exists(), within=within, every=0.02)
    assert not mine.exclude(state=RunState.SUCCEEDED).exists(), "a run of the benchmark failed"


def figure(
    name: str, value: float, unit: str, *, limit: float | None = None, ratio: float | None = None
) -> dict[str, Any]:
    """One row of the results: `limit` is what we promise, `ratio` how many times the peer's figure ours is."""
    return {"name": name, "value": value, "unit": unit, "limit": limit, "ratio": ratio}


def percentile(values: Sequence[float], share: float) -> float:
    """
    >>> percentile([4, 1, 3, 2], 0.5), percentile(range(1, 101), 0.99)
    (3, 100)
    """
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)
