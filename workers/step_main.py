"""What happens inside a step process: load the plugin, call its function, send back how it ended."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import os
import resource
import sys
import types
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from socket import socket
from typing import Any

from nomaflow.types import StepCancelled, StepFailed
from workers import step_capture
from workers.step_channel import Channel
from workers.step_context import HostedContext
from workers.step_reply import failure, success

_SPARE_BYTES = 64 << 20  # what a step over its memory limit gets to say so


def main(descriptor: int) -> None:
    """Run the one step that the channel `descriptor` describes; never returns."""
    channel = Channel(socket(fileno=descriptor))
    order = channel.receive()
    pid = os.getpid()
    if order is not None:
        _isolate(order)
        step_capture.install(channel, level=order["level"])
        reply = _perform(order, HostedContext(channel, order))
        if os.getpid() != pid:  # a process forked by user code came back through here
            os._exit(0 if "result" in reply else 1)
        step_capture.finish()
        channel.send(reply)
    os._exit(0)


def _isolate(order: Mapping[str, Any]) -> None:
    limit = int(order["memory_limit_mb"]) << 20
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit + _SPARE_BYTES))
    sys.dont_write_bytecode = True  # a cache could hide an edit made within the same second
    packages = next((i for i, entry in enumerate(sys.path) if entry.endswith("-packages")), len(sys.path))
    sys.path.insert(packages, order["plugins_dir"])  # after the standard library, which stays what it is


def _perform(order: Mapping[str, Any], context: HostedContext) -> dict[str, Any]:
    try:
        module = load(order["module"], Path(order["path"]), Path(order["plugins_dir"]))
        function = getattr(module, order["function"], None)
        if not callable(function):
            name = f"{order['module']}:{order['function']}"
            raise StepFailed(f"{name} is not a function once the module is loaded", retry=False)
        args, kwargs = arguments(function, context.params, name=f"{order['module']}:{order['function']}")
        if context.is_cancelled():
            raise StepCancelled("cancelled before it started")
        value = function(context, *args, **kwargs)
        if inspect.iscoroutine(value):
            value = asyncio.run(_cancellable(value, context))
        return success(value)
    except BaseException as error:
        if isinstance(error, MemoryError):
            hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
            resource.setrlimit(resource.RLIMIT_DATA, (hard, hard))
        return failure(error, memory_limit_mb=order["memory_limit_mb"])


def load(module: str, path: Path, root: Path) -> types.ModuleType:
    """Import `module` from exactly this file below `root`, with its packages, whatever `sys.path` says."""
    if not path.resolve().is_relative_to(root.resolve()):
        raise StepFailed(f"{path} leads out of plugins/", retry=False)
    parts = module.split(".")
    for depth in range(1, len(parts)):
        name, folder = ".".join(parts[:depth]), root.joinpath(*parts[:depth])
        if (folder / "__init__.py").is_file():
            _execute(name, folder / "__init__.py")
        else:
            package = types.ModuleType(name)
            package.__path__ = [str(folder)]
            sys.modules[name] = package
    return _execute(module, path)


def _execute(name: str, path: Path) -> types.ModuleType:
    search = [str(path.parent)] if path.name == "__init__.py" else None
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=search)
    if spec is None or spec.loader is None:
        raise StepFailed(f"{path} can't be loaded as Python", retry=False)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    parent, _, leaf = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], leaf, module)
    return module


def arguments(
    function: Callable[..., Any], params: Mapping[str, Any], *, name: str
) -> tuple[list[Any], dict[str, Any]]:
    """What to pass after the context: every parameter for a function with `**kwargs`, else those it names.

    Raises `StepFailed` naming what is missing, before the function runs.
    """
    declared = list(inspect.signature(function).parameters.values())
    if not declared or declared[0].kind in (declared[0].KEYWORD_ONLY, declared[0].VAR_KEYWORD):
        raise StepFailed(f"{name} must take the context as its first parameter", retry=False)
    first, rest = declared[0], declared[1:]
    if first.kind == first.VAR_POSITIONAL:
        rest = declared
    named = [p for p in rest if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    missing = [p.name for p in named if p.default is p.empty and p.name not in params]
    if missing:
        listed = ", ".join(repr(one) for one in missing)
        raise StepFailed(f"{name} needs a value for {listed}; the job gives none", retry=False)
    positional = [p for p in named if p.kind == p.POSITIONAL_ONLY]
    args = [params.get(p.name, p.default) for p in positional]
    taken = {p.name for p in positional} | {first.name}
    if any(p.kind == p.VAR_KEYWORD for p in rest):
        return args, {key: value for key, value in params.items() if key not in taken}
    return args, {p.name: params[p.name] for p in named if p.name in params and p.name not in taken}


async def _cancellable(coroutine: Coroutine[Any, Any, Any], context: HostedContext) -> Any:
    """Await it; a cancel of the run cancels its task, so that it sees `CancelledError`."""
    loop = asyncio.get_running_loop()
    task = loop.create_task(coroutine)

    def readable() -> None:
        if context.is_cancelled():
            loop.remove_reader(context.fileno())
            task.cancel()

    loop.add_reader(context.fileno(), readable)
    try:
        return await task
    finally:
        loop.remove_reader(context.fileno())
