"""Schedules: `/api/v1/workflow_schedules`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Optional, Union

from .. import _schedule_models as m
from .._base import Deleted, SortOrder, Timestamp
from .._call import build_path, change, decode_data, get, list_query, post, string_list
from .._execution_models import Execution
from .._omit import OMIT, Omit, given, without_none
from .._paging import page_request
from .._paths import SCHEDULE, SCHEDULES, WORKFLOW
from .pages import AsyncPaginator
from .resource import AsyncResource

if TYPE_CHECKING:
    from .raw import AsyncSchedulesWithRawResponse

ScheduleOrder = Literal["created_at", "updated_at", "name", "next_execution"]


class AsyncSchedules(AsyncResource):
    """Schedules, which start executions at given times: `client.schedules`."""

    @property
    def with_raw_response(self) -> AsyncSchedulesWithRawResponse:
        """The same methods, which return a `RawResponse`."""
        from .raw import AsyncSchedulesWithRawResponse

        return AsyncSchedulesWithRawResponse(self)

    async def create(
        self,
        workflow: str,
        name: str,
        schedule_type: m.ScheduleType,
        *,
        description: Optional[str] = None,
        cron_expression: Optional[str] = None,
        interval_value: Optional[int] = None,
        interval_unit: Optional[m.IntervalUnit] = None,
        execution_time: Optional[Timestamp] = None,
        timezone: Optional[str] = None,
        parameters: Optional[Mapping[str, Any]] = None,
        release_tag: Optional[str] = None,
        enabled: Optional[bool] = None,
        misfire_policy: Optional[m.MisfirePolicy] = None,
        overlap_policy: Optional[m.OverlapPolicy] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.Schedule:
        """Creates a schedule for a workflow (an id or a name). `cron` requires a `cron_expression`,
        `interval` an `interval_value` and `interval_unit`, `fixed_time` an `execution_time`.
        `parameters` are those of the executions. Each firing runs the release of `release_tag`, by
        default the newest."""
        body = without_none(
            name=name,
            schedule_type=schedule_type,
            description=description,
            cron_expression=cron_expression,
            interval_value=interval_value,
            interval_unit=interval_unit,
            execution_time=execution_time,
            timezone=timezone,
            parameters=parameters,
            release_tag=release_tag,
            enabled=enabled,
            misfire_policy=misfire_policy,
            overlap_policy=overlap_policy,
        )
        url_path = await self._workflow_path(WORKFLOW + "/schedules", workflow)
        decode = decode_data(m.Schedule)
        return await self._send(post(url_path, decode, body, key=idempotency_key, timeout=timeout))

    async def get(self, schedule_id: str, *, timeout: Optional[float] = None) -> m.Schedule:
        """Returns a schedule with its next and its last execution."""
        url_path = build_path(SCHEDULE, schedule_id)
        return await self._send(get(url_path, decode_data(m.Schedule), timeout=timeout))

    def list(
        self,
        *,
        workflow: Optional[str] = None,
        enabled: Optional[bool] = None,
        schedule_type: Optional[m.ScheduleType] = None,
        sort_by: Optional[ScheduleOrder] = None,
        sort_order: Optional[SortOrder] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> AsyncPaginator[m.Schedule]:
        """Lists schedules, newest first by default. `workflow` is an id or a name."""
        query = list_query(
            enabled=enabled,
            schedule_type=schedule_type,
            sort_by=sort_by,
            sort_order=sort_order,
            page=page,
            page_size=page_size,
        )
        return self._list(page_request(SCHEDULES, m.Schedule, query, timeout), workflow)

    async def update(
        self,
        schedule_id: str,
        *,
        name: Union[str, Omit] = OMIT,
        schedule_type: Union[m.ScheduleType, Omit] = OMIT,
        description: Union[str, None, Omit] = OMIT,
        cron_expression: Union[str, None, Omit] = OMIT,
        interval_value: Union[int, None, Omit] = OMIT,
        interval_unit: Union[m.IntervalUnit, None, Omit] = OMIT,
        execution_time: Union[Timestamp, None, Omit] = OMIT,
        timezone: Union[str, None, Omit] = OMIT,
        parameters: Union[Mapping[str, Any], None, Omit] = OMIT,
        release_tag: Union[str, None, Omit] = OMIT,
        enabled: Union[bool, None, Omit] = OMIT,
        misfire_policy: Union[m.MisfirePolicy, None, Omit] = OMIT,
        overlap_policy: Union[m.OverlapPolicy, None, Omit] = OMIT,
        timeout: Optional[float] = None,
    ) -> m.Schedule:
        """Updates the given fields; None clears a field."""
        body = given(
            name=name,
            schedule_type=schedule_type,
            description=description,
            cron_expression=cron_expression,
            interval_value=interval_value,
            interval_unit=interval_unit,
            execution_time=execution_time,
            timezone=timezone,
            parameters=parameters,
            release_tag=release_tag,
            enabled=enabled,
            misfire_policy=misfire_policy,
            overlap_policy=overlap_policy,
        )
        url_path = build_path(SCHEDULE, schedule_id)
        call = change("PUT", url_path, decode_data(m.Schedule), body, timeout=timeout)
        return await self._send(call)

    async def delete(self, schedule_id: str, *, timeout: Optional[float] = None) -> Deleted:
        """Deletes a schedule; its executions are kept."""
        url_path = build_path(SCHEDULE, schedule_id)
        return await self._send(change("DELETE", url_path, decode_data(Deleted), timeout=timeout))

    async def trigger(
        self,
        schedule_id: str,
        *,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> Execution:
        """Starts an execution now, regardless of the policies; the next firing does not change."""
        url_path = build_path(SCHEDULE + "/trigger", schedule_id)
        decode = decode_data(Execution)
        return await self._send(post(url_path, decode, key=idempotency_key, timeout=timeout))

    async def pause(
        self,
        schedule_id: str,
        *,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.Schedule:
        """Disables a schedule; queued firings are dropped."""
        url_path = build_path(SCHEDULE + "/pause", schedule_id)
        decode = decode_data(m.Schedule)
        return await self._send(post(url_path, decode, key=idempotency_key, timeout=timeout))

    async def resume(
        self,
        schedule_id: str,
        *,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.Schedule:
        """Enables a schedule; missed firings are not made up for."""
        url_path = build_path(SCHEDULE + "/resume", schedule_id)
        decode = decode_data(m.Schedule)
        return await self._send(post(url_path, decode, key=idempotency_key, timeout=timeout))

    async def pause_many(
        self,
        *,
        workflow: Optional[str] = None,
        schedule_ids: Optional[Sequence[str]] = None,
        all: bool = False,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.SchedulesChanged:
        """Pauses the schedules of a workflow, those in `schedule_ids`, or all of the workspace."""
        body = await self._selection(workflow, schedule_ids, all)
        url_path, decode = SCHEDULES + "/pause", decode_data(m.SchedulesChanged)
        return await self._send(post(url_path, decode, body, key=idempotency_key, timeout=timeout))

    async def resume_many(
        self,
        *,
        workflow: Optional[str] = None,
        schedule_ids: Optional[Sequence[str]] = None,
        all: bool = False,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.SchedulesChanged:
        """Resumes the schedules of a workflow, those in `schedule_ids`, or all of the workspace."""
        body = await self._selection(workflow, schedule_ids, all)
        url_path, decode = SCHEDULES + "/resume", decode_data(m.SchedulesChanged)
        return await self._send(post(url_path, decode, body, key=idempotency_key, timeout=timeout))

    async def _selection(
        self, workflow: Optional[str], schedule_ids: Optional[Sequence[str]], is_all: bool
    ) -> dict[str, Any]:
        return without_none(
            workflow_id=None if workflow is None else await self._workflow_id(workflow),
            schedule_ids=None
            if schedule_ids is None
            else string_list("schedule_ids", schedule_ids),
            all=is_all or None,
        )

    async def preview(
        self,
        cron_expression: str,
        *,
        timezone: Optional[str] = None,
        count: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> m.SchedulePreview:
        """Returns the next `count` firings of a cron expression (default 10, at most 100)."""
        call = get(
            "/api/v1/schedules/preview",
            decode_data(m.SchedulePreview),
            timeout=timeout,
            cron=cron_expression,
            timezone=timezone,
            count=count,
        )
        return await self._send(call)
