"""Finds the functions of `plugins/` by reading their files, never by importing them.

A web process that imported plugins would run their code, and fall with their mistakes.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

_SHAPE = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)*:[A-Za-z]\w*", re.ASCII)
_OURS = frozenset({"django", "jobs_app", "nomaflow", "plugins", "runs_app", "settings", "workers"})


class CallableError(ValueError):
    """One sentence that names the callable and says what is wrong with it."""


@dataclass(frozen=True)
class Parameter:
    """One parameter after `ctx`; `default` is its source text, empty when it is required."""

    name: str
    required: bool
    default: str = ""


@dataclass(frozen=True, kw_only=True)
class CallableSpec:
    """A function as its file declares it."""

    module: str
    function: str
    path: Path
    is_async: bool = False
    parameters: tuple[Parameter, ...] = ()
    doc: str = ""
    problem: str = ""
    """Why the file can't be read as Python: a job may be saved, its run will fail with the traceback."""

    @property
    def dotted(self) -> str:
        return f"{self.module}:{self.function}"


_Function = ast.FunctionDef | ast.AsyncFunctionDef


def find(dotted: str) -> CallableSpec:
    """The function `module.path:name`; `CallableError` unless a file in plugins/ defines it."""
    if not _SHAPE.fullmatch(dotted):
        raise CallableError(
            f"{dotted!r} is not of the form module.path:function (names start with a letter)",
        )
    module, name = dotted.split(":")
    path = _file(module)
    try:
        functions = {node.name: node for node in _functions(_parse(path).body)}
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        return CallableSpec(module=module, function=name, path=path, problem=f"{where}{error.msg}")
    if name not in functions:
        raise CallableError(f"{_shown(path)} defines no function {name!r}")
    return _spec(module, functions[name], path)


def list_all() -> list[CallableSpec]:
    """Every function whose first parameter is `ctx` or a `StepContext`, by module and line."""
    found = []
    for path in sorted(_root().rglob("*.py")):
        module = _module(path)
        try:
            body = _parse(_file(module)).body if module else []
        except (CallableError, SyntaxError):
            continue
        found += [_spec(module, node, path) for node in _functions(body) if _takes_context(node)]
    return found


def _root() -> Path:
    return Path(settings.NOMAFLOW_PLUGINS_DIR).resolve()


def _shown(path: Path) -> str:
    return f"plugins/{path.relative_to(_root()).as_posix()}"


def _file(module: str) -> Path:
    """The module's file, which must lie in plugins/ when every symbolic link is followed."""
    root = _root()
    base = root.joinpath(*module.split("."))
    path = next((p for p in (base / "__init__.py", base.with_suffix(".py")) if p.is_file()), None)
    if path is None:
        raise CallableError(f"plugins/ has no module {module!r}")
    if not path.resolve().is_relative_to(root):
        raise CallableError(f"{_shown(path)} is a link that leaves plugins/")
    first = module.partition(".")[0]
    if first in sys.stdlib_module_names or first in _OURS:
        raise CallableError(f"{_shown(path)}: {first!r} is already the name of another module; rename it")
    return path


def _parse(path: Path) -> ast.Module:
    """Raise `SyntaxError` for whatever keeps the file from being read as Python."""
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except OSError as error:
        raise CallableError(f"{_shown(path)} can't be read: {error.strerror}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(str(error) or "too deeply nested") from error


def _functions(body: Iterable[ast.stmt]) -> Iterator[_Function]:
    """Public functions at module level, also inside `if`, `try` and `with`."""
    for node in body:
        if isinstance(node, _Function):
            if not node.name.startswith("_"):
                yield node
        elif isinstance(node, ast.If | ast.Try | ast.With):
            yield from _functions(node.body)
            yield from _functions(getattr(node, "orelse", ()))


def _spec(module: str, node: _Function, path: Path) -> CallableSpec:
    return CallableSpec(
        module=module,
        function=node.name,
        path=path,
        is_async=isinstance(node, ast.AsyncFunctionDef),
        parameters=tuple(_parameters(node.args)),
        doc=ast.get_docstring(node) or "",
    )


def _parameters(args: ast.arguments) -> Iterator[Parameter]:
    """Those a job may give: all but the first, which is the context, and `*args`, `**kwargs`."""
    positional = [*args.posonlyargs, *args.args]
    padding: list[ast.expr | None] = [None] * (len(positional) - len(args.defaults))
    pairs = list(zip(positional, [*padding, *args.defaults], strict=True))[1:]
    for argument, default in [*pairs, *zip(args.kwonlyargs, args.kw_defaults, strict=True)]:
        yield Parameter(argument.arg, default is None, ast.unparse(default) if default else "")


def _takes_context(node: _Function) -> bool:
    first = next(iter([*node.args.posonlyargs, *node.args.args]), None)
    if first is None:
        return False
    annotation = ast.unparse(first.annotation) if first.annotation else ""
    return first.arg == "ctx" or annotation.strip("'\"").endswith("StepContext")


def _module(path: Path) -> str:
    """Dotted name of a file that a callable could name; empty for the others."""
    parts = list(path.relative_to(_root()).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    module = ".".join(parts)
    return module if _SHAPE.fullmatch(f"{module}:f") else ""
