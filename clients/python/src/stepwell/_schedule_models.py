"""Schedules of the management API: responses and options."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Mapping, Optional, TypedDict, Union

from ._management_models import Paging, Sorting, Timestamp
from ._models import Model

ScheduleType = Literal["cron", "interval", "fixed_time"]
IntervalUnit = Literal["seconds", "minutes", "hours", "days"]
MisfirePolicy = Literal["run_once", "skip", "run_all"]
OverlapPolicy = Literal["allow", "skip", "queue"]


class ScheduleRow(Model):
    """A schedule in a list. `next_execution` is None if it does not fire again."""

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


class LastExecution(Model):
    """The last execution that a schedule started."""

    execution_id: str
    status: str
    started_at: Optional[datetime] = None
    completed_at: Optional[datetime] = None


class SkippedFiring(Model):
    """A firing that started no execution, with the reason."""

    scheduled_at: datetime
    skipped_at: datetime
    code: str
    message: str


class Schedule(ScheduleRow):
    """A schedule."""

    parameters: dict[str, Any] = {}
    misfire_policy: Optional[Union[MisfirePolicy, str]] = None
    overlap_policy: Optional[Union[OverlapPolicy, str]] = None
    last_execution: Optional[LastExecution] = None
    last_skipped: Optional[SkippedFiring] = None
    queued_executions: Optional[int] = None
    created_by: Optional[str] = None


class ScheduleFields(TypedDict, total=False):
    """The fields of a schedule except name and type: `cron_expression` for `cron`, `interval_value`
    and `interval_unit` for `interval`, `execution_time` for `fixed_time`."""

    description: Optional[str]
    cron_expression: Optional[str]
    interval_value: Optional[int]
    interval_unit: Optional[IntervalUnit]
    execution_time: Optional[Timestamp]
    timezone: Optional[str]
    parameters: Optional[Mapping[str, Any]]
    enabled: Optional[bool]
    misfire_policy: Optional[MisfirePolicy]
    overlap_policy: Optional[OverlapPolicy]


class ScheduleChange(ScheduleFields, total=False):
    """Changes of a schedule; omitted fields are unchanged."""

    name: str
    schedule_type: ScheduleType


class ScheduleSelection(Sorting, total=False):
    """Filters of schedules, sorted by `created_at`, `updated_at`, `name` or `next_execution`."""

    workflow_id: Optional[str]
    enabled: Optional[bool]
    schedule_type: Optional[ScheduleType]


class ScheduleListOptions(ScheduleSelection, Paging, total=False):
    """`ScheduleSelection`, and the page."""


class TriggeredSchedule(Model):
    """The execution that `trigger` started."""

    execution_id: str
    workflow_id: str
    schedule_id: str
    status: str
    parameters: dict[str, Any] = {}


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
