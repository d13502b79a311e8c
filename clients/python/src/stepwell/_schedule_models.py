"""Schedules of the management API: responses."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Optional, Union

from pydantic import Field

from ._base import Model
from ._workflow_models import WarningItem

ScheduleType = Literal["cron", "interval", "fixed_time"]
IntervalUnit = Literal["seconds", "minutes", "hours", "days"]
MisfirePolicy = Literal["run_once", "skip", "run_all"]
OverlapPolicy = Literal["allow", "skip", "queue"]


class LastExecution(Model):
    """The last execution that a schedule started."""

    id: str = Field(alias="execution_id")
    status: str
    started_at: Optional[datetime] = None
    completed_at: Optional[datetime] = None


class SkippedFiring(Model):
    """A firing that started no execution, with the reason."""

    scheduled_at: datetime
    skipped_at: datetime
    code: str
    message: str


class Schedule(Model):
    """A schedule. `next_execution` is None if it does not fire again. Lists have no `parameters`,
    policies, `last_execution` and `last_skipped`."""

    id: str
    workflow_id: str
    workflow_name: Optional[str] = None
    name: str
    description: Optional[str] = None
    schedule_type: Union[ScheduleType, str]
    cron_expression: Optional[str] = None
    interval_value: Optional[int] = None
    interval_unit: Optional[Union[IntervalUnit, str]] = None
    execution_time: Optional[datetime] = None
    enabled: bool
    timezone: Optional[str] = None
    next_execution: Optional[datetime] = None
    created_at: datetime
    updated_at: datetime
    parameters: dict[str, Any] = {}
    release_tag: Optional[str] = None
    misfire_policy: Optional[Union[MisfirePolicy, str]] = None
    overlap_policy: Optional[Union[OverlapPolicy, str]] = None
    last_execution: Optional[LastExecution] = None
    last_skipped: Optional[SkippedFiring] = None
    queued_executions: Optional[int] = None
    created_by: Optional[str] = None
    warnings: Optional[list[WarningItem]] = None


class SchedulesChanged(Model):
    """How many schedules matched, and how many of them changed."""

    matched: int
    changed: int


class Firing(Model):
    """A firing, in UTC and in local time."""

    time: datetime
    local_time: datetime


class SchedulePreview(Model):
    """The next firings of a cron expression."""

    cron: str
    timezone: str
    next_executions: list[Firing]
