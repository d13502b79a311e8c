"""`WorkflowScheduler`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any, ClassVar, Literal, Mapping, Optional, Union

import stepwell
from typing_extensions import TypedDict, Unpack

from ._models import LastExecution, Page, convert, page_of
from ._service import ServiceClient
from ._tracked import TrackedModel

ScheduleType = Literal["cron", "interval", "fixed_time"]
Order = Literal["created_at", "updated_at", "name", "next_execution"]


_WRITABLE = (
    "name",
    "description",
    "schedule_type",
    "cron_expression",
    "interval_value",
    "interval_unit",
    "execution_time",
    "timezone",
    "parameters",
    "enabled",
    "misfire_policy",
    "overlap_policy",
)


class ScheduleFields(TypedDict, total=False):
    """The fields of a schedule except name and type: `cron_expression` for `cron`, `interval_value`
    and `interval_unit` for `interval`, `execution_time` for `fixed_time`."""

    description: Optional[str]
    cron_expression: Optional[str]
    interval_value: Optional[int]
    interval_unit: Optional[Literal["seconds", "minutes", "hours", "days"]]
    execution_time: Union[datetime, str, None]
    timezone: Optional[str]
    parameters: Optional[Mapping[str, Any]]
    enabled: Optional[bool]
    misfire_policy: Optional[Literal["run_once", "skip", "run_all"]]
    overlap_policy: Optional[Literal["allow", "skip", "queue"]]


class Schedule(stepwell.Schedule, TrackedModel):
    """A schedule. Change its fields, or its parameters, and pass it to `update_schedule`."""

    WRITABLE: ClassVar[tuple[str, ...]] = _WRITABLE

    last_execution: Optional[LastExecution] = None


class WorkflowScheduler(ServiceClient):
    """Creates, lists, updates and deletes schedules."""

    def create_schedule(
        self,
        workflow_id: str,
        name: str,
        schedule_type: ScheduleType,
        *,
        idempotency_key: Optional[str] = None,
        **fields: Unpack[ScheduleFields],
    ) -> Schedule:
        """Schedules a workflow: by a `cron_expression`, at an interval (`interval_value`,
        `interval_unit`), or once at an `execution_time`. Calling again with the same
        `idempotency_key` does not create a second one."""
        with self._sync_client() as client:
            created = client.schedules.create(
                workflow_id, name, schedule_type, idempotency_key=idempotency_key, **fields
            )
        return _schedule(created)

    async def create_schedule_async(
        self,
        workflow_id: str,
        name: str,
        schedule_type: ScheduleType,
        *,
        idempotency_key: Optional[str] = None,
        **fields: Unpack[ScheduleFields],
    ) -> Schedule:
        """Async variant of `create_schedule`."""
        async with self._async_client() as client:
            created = await client.schedules.create(
                workflow_id, name, schedule_type, idempotency_key=idempotency_key, **fields
            )
        return _schedule(created)

    def get_schedule(self, schedule_id: str) -> Schedule:
        """Returns a schedule with its next and its last execution."""
        with self._sync_client() as client:
            return _schedule(client.schedules.get(schedule_id))

    async def get_schedule_async(self, schedule_id: str) -> Schedule:
        """Async variant of `get_schedule`."""
        async with self._async_client() as client:
            return _schedule(await client.schedules.get(schedule_id))

    def list_schedules(
        self,
        workflow_id: Optional[str] = None,
        *,
        enabled: Optional[bool] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        sort_by: Optional[Order] = None,
        sort_order: Optional[Literal["asc", "desc"]] = None,
    ) -> Page[Schedule]:
        """Returns a page of schedules, newest first."""
        with self._sync_client() as client:
            result = client.schedules.list(
                workflow=workflow_id,
                enabled=enabled,
                page=page,
                page_size=page_size,
                sort_by=sort_by,
                sort_order=sort_order,
            )
        return page_of(Schedule, result)

    async def list_schedules_async(
        self,
        workflow_id: Optional[str] = None,
        *,
        enabled: Optional[bool] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        sort_by: Optional[Order] = None,
        sort_order: Optional[Literal["asc", "desc"]] = None,
    ) -> Page[Schedule]:
        """Async variant of `list_schedules`."""
        async with self._async_client() as client:
            result = await client.schedules.list(
                workflow=workflow_id,
                enabled=enabled,
                page=page,
                page_size=page_size,
                sort_by=sort_by,
                sort_order=sort_order,
            )
        return page_of(Schedule, result)

    def iter_schedules(
        self,
        workflow_id: Optional[str] = None,
        *,
        enabled: Optional[bool] = None,
        sort_by: Optional[Order] = None,
        sort_order: Optional[Literal["asc", "desc"]] = None,
    ) -> Iterator[Schedule]:
        """Iterates over all schedules; the arguments are those of `list_schedules`."""
        with self._sync_client() as client:
            rows = client.schedules.list(
                workflow=workflow_id, enabled=enabled, sort_by=sort_by, sort_order=sort_order
            )
            for row in rows:
                yield _schedule(row)

    async def iter_schedules_async(
        self,
        workflow_id: Optional[str] = None,
        *,
        enabled: Optional[bool] = None,
        sort_by: Optional[Order] = None,
        sort_order: Optional[Literal["asc", "desc"]] = None,
    ) -> AsyncIterator[Schedule]:
        """Async variant of `iter_schedules`."""
        async with self._async_client() as client:
            rows = client.schedules.list(
                workflow=workflow_id, enabled=enabled, sort_by=sort_by, sort_order=sort_order
            )
            async for row in rows:
                yield _schedule(row)

    def update_schedule(self, schedule: Schedule) -> Schedule:
        """Updates the fields that were changed since the schedule was read."""
        sent = schedule.model_copy(deep=True)
        with self._sync_client() as client:
            changed = client.schedules.update(sent.id, **_changes(sent))
        schedule.mark_saved(sent)
        return _schedule(changed)

    async def update_schedule_async(self, schedule: Schedule) -> Schedule:
        """Async variant of `update_schedule`."""
        sent = schedule.model_copy(deep=True)
        async with self._async_client() as client:
            changed = await client.schedules.update(sent.id, **_changes(sent))
        schedule.mark_saved(sent)
        return _schedule(changed)

    def delete_schedule(self, schedule_id: str) -> stepwell.Deleted:
        """Deletes a schedule; its executions are kept."""
        with self._sync_client() as client:
            return client.schedules.delete(schedule_id)

    async def delete_schedule_async(self, schedule_id: str) -> stepwell.Deleted:
        """Async variant of `delete_schedule`."""
        async with self._async_client() as client:
            return await client.schedules.delete(schedule_id)


def _changes(schedule: Schedule) -> Mapping[str, Any]:
    return schedule.changes()


def _schedule(result: stepwell.Schedule) -> Schedule:
    return convert(Schedule, result)
