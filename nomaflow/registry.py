"""The one loader of extensions: settings dicts of dotted paths become instances, once."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings
from django.utils.module_loading import import_string

from nomaflow.extending import ConnectorKind, StepType


@lru_cache
def step_types() -> dict[str, StepType]:
    """Every registered step type by its `type`."""
    return {name: import_string(path)() for name, path in settings.NOMAFLOW_STEP_TYPES.items()}


@lru_cache
def connector_kinds() -> dict[str, ConnectorKind]:
    """Every registered connector kind by its `kind`."""
    return {name: import_string(path)() for name, path in settings.NOMAFLOW_CONNECTOR_KINDS.items()}
