"""COPY … TO STDOUT as a stream of large chunks, straight from libpq's buffer."""

from __future__ import annotations

import select
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg.errors import error_from_result

_WAIT_SECONDS = 1.0


def copy_out(
    connection: psycopg.Connection[Any], statement: str, *, size: int
) -> Iterator[tuple[bytes, int]]:
    """Yield chunks of at least `size` bytes with their rows, smaller ones when the server pauses.

    The server sends each row as one message; the last item is what is left, so that the rows add up to what the
    server counted. psycopg's own loop makes a generator step per row, which costs a tenth of the whole copy.
    """
    with connection.cursor() as cursor, cursor.copy(statement):
        pgconn = connection.pgconn
        parts: list[bytes] = []
        take, waiting, sent = pgconn.get_copy_data, 0, 0
        while (got := take(1))[0] >= 0:
            if got[0] == 0:
                ready = select.select([pgconn.socket], [], [], _WAIT_SECONDS)[0]
                pgconn.consume_input()
                if ready or not parts:
                    continue
            else:
                parts.append(bytes(got[1]))
                waiting += got[0]
            if waiting >= size or not got[0]:
                sent += len(parts)
                yield b"".join(parts), len(parts)
                parts, waiting = [], 0
        yield b"".join(parts), _counted(pgconn) - sent


def _counted(pgconn: psycopg.pq.abc.PGconn) -> int:
    """The number of rows the server says it sent; raises its error instead when it ended with one."""
    while pgconn.is_busy():
        select.select([pgconn.socket], [], [], _WAIT_SECONDS)
        pgconn.consume_input()
    result = pgconn.get_result()
    while pgconn.get_result():
        pass
    if result is None or result.status != psycopg.pq.ExecStatus.COMMAND_OK:
        raise error_from_result(result) if result else psycopg.OperationalError("the COPY ended early")
    return int(result.command_tuples or 0)
