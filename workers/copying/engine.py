"""One copy from beginning to end: a reader thread fills a short queue, this thread empties it into the writer."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

from nomaflow.extending import Scope
from nomaflow.types import StepFailed
from workers.connectors.opening import stopping
from workers.copying.ends import Chunk, Mode, Pair, Reader, Total, Writer, pair
from workers.copying.progress import Progress, grouped

_QUEUED_CHUNKS = 16
_PUT_SECONDS = 0.5


@dataclass(frozen=True)
class CopyResult:
    source_rows: int
    target_rows: int
    elapsed_ms: int


def copy(
    reader: Reader,
    writer: Writer,
    *,
    mode: Mode,
    batch_size: int,
    scope: Scope,
    log: logging.Logger,
    target: str,
) -> CopyResult:
    """Copy everything `reader` gives into `writer`, all or nothing.

    Raises `StepFailed` with the sentence to show, `StepCancelled` when stopped; the target is then as it was.
    """
    started = time.monotonic()
    with closing(writer), closing(reader):
        with stopping(scope, reader.cancel, writer.cancel):
            pairs, raw, total = _prepare(reader, writer, mode=mode, log=log, target=target)
            progress = Progress(batch_size, total, log)
            _pump(reader, writer, pairs, raw=raw, batch_size=batch_size, on_chunk=progress.add)
            reader.close()
            written = writer.finish()
            if written != reader.rows_read:
                raise StepFailed(f"{reader.rows_read} rows were read, but {written} arrived in {target}")
        # From here on the copy is done: a cancel that comes now does not undo it.
        writer.commit()
    placed = getattr(writer, "placed", "")
    if placed:
        log.info("swap · %s · %s rows · %s", target, grouped(written), placed)
    return CopyResult(reader.rows_read, written, round((time.monotonic() - started) * 1000))


def _prepare(
    reader: Reader, writer: Writer, *, mode: Mode, log: logging.Logger, target: str
) -> tuple[Sequence[Pair], str | None, Total | None]:
    source_columns = reader.open()
    target_columns = writer.open(mode)
    if reader.identity() is not None and reader.identity() == writer.identity():
        raise StepFailed(f"source and target are the same table, {target}", retry=False)
    if target_columns is None:
        target_columns = writer.create(source_columns)
        log.info("table %s did not exist: created with %d columns", target, len(target_columns))
    pairs = pair(source_columns, target_columns, table=target)
    reader.check(pairs)
    raw = writer.raw_format(reader, pairs)
    total = reader.total()
    log.debug("copy format %s", raw or "rows")
    writer.begin(pairs, raw=raw)
    return pairs, raw, total


def _pump(
    reader: Reader,
    writer: Writer,
    pairs: Sequence[Pair],
    *,
    raw: str | None,
    batch_size: int,
    on_chunk: Callable[[int], None],
) -> None:
    """Reading and writing overlap; the first error of either side ends both."""
    chunks: queue.Queue[Chunk | BaseException | None] = queue.Queue(_QUEUED_CHUNKS)
    over = threading.Event()

    def put(item: Chunk | BaseException | None) -> bool:
        while not over.is_set():
            try:
                chunks.put(item, timeout=_PUT_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def read() -> None:
        try:
            with closing(_closable(reader, pairs, raw, batch_size)) as found:
                for chunk in found:
                    if not put(chunk):
                        return
            put(None)
        except BaseException as error:
            put(error)

    thread = threading.Thread(target=read, name="copy-reader", daemon=True)
    thread.start()
    try:
        while (item := chunks.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            writer.write(item)
            on_chunk(item.rows)
    finally:
        over.set()
        if thread.is_alive():
            reader.cancel()
        thread.join()


def _closable(
    reader: Reader, pairs: Sequence[Pair], raw: str | None, batch_size: int
) -> Generator[Chunk, None, None]:
    """A generator whatever the reader returns, so that leaving early ends the reader's stream."""
    yield from reader.chunks(pairs, raw=raw, batch_size=batch_size)
