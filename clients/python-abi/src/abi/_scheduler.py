"""`WorkflowScheduler`."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Mapping, Optional

from stepwell import management
from typing_extensions import Unpack

from ._service import Service
from ._tracked import Tracked

Page = management.Page


class Schedule(management.Schedule, Tracked):
    """A schedule. Change it, also inside of its parameters, and give it to `update_schedule`."""

    WRITABLE: ClassVar[tuple[str, ...]] = (
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


class WorkflowScheduler(Service):
    """Creates, finds, changes and deletes schedules."""

    def create_schedule(
        self,
        workflow_id: str,
        name: str,
        schedule_type: management.ScheduleType,
        **parts: Unpack[management.ScheduleParts],
    ) -> Schedule:
        """Schedules a workflow: by a `cron_expression`, at an interval (`interval_value`,
        `interval_unit`), or once at an `execution_time`."""
        with self._calling() as client:
            return _schedule(client.schedules.create(workflow_id, name, schedule_type, **parts))

    async def create_schedule_async(
        self,
        workflow_id: str,
        name: str,
        schedule_type: management.ScheduleType,
        **parts: Unpack[management.ScheduleParts],
    ) -> Schedule:
        """As `create_schedule`."""
        async with self._calling_async() as client:
            made = await client.schedules.create(workflow_id, name, schedule_type, **parts)
            return _schedule(made)

    def get_schedule(self, schedule_id: str) -> Schedule:
        """A schedule with its next firing and its last execution."""
        with self._calling() as client:
            return _schedule(client.schedules.get(schedule_id))

    async def get_schedule_async(self, schedule_id: str) -> Schedule:
        """As `get_schedule`."""
        async with self._calling_async() as client:
            return _schedule(await client.schedules.get(schedule_id))

    def list_schedules(
        self,
        workflow_id: Optional[str] = None,
        *,
        enabled: Optional[bool] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        sort_by: Optional[str] = None,
        sort_order: Optional[Literal["asc", "desc"]] = None,
    ) -> Page[management.ScheduleRow]:
        """A page of schedules, newest first."""
        with self._calling() as client:
            return client.schedules.list(
                workflow_id=workflow_id,
                enabled=enabled,
                page=page,
                page_size=page_size,
                sort_by=sort_by,
                sort_order=sort_order,
            )

    async def list_schedules_async(
        self,
        workflow_id: Optional[str] = None,
        *,
        enabled: Optional[bool] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        sort_by: Optional[str] = None,
        sort_order: Optional[Literal["asc", "desc"]] = None,
    ) -> Page[management.ScheduleRow]:
        """As `list_schedules`."""
        async with self._calling_async() as client:
            return await client.schedules.list(
                workflow_id=workflow_id,
                enabled=enabled,
                page=page,
                page_size=page_size,
                sort_by=sort_by,
                sort_order=sort_order,
            )

    def update_schedule(self, schedule: Schedule) -> Schedule:
        """Stores what was changed in a schedule since it was read, and nothing else."""
        with self._calling() as client:
            return _schedule(client.schedules.update(schedule.id, **_changes(schedule)))

    async def update_schedule_async(self, schedule: Schedule) -> Schedule:
        """As `update_schedule`."""
        async with self._calling_async() as client:
            return _schedule(await client.schedules.update(schedule.id, **_changes(schedule)))

    def delete_schedule(self, schedule_id: str) -> management.Deleted:
        """Deletes a schedule; its executions stay."""
        with self._calling() as client:
            return client.schedules.delete(schedule_id)

    async def delete_schedule_async(self, schedule_id: str) -> management.Deleted:
        """As `delete_schedule`."""
        async with self._calling_async() as client:
            return await client.schedules.delete(schedule_id)


def _changes(schedule: Schedule) -> Mapping[str, Any]:
    return schedule.changes()


def _schedule(found: management.Schedule) -> Schedule:
    return Schedule.model_validate(found.model_dump(exclude_unset=True))
