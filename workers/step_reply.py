"""How a step ended, as the message its process sends: a small JSON result, or an error with its traceback."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import reprlib
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from nomaflow.types import StepFailed

RESULT_BYTES = 1 << 20
_TRACEBACK_CHARS = 60_000
_OWN_CODE = (os.path.dirname(__file__), os.path.dirname(asyncio.__file__), "<frozen importlib")


def success(value: Any) -> dict[str, Any]:
    """The step's output. What JSON (or PostgreSQL's form of it) can't hold is described instead: the work
    is done, so the step must not fail for it."""
    problem = ""
    try:
        output = _output(value)
        text = json.dumps(output, allow_nan=False, ensure_ascii=False)
        size = len(text.encode())
        if size > RESULT_BYTES:
            problem = f"{size:,} bytes of JSON, more than {RESULT_BYTES:,}"
    except UnicodeEncodeError:
        problem = "text with a lone surrogate"
    except (Exception, MemoryError) as error:
        problem = _message(error)
    if not problem:
        return {"result": output}
    described = f"{problem}: {type(value).__qualname__} {_short(value)}"
    logging.getLogger("nomaflow").warning("the step's result could not be stored: %s", described)
    return {"result": {"_unserialisable": described}}


def _output(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    return dict(value) if isinstance(value, Mapping) else {"value": value}


def _short(value: Any) -> str:
    try:
        text = reprlib.repr(value)
    except Exception as error:
        text = f"(its repr raises {type(error).__name__})"
    return text[:200].replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()


def failure(error: BaseException, *, memory_limit_mb: int) -> dict[str, Any]:
    """The error as data: class, message, traceback, and whether another attempt can help."""
    if isinstance(error, MemoryError):
        traceback.clear_frames(error.__traceback__)
        message, kind, retry = f"memory limit {memory_limit_mb} MB", "memory_limit", False
    else:
        message, kind = _message(error), getattr(error, "kind", None) or _kind(error)
        retry = error.retry if isinstance(error, StepFailed) else True
    return {
        "error": {
            "message": message,
            "kind": kind if isinstance(kind, str) else "error",
            "retry": bool(retry),
            "error_class": _class_name(error),
            "traceback_text": _traceback(error),
        }
    }


def _kind(error: BaseException) -> str:
    """A violated constraint is told apart, because it stays violated; every driver names its class so."""
    return "constraint" if any(cls.__name__ == "IntegrityError" for cls in type(error).__mro__) else "error"


def _message(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"the step called sys.exit({'' if error.code is None else _short(error.code)})"
    try:
        text = str(error)
    except Exception:
        text = ""
    return text[:10_000] or type(error).__name__


def _class_name(error: BaseException) -> str:
    cls = type(error)
    return (
        cls.__qualname__
        if cls.__module__ in ("builtins", "nomaflow.types")
        else f"{cls.__module__}.{cls.__qualname__}"
    )


def _traceback(error: BaseException) -> str:
    """The whole chain, without the frames that lead to the plugin's first line."""
    try:
        lines = traceback.format_exception(type(error), error, _from_plugin(error.__traceback__))
        text = "".join(lines)
    except Exception as problem:
        return f"(the traceback can't be written: {type(problem).__name__})"
    half = _TRACEBACK_CHARS // 2
    return text if len(text) <= _TRACEBACK_CHARS else f"{text[:half]}\n…\n{text[-half:]}"


def _from_plugin(tb: TracebackType | None) -> TracebackType | None:
    while tb and tb.tb_frame.f_code.co_filename.startswith(_OWN_CODE):
        tb = tb.tb_next
    return tb
