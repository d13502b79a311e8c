# Generated from `_async/schedules.py` by `scripts/generate_sync.py`. Do not edit.
"""Schedules: `/api/v1/workflow_schedules`."""

from __future__ import annotations

from typing import Generator, Optional, Sequence

from typing_extensions import Unpack

from .. import _schedule_models as s
from .._call import (
    Call,
    build_path,
    decode_data,
    delete_with_result,
    get,
    list_page,
    post,
    put,
    query_params,
    string_list,
    without_none,
)
from .._management import SCHEDULE, SCHEDULES, WORKFLOW
from .._management_models import Deleted, Page
from .resource import Resource


class Schedules(Resource):
    """Calls for schedules: `client.schedules`."""

    def create(
        self,
        workflow_id: str,
        name: str,
        schedule_type: s.ScheduleType,
        *,
        idempotency_key: Optional[str] = None,
        **fields: Unpack[s.ScheduleFields],
    ) -> s.Schedule:
        """Creates a schedule for a workflow."""
        body = without_none(name=name, schedule_type=schedule_type, **fields)
        url_path = build_path(WORKFLOW + "/schedules", workflow_id)
        call = post(url_path, decode_data(s.Schedule), body, key=idempotency_key)
        return self._client._send(call)

    def get(self, schedule_id: str) -> s.Schedule:
        """Returns a schedule with its next and its last execution."""
        return self._client._send(
            get(build_path(SCHEDULE, schedule_id), decode_data(s.Schedule))
        )

    def list(self, **options: Unpack[s.ScheduleListOptions]) -> Page[s.ScheduleRow]:
        """Returns a page of schedules."""
        return self._client._send(list_page(SCHEDULES, Page[s.ScheduleRow], options))

    def iter(
        self,
        **selection: Unpack[s.ScheduleSelection],
    ) -> Generator[s.ScheduleRow, None, None]:
        """Iterates over all schedules, page by page."""
        return self._client._iter_pages(SCHEDULES, Page[s.ScheduleRow], query_params(selection))

    def update(self, schedule_id: str, **changes: Unpack[s.ScheduleChange]) -> s.Schedule:
        """Updates the given fields."""
        call = put(build_path(SCHEDULE, schedule_id), decode_data(s.Schedule), changes)
        return self._client._send(call)

    def delete(self, schedule_id: str) -> Deleted:
        """Deletes a schedule; its executions are kept."""
        return self._client._send(
            delete_with_result(build_path(SCHEDULE, schedule_id), decode_data(Deleted))
        )

    def trigger(
        self, schedule_id: str, *, idempotency_key: Optional[str] = None
    ) -> s.TriggeredSchedule:
        """Starts an execution now, regardless of the policies; the next firing does not change."""
        url_path = build_path(SCHEDULE + "/trigger", schedule_id)
        call = post(url_path, decode_data(s.TriggeredSchedule), key=idempotency_key)
        return self._client._send(call)

    def pause(self, schedule_id: str, *, idempotency_key: Optional[str] = None) -> s.Schedule:
        """Disables a schedule; queued firings are dropped."""
        url_path = build_path(SCHEDULE + "/pause", schedule_id)
        return self._client._send(
            post(url_path, decode_data(s.Schedule), key=idempotency_key)
        )

    def resume(
        self, schedule_id: str, *, idempotency_key: Optional[str] = None
    ) -> s.Schedule:
        """Enables a schedule; missed firings are not made up for."""
        url_path = build_path(SCHEDULE + "/resume", schedule_id)
        return self._client._send(
            post(url_path, decode_data(s.Schedule), key=idempotency_key)
        )

    def pause_many(
        self,
        *,
        workflow_id: Optional[str] = None,
        schedule_ids: Optional[Sequence[str]] = None,
        all: bool = False,
        idempotency_key: Optional[str] = None,
    ) -> s.SchedulesChanged:
        """Pauses the schedules of a workflow, those in `schedule_ids`, or all of the workspace."""
        call = _bulk_change("/pause", workflow_id, schedule_ids, all, idempotency_key)
        return self._client._send(call)

    def resume_many(
        self,
        *,
        workflow_id: Optional[str] = None,
        schedule_ids: Optional[Sequence[str]] = None,
        all: bool = False,
        idempotency_key: Optional[str] = None,
    ) -> s.SchedulesChanged:
        """Resumes the schedules of a workflow, those in `schedule_ids`, or all of the workspace."""
        call = _bulk_change("/resume", workflow_id, schedule_ids, all, idempotency_key)
        return self._client._send(call)

    def preview(
        self, cron: str, *, timezone: Optional[str] = None, count: Optional[int] = None
    ) -> s.SchedulePreview:
        """Returns the next `count` firings of a cron expression (default 10, at most 100)."""
        decode = decode_data(s.SchedulePreview)
        call = get("/api/v1/schedules/preview", decode, cron=cron, timezone=timezone, count=count)
        return self._client._send(call)


def _bulk_change(
    verb: str,
    workflow_id: Optional[str],
    schedule_ids: Optional[Sequence[str]],
    all_schedules: bool,
    key: Optional[str],
) -> Call[s.SchedulesChanged]:
    ids = None if schedule_ids is None else string_list("schedule_ids", schedule_ids)
    body = without_none(
        workflow_id=workflow_id, schedule_ids=ids, all=True if all_schedules else None
    )
    return post(SCHEDULES + verb, decode_data(s.SchedulesChanged), body, key=key)
