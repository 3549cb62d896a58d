"""A step's condition: a small expression over `params` and the outputs of earlier steps, never Python code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simpleeval import EvalWithCompoundTypes

from nomaflow.types import StepFailed


def holds(expression: str, *, params: Mapping[str, Any], outputs: Mapping[str, Any]) -> bool:
    """Whether the step is to run. Raises `StepFailed` naming what the expression cannot answer.

    >>> holds("params.full and out['copy'].rows > 10", params={"full": True}, outputs={"copy": {"rows": 12}})
    True
    """
    evaluator = EvalWithCompoundTypes(
        names={"params": dict(params), "out": dict(outputs)}, functions={"len": len, "min": min, "max": max}
    )
    try:
        return bool(evaluator.eval(expression))
    except Exception as error:  # whatever an operator's expression can raise
        raise StepFailed(f"condition {expression!r}: {error}", retry=False) from None
