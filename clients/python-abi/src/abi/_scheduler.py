"""`WorkflowScheduler`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar, Literal, Mapping, Optional, Union

from stepwell import management
from typing_extensions import Unpack

from ._service import Service
from ._tracked import Tracked

Page = management.Page


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


class ScheduleRow(management.ScheduleRow, Tracked):
    """A schedule in a list. It can be changed, too, and given to `update_schedule`."""

    WRITABLE: ClassVar[tuple[str, ...]] = _WRITABLE


class Schedule(management.Schedule, Tracked):
    """A schedule. Change it, also inside of its parameters, and give it to `update_schedule`."""

    WRITABLE: ClassVar[tuple[str, ...]] = _WRITABLE


class WorkflowScheduler(Service):
    """Creates, finds, changes and deletes schedules."""

    def create_schedule(
        self,
        workflow_id: str,
        name: str,
        schedule_type: management.ScheduleType,
        *,
        idempotency_key: Optional[str] = None,
        **parts: Unpack[management.ScheduleFields],
    ) -> Schedule:
        """Schedules a workflow: by a `cron_expression`, at an interval (`interval_value`,
        `interval_unit`), or once at an `execution_time`. With an `idempotency_key` of your own,
        calling again makes no second one."""
        with self._calling() as client:
            made = client.schedules.create(
                workflow_id, name, schedule_type, idempotency_key=idempotency_key, **parts
            )
        return _schedule(made)

    async def create_schedule_async(
        self,
        workflow_id: str,
        name: str,
        schedule_type: management.ScheduleType,
        *,
        idempotency_key: Optional[str] = None,
        **parts: Unpack[management.ScheduleFields],
    ) -> Schedule:
        """As `create_schedule`."""
        async with self._calling_async() as client:
            made = await client.schedules.create(
                workflow_id, name, schedule_type, idempotency_key=idempotency_key, **parts
            )
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
    ) -> Page[ScheduleRow]:
        """A page of schedules, newest first."""
        with self._calling() as client:
            found = client.schedules.list(
                workflow_id=workflow_id,
                enabled=enabled,
                page=page,
                page_size=page_size,
                sort_by=sort_by,
                sort_order=sort_order,
            )
        return _page(found)

    async def list_schedules_async(
        self,
        workflow_id: Optional[str] = None,
        *,
        enabled: Optional[bool] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        sort_by: Optional[str] = None,
        sort_order: Optional[Literal["asc", "desc"]] = None,
    ) -> Page[ScheduleRow]:
        """As `list_schedules`."""
        async with self._calling_async() as client:
            found = await client.schedules.list(
                workflow_id=workflow_id,
                enabled=enabled,
                page=page,
                page_size=page_size,
                sort_by=sort_by,
                sort_order=sort_order,
            )
        return _page(found)

    def iter_schedules(
        self,
        workflow_id: Optional[str] = None,
        *,
        enabled: Optional[bool] = None,
        sort_by: Optional[str] = None,
        sort_order: Optional[Literal["asc", "desc"]] = None,
    ) -> Iterator[ScheduleRow]:
        """All schedules, page by page; the arguments are those of `list_schedules`."""
        with self._calling() as client:
            rows = client.schedules.iter(
                workflow_id=workflow_id, enabled=enabled, sort_by=sort_by, sort_order=sort_order
            )
            for row in rows:
                yield _row(row)

    async def iter_schedules_async(
        self,
        workflow_id: Optional[str] = None,
        *,
        enabled: Optional[bool] = None,
        sort_by: Optional[str] = None,
        sort_order: Optional[Literal["asc", "desc"]] = None,
    ) -> AsyncIterator[ScheduleRow]:
        """As `iter_schedules`."""
        async with self._calling_async() as client:
            rows = client.schedules.iter(
                workflow_id=workflow_id, enabled=enabled, sort_by=sort_by, sort_order=sort_order
            )
            async for row in rows:
                yield _row(row)

    def update_schedule(self, schedule: Union[Schedule, ScheduleRow]) -> Schedule:
        """Stores what was changed in a schedule since it was read, and nothing else."""
        sent = schedule.model_copy(deep=True)
        with self._calling() as client:
            changed = client.schedules.update(sent.id, **_changes(sent))
        schedule.stored(sent)
        return _schedule(changed)

    async def update_schedule_async(self, schedule: Union[Schedule, ScheduleRow]) -> Schedule:
        """As `update_schedule`."""
        sent = schedule.model_copy(deep=True)
        async with self._calling_async() as client:
            changed = await client.schedules.update(sent.id, **_changes(sent))
        schedule.stored(sent)
        return _schedule(changed)

    def delete_schedule(self, schedule_id: str) -> management.Deleted:
        """Deletes a schedule; its executions stay."""
        with self._calling() as client:
            return client.schedules.delete(schedule_id)

    async def delete_schedule_async(self, schedule_id: str) -> management.Deleted:
        """As `delete_schedule`."""
        async with self._calling_async() as client:
            return await client.schedules.delete(schedule_id)


def _changes(schedule: Union[Schedule, ScheduleRow]) -> Mapping[str, Any]:
    return schedule.changes()


def _schedule(found: management.Schedule) -> Schedule:
    return Schedule.model_validate(found.model_dump(exclude_unset=True))


def _row(found: management.ScheduleRow) -> ScheduleRow:
    return ScheduleRow.model_validate(found.model_dump(exclude_unset=True))


def _page(found: Page[management.ScheduleRow]) -> Page[ScheduleRow]:
    items = [_row(row) for row in found.items]
    return Page[ScheduleRow](items=items, pagination=found.pagination)
