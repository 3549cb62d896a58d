"""The fork server of a worker process: small, single-threaded, it forks one process per python step.

A worker process has threads, so forking user code straight from it could inherit a held lock; this one has
none. It never loads Django's settings, its environment holds none of Nomaflow's own, and whatever it forked
ends with the worker: each step hangs on a control socket, whose end of file kills the step's process group.
Why not the standard library's forkserver: docs/decisions/0020-own-fork-server-for-python-steps.md.
"""

from __future__ import annotations

import asyncio  # noqa: F401  loaded before the fork, so that no step has to
import contextlib
import ctypes
import gc
import importlib
import os
import selectors
import signal
import socket

from workers import step_main

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_libc = ctypes.CDLL(None, use_errno=True)


def serve(descriptor: int, preload: list[str]) -> None:
    """Fork a step for each request on the socket `descriptor` until it closes."""
    for name in preload:
        with contextlib.suppress(Exception):  # a connector kind without its driver is told by the step
            importlib.import_module(name)
    gc.collect()
    gc.freeze()
    _Server(socket.socket(fileno=descriptor)).run()


class _Server:
    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._pid = os.getpid()
        self._steps: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._bell, ring = socket.socketpair()
        self._ring = ring
        for end in (self._bell, ring):
            end.setblocking(False)
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for ignored in (signal.SIGINT, signal.SIGTERM):  # a drain lets running steps finish
            signal.signal(ignored, signal.SIG_IGN)
        signal.set_wakeup_fd(ring.fileno())

    def run(self) -> None:
        self._selector.register(self._listener, selectors.EVENT_READ, self._request)
        self._selector.register(self._bell, selectors.EVENT_READ, self._children_changed)
        while True:
            for key, _ in self._selector.select():
                key.data()

    def _request(self) -> None:
        """Fork a step; the request carries its channel, its standard output, error and control socket."""
        data, descriptors, _, _ = socket.recv_fds(self._listener, 16, 4)
        if not data:
            self._end()
        channel, out, err, control = descriptors
        end = socket.socket(fileno=control)
        try:
            pid = os.fork()
        except OSError:
            end.close()  # the worker takes that for an answer
            return
        finally:
            if os.getpid() == self._pid:
                for descriptor in (channel, out, err):
                    os.close(descriptor)
        if pid == 0:
            self._become_step(channel, out, err)
        self._steps[pid] = end
        self._selector.register(end, selectors.EVENT_READ, lambda: self._stop(pid, end))
        with contextlib.suppress(OSError):
            end.send(str(pid).encode())

    def _become_step(self, channel: int, out: int, err: int) -> None:
        """In the child: nothing of the server stays open, and its death or the server's ends it."""
        try:
            signal.set_wakeup_fd(-1)
            for reset in (signal.SIGCHLD, signal.SIGTERM, signal.SIGPIPE):
                signal.signal(reset, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.setsid()
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != self._pid:
                os._exit(1)
            os.dup2(out, 1)
            os.dup2(err, 2)
            os.closerange(3, channel)
            os.closerange(channel + 1, 1 << 20)
            step_main.main(channel)
        finally:
            os._exit(1)

    def _stop(self, pid: int, control: socket.socket) -> None:
        """Any word on the control socket, or its end, means: kill."""
        with contextlib.suppress(OSError):
            if not control.recv(16):
                self._selector.unregister(control)
        if pid in self._steps:
            _kill_group(pid)

    def _children_changed(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._bell.recv(4096):
                pass
        self._reap()

    def _reap(self) -> None:
        """Report the steps that ended. What a step started ends with it, also what left its group."""
        while pid := _ended_child():
            control = self._steps.pop(pid, None)
            if control is not None:
                _kill_group(pid)  # while the unreaped leader still reserves the group's number
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            if control is not None:
                self._report(control, status)
        if not self._steps:
            for stray in _children():
                _kill(stray)

    def _report(self, control: socket.socket, status: int) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(control)
        with contextlib.suppress(OSError):
            control.send(str(status).encode())
        control.close()

    def _end(self) -> None:
        for pid in self._steps:
            _kill_group(pid)
        while children := _children():
            for pid in children:
                _kill(pid)
                os.waitpid(pid, 0)
        os._exit(0)


def _ended_child() -> int:
    """Process id of a child that ended and is not reaped yet, else 0."""
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return 0
    return ended.si_pid if ended else 0


def _children() -> list[int]:
    """The server has one thread, so its children are that thread's."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children") as file:
            return [int(pid) for pid in file.read().split()]
    except FileNotFoundError:  # a kernel built without it: then the process above the worker finds them
        return []


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:  # it has not reached setsid() yet
        _kill(pid)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
