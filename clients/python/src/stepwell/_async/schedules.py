"""Executions that start by themselves: `/api/v1/workflow_schedules`."""

from __future__ import annotations

from typing import AsyncGenerator, Optional, Sequence

from typing_extensions import Unpack

from .. import _schedule_models as s
from .._call import Call, get, given, listed, path, post, put, query_of, removal, wrapped
from .._management import SCHEDULE, SCHEDULES, WORKFLOW
from .._management_models import Deleted, Page
from .resource import AsyncResource


class AsyncSchedules(AsyncResource):
    """The calls on schedules: `client.schedules`."""

    async def create(
        self,
        workflow_id: str,
        name: str,
        schedule_type: s.ScheduleType,
        *,
        idempotency_key: Optional[str] = None,
        **parts: Unpack[s.ScheduleParts],
    ) -> s.Schedule:
        """Schedules a workflow."""
        body = given(name=name, schedule_type=schedule_type, **parts)
        where = path(WORKFLOW + "/schedules", workflow_id)
        call = post(where, wrapped(s.Schedule), body, key=idempotency_key)
        return await self._client._send(call)

    async def get(self, schedule_id: str) -> s.Schedule:
        """A schedule with its next firing and its last execution."""
        return await self._client._send(get(path(SCHEDULE, schedule_id), wrapped(s.Schedule)))

    async def list(self, **options: Unpack[s.ScheduleListOptions]) -> Page[s.ScheduleRow]:
        """A page of schedules."""
        return await self._client._send(listed(SCHEDULES, Page[s.ScheduleRow], options))

    def iter(
        self,
        **selection: Unpack[s.ScheduleSelection],
    ) -> AsyncGenerator[s.ScheduleRow, None]:
        """All schedules, page by page."""
        return self._client._each(SCHEDULES, Page[s.ScheduleRow], query_of(selection))

    async def update(self, schedule_id: str, **changes: Unpack[s.ScheduleChange]) -> s.Schedule:
        """Changes what is given."""
        call = put(path(SCHEDULE, schedule_id), wrapped(s.Schedule), changes)
        return await self._client._send(call)

    async def delete(self, schedule_id: str) -> Deleted:
        """Deletes a schedule; its executions stay."""
        return await self._client._send(removal(path(SCHEDULE, schedule_id), wrapped(Deleted)))

    async def trigger(
        self, schedule_id: str, *, idempotency_key: Optional[str] = None
    ) -> s.TriggeredSchedule:
        """Starts an execution now, whatever its policies; the next firing stays where it is."""
        where = path(SCHEDULE + "/trigger", schedule_id)
        call = post(where, wrapped(s.TriggeredSchedule), key=idempotency_key)
        return await self._client._send(call)

    async def pause(self, schedule_id: str, *, idempotency_key: Optional[str] = None) -> s.Schedule:
        """Disables a schedule; firings that wait are dropped."""
        where = path(SCHEDULE + "/pause", schedule_id)
        return await self._client._send(post(where, wrapped(s.Schedule), key=idempotency_key))

    async def resume(
        self, schedule_id: str, *, idempotency_key: Optional[str] = None
    ) -> s.Schedule:
        """Enables a schedule; what it has missed is not made up for."""
        where = path(SCHEDULE + "/resume", schedule_id)
        return await self._client._send(post(where, wrapped(s.Schedule), key=idempotency_key))

    async def pause_many(
        self,
        *,
        workflow_id: Optional[str] = None,
        schedule_ids: Optional[Sequence[str]] = None,
        all: bool = False,
        idempotency_key: Optional[str] = None,
    ) -> s.SchedulesChanged:
        """Pauses the schedules of a workflow, those that are named, or all of the workspace."""
        call = _many("/pause", workflow_id, schedule_ids, all, idempotency_key)
        return await self._client._send(call)

    async def resume_many(
        self,
        *,
        workflow_id: Optional[str] = None,
        schedule_ids: Optional[Sequence[str]] = None,
        all: bool = False,
        idempotency_key: Optional[str] = None,
    ) -> s.SchedulesChanged:
        """Resumes the schedules of a workflow, those that are named, or all of the workspace."""
        call = _many("/resume", workflow_id, schedule_ids, all, idempotency_key)
        return await self._client._send(call)

    async def preview(
        self, cron: str, *, timezone: Optional[str] = None, count: Optional[int] = None
    ) -> s.SchedulePreview:
        """When a cron expression fires next, `count` times (default 10, at most 100)."""
        read = wrapped(s.SchedulePreview)
        call = get("/api/v1/schedules/preview", read, cron=cron, timezone=timezone, count=count)
        return await self._client._send(call)


def _many(
    verb: str,
    workflow_id: Optional[str],
    schedule_ids: Optional[Sequence[str]],
    everything: bool,
    key: Optional[str],
) -> Call[s.SchedulesChanged]:
    ids = None if schedule_ids is None else list(schedule_ids)
    body = given(workflow_id=workflow_id, schedule_ids=ids, all=True if everything else None)
    return post(SCHEDULES + verb, wrapped(s.SchedulesChanged), body, key=key)
