"""Log lines a second into the table beside bare COPY, and how late they reach a viewer's socket."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime
from typing import Any

from benchmarks.stage import figure, percentile, puppet_job, stage

TEXT = "of a step's log, as long as lines usually are"


def measure(*, quick: bool = False) -> list[dict[str, Any]]:
    lines, seconds = (20_000, 2) if quick else (200_000, 10)
    with stage():
        stored, bare = [], []
        for _ in range(1 if quick else 3):
            stored.append(_stored(lines))
            bare.append(_bare_copy(lines))
        ours, theirs = max(stored), max(bare)
        found = [
            figure("lines stored through the log sink", ours, "lines/s", ratio=ours / theirs),
            figure("bare COPY in the same batches", theirs, "lines/s"),
        ]
        for rate in (1_000, 10_000):
            delays = _delays(rate=rate, seconds=seconds)
            found += [
                figure(f"to a socket at {rate:,} lines/s, p50", 1000 * percentile(delays, 0.5), "ms"),
                figure(f"to a socket at {rate:,} lines/s, p95", 1000 * percentile(delays, 0.95), "ms"),
            ]
    return found


def _open_sink() -> tuple[Any, Any]:
    """A run in this process's hands, and the sink of its log."""
    from jobs_app.masking import Masker
    from runs_app import lifecycle
    from runs_app.dispatch import dispatch
    from workers.logsink import LogSink

    run = dispatch(puppet_job("logs"), triggered_by="cli")
    claim = lifecycle.claim(run.pk, worker="benchmark")
    assert claim is not None
    return run, LogSink(claim, level=0, limit=10**12, first_seq=1, masker=Masker())


def _stored(lines: int) -> float:
    _run, sink = _open_sink()
    begun = time.perf_counter()
    for number in range(lines):
        sink.write(1, f"line {number} {TEXT}")
    sink.flush(within=120)
    return lines / (time.perf_counter() - begun)


def _bare_copy(lines: int) -> float:
    """psycopg's COPY of the same rows into the same table, a transaction for each thousand."""
    from django.db import connection, transaction

    run, _sink = _open_sink()
    statement = "COPY runs_logline (run_id, seq, at, level, step, source, logger, message) FROM STDIN"
    begun = time.perf_counter()
    for first in range(0, lines, 1_000):
        with transaction.atomic(), connection.cursor() as cursor, cursor.copy(statement) as copy:
            for number in range(first, first + 1_000):
                copy.write_row((run.pk, number, datetime.now(UTC), 1, 0, 0, "", f"line {number} {TEXT}"))
    return lines / (time.perf_counter() - begun)


def _delays(*, rate: int, seconds: int) -> list[float]:
    """For each line: seconds from the call that wrote it to its arrival at a client of a real web process."""
    from django.contrib.auth import get_user_model
    from websockets.sync.client import connect
    from websockets.typing import Origin

    from tests.web import session_cookie, web_process

    run, sink = _open_sink()
    viewer, _new = get_user_model().objects.get_or_create(username="viewer", defaults={"is_superuser": True})
    with web_process() as web:
        headers = {"Cookie": session_cookie(viewer)}
        address = f"{web.socket_url}/ws/runs/{run.run_id}?after=0"
        with connect(address, additional_headers=headers, origin=Origin(web.url), max_size=None) as socket:
            writer = threading.Thread(target=_write, args=(sink, rate, rate * seconds))
            writer.start()
            delays = _receive(socket, rate * seconds)
            writer.join()
    return delays


def _write(sink: Any, rate: int, count: int) -> None:
    """At an even rate, in small portions as a busy step would."""
    begun, portion = time.time(), max(1, rate // 200)
    for number in range(count):
        if number % portion == 0:
            time.sleep(max(0.0, begun + number / rate - time.time()))
        sink.write(1, f"{time.time():.6f} {TEXT}")
    sink.flush()


def _receive(socket: Any, count: int) -> list[float]:
    delays: list[float] = []
    while len(delays) < count:
        message = json.loads(socket.recv(timeout=60))
        now = time.time()
        if message["t"] == "lines":
            delays += [now - float(line[5].split(" ", 1)[0]) for line in message["lines"]]
    return delays
