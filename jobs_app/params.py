"""Parameters: the four layers a step receives, and what differs between two maps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def merge(
    job_params: Mapping[str, Any],
    op_kwargs: Mapping[str, Any] | None = None,
    fire_params: Mapping[str, Any] | None = None,
    fire_op_kwargs: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The layers in order, later wins, whole values at a time.

    >>> merge({"apps_id": 10, "target": "a"}, {"target": "b"}, {"apps_id": 99}, {"limit": 5})
    {'apps_id': 99, 'target': 'b', 'limit': 5}
    """
    return {**job_params, **(op_kwargs or {}), **(fire_params or {}), **(fire_op_kwargs or {})}


def diff(saved: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of `changed` that `saved` does not hold just so; `True` and `1` differ.

    >>> diff({"apps_id": 10, "dry": True}, {"apps_id": 10, "dry": 1, "extra": None})
    {'dry': 1, 'extra': None}
    """
    return {
        name: value for name, value in changed.items() if name not in saved or not same(saved[name], value)
    }


def same(left: Any, right: Any) -> bool:
    """Whether two JSON values are written alike, whatever the order of their keys.

    >>> same({"a": 1, "b": 2}, {"b": 2, "a": 1}), same(1, 1.0)
    (True, False)
    """
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
