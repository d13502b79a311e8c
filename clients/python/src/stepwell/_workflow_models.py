"""Workflows of the management API: responses."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Optional, Union

from ._base import Model

WorkflowState = Literal["active", "inactive"]


class Integration(Model):
    """An integration that a workflow uses. `status` is `connected` or `pending`."""

    id: str
    required: bool = False
    status: Optional[str] = None


class WorkflowStats(Model):
    """Counts of a workflow's executions; the duration is the mean."""

    runs_total: int
    runs_success: int
    runs_failed: int
    average_duration_ms: float
    runs_cancelled: Optional[int] = None
    runs_active: Optional[int] = None


class WarningItem(Model):
    """What was accepted, but is probably a mistake; `field` is None if it is about the whole."""

    code: str
    detail: str
    field: Optional[str] = None


class Workflow(Model):
    """A workflow. `version` counts all changes, `release` those of the definition. Lists have no
    `configuration`, `integrations` and `stats`."""

    id: str
    name: str
    description: Optional[str] = None
    type: str
    status: Union[WorkflowState, str]
    metadata: dict[str, Any] = {}
    created_at: datetime
    updated_at: datetime
    configuration: dict[str, Any] = {}
    integrations: list[Integration] = []
    stats: Optional[WorkflowStats] = None
    activated_at: Optional[datetime] = None
    deactivated_at: Optional[datetime] = None
    created_by: Optional[str] = None
    release: Optional[int] = None
    version: Optional[int] = None
    warnings: Optional[list[WarningItem]] = None


class WorkflowStatus(Model):
    """Response to activate and deactivate."""

    id: str
    status: Union[WorkflowState, str]
    activated_at: Optional[datetime] = None
    deactivated_at: Optional[datetime] = None
    updated_at: datetime


class WorkflowDefinition(Model):
    """The definition that a workflow's configuration was compiled to."""

    id: str
    release: int
    definition: Any
    input_schema: Any = None
