"""Step types and a connector kind with one field of every sort a definition is checked for."""

from __future__ import annotations

from typing import ClassVar

from nomaflow.extending import ConnectorKind, Field, StepType


class Query(StepType):
    type = "query"
    label = "Query"
    fields: ClassVar[tuple[Field, ...]] = (
        Field(name="connector", kind="connector", label="Connector", required=True),
        Field(name="query", kind="sql", label="Query", required=True),
        Field(name="params", kind="map", label="Parameters", default={}),
        Field(name="limit", kind="integer", label="Limit", default=100, minimum=1),
    )


class Copy(StepType):
    type = "copy"
    label = "Copy"
    fields: ClassVar[tuple[Field, ...]] = (
        Field(name="source", kind="table", label="Source", required=True),
        Field(name="target", kind="table", label="Target", required=True),
        Field(name="mode", kind="choice", label="Mode", default="overwrite", choices=("overwrite", "append")),
    )


class Database(ConnectorKind):
    kind = "database"
    label = "Database"
    fields: ClassVar[tuple[Field, ...]] = (
        Field(name="url", kind="url", label="URL", required=True),
        Field(name="password", kind="password", label="Password", secret=True),
    )


class Directory(ConnectorKind):
    kind = "directory"
    label = "Directory"
    family = "ldap"
    fields: ClassVar[tuple[Field, ...]] = (Field(name="url", kind="url", label="URL"),)
