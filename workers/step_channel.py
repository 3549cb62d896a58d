"""JSON messages between a worker and a step process, over one Unix socket of whole packets.

Standard library only: the step process loads nothing else of Nomaflow.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import threading
from typing import Any

_HEADER = struct.Struct("=I?")  # sender's process id, more packets follow
_PIECE = 60_000
_encode = json.JSONEncoder(default=str).encode


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends. Packets stay whole even when several processes write to one end."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


class Channel:
    """One end. Messages are JSON objects; a long one travels in pieces, put together by sender."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._pieces: dict[int, bytearray] = {}
        self.renew_lock()

    def renew_lock(self) -> None:
        """For a process forked by user code: another thread may have held the lock at the fork."""
        self._sending = threading.Lock()

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, message: dict[str, Any]) -> None:
        """Send one message; raises `OSError` when the other side is gone."""
        data = _encode(message).encode()
        pid = os.getpid()
        with self._sending:
            for start in range(0, len(data), _PIECE):
                more = start + _PIECE < len(data)
                self._socket.send(_HEADER.pack(pid, more) + data[start : start + _PIECE])

    def receive(self, *, wait: bool = True) -> dict[str, Any] | None:
        """The next message; None when the other side has closed or says stop.

        Raises `BlockingIOError` when nothing is there and `wait` is false.
        """
        while True:
            packet = self._socket.recv(_HEADER.size + _PIECE, 0 if wait else socket.MSG_DONTWAIT)
            if not packet:
                return None
            pid, more = _HEADER.unpack_from(packet)
            data: bytes | bytearray = packet[_HEADER.size :]
            if more or pid in self._pieces:
                self._pieces.setdefault(pid, bytearray()).extend(data)
                if more:
                    continue
                data = self._pieces.pop(pid)
            return dict(json.loads(data.decode()))

    def stop(self) -> None:
        """Tell the other side to stop: it sees this at once, again and again, and in all its processes."""
        self._socket.shutdown(socket.SHUT_WR)

    def stopped(self, timeout: float | None = 0) -> bool:
        """True once the other side called `stop` or is gone; consumes no message."""
        poll = select.poll()
        poll.register(self._socket, select.POLLRDHUP)
        return bool(poll.poll(None if timeout is None else timeout * 1000))

    def close(self) -> None:
        self._socket.close()
