"""Follows the events of an execution across connections without losing or repeating one. No I/O.

Several events can have the same sequence number (a task that finishes is a `task` and a `progress`
event), older servers gave them the same id, and a connection can break between them. So a new
connection starts after the last sequence number whose events are all known, and the events of the
next number that were already delivered are skipped.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from time import monotonic
from typing import Any, Generic, Iterator, Mapping, Optional, TypeVar, Union

import httpx
from pydantic import ValidationError

from . import _execution_models as mm
from . import dataflow as m
from ._call import error_from_response, transport_error
from ._errors import (
    ConnectionFailedError,
    StepwellError,
    UnexpectedResponseError,
    WaitTimeoutError,
)
from ._lines import EventParser, LineSplitter, ServerSentEvent
from ._retry import is_retryable
from ._settings import AFTER_ALL_EVENTS, STREAM_TIMEOUT, Settings

E = TypeVar("E")


@dataclass(frozen=True)
class EventTypes(Generic[E]):
    """The event types of one API by name, the type of all other events, and the final statuses of
    an execution, after which there are no more events."""

    by_name: Mapping[str, type[Any]]
    other: type[Any]
    final_statuses: frozenset[str]

    def decode(self, message: ServerSentEvent) -> E:
        """The event in a message."""
        kind = self.by_name.get(message.event, self.other)
        try:
            data = json.loads(message.data)
            event: E = kind.model_validate({**data, "event": message.event, "id": message.id or ""})
        except (ValueError, TypeError, ValidationError) as error:
            raise UnexpectedResponseError(
                f"the event `{message.event}` {message.id} cannot be decoded: {error}"
            ) from error
        return event


DATAFLOW_EVENTS: EventTypes[m.Event] = EventTypes(
    {"status": m.StatusEvent, "task": m.TaskEvent, "progress": m.ProgressEvent, "log": m.LogEvent},
    m.OtherEvent,
    m.FINAL_STATUSES,
)
MANAGEMENT_EVENTS: EventTypes[mm.Event] = EventTypes(
    {"status": mm.StatusEvent, "step": mm.StepEvent, "log": mm.LogEvent},
    mm.OtherEvent,
    mm.FINAL_STATUSES,
)


class EventFollower(Generic[E]):
    """The position in the events of one execution, and the handling of lost connections."""

    def __init__(
        self,
        types: EventTypes[E],
        after: Union[int, str],
        execution_id: str,
        settings: Settings,
    ) -> None:
        self.ended = False
        self._types = types
        # All events up to this position are delivered.
        self._resume_after: Union[int, str] = after
        # The sequence number of the last event, and how many of its events are delivered.
        self._current: Optional[int] = None
        self._delivered = 0
        # How many events of the current number this connection still repeats.
        self._to_skip = 0
        self._execution_id = execution_id
        self._settings = settings
        self._failures = 0
        self._reset_connection()

    def _reset_connection(self) -> None:
        self._lines = LineSplitter()
        self._parser = EventParser()
        self._to_skip = self._delivered
        self._has_new_events = False
        self._cause: Optional[StepwellError] = None
        self._headers: Optional[Mapping[str, str]] = None

    def start_connection(self) -> dict[str, str]:
        """Prepares for a new connection; returns the headers of its request."""
        self._reset_connection()
        headers = {"Accept": "text/event-stream"}
        if self._resume_after:
            headers["Last-Event-ID"] = str(self._resume_after)
        return headers

    def feed(self, chunk: bytes) -> Iterator[E]:
        """The events that this chunk completes, without those that were delivered before."""
        for line in self._lines.feed(chunk):
            message = self._parser.feed(line)
            if message is None:
                continue
            event = self._types.decode(message)
            if self._is_new(event):
                self._has_new_events, self._failures = True, 0
                yield event

    def _is_new(self, event: E) -> bool:
        sequence: int = getattr(event, "sequence", 0)
        if sequence == self._current and self._to_skip:
            self._to_skip -= 1
            return False
        if sequence == self._current:
            self._delivered += 1
        else:
            if self._current is not None:
                self._resume_after = self._current
            self._current, self._delivered, self._to_skip = sequence, 1, 0
        if getattr(event, "event", None) == "status":
            self.ended |= getattr(event, "status", None) in self._types.final_statuses
        return True

    def on_error_response(self, response: httpx.Response) -> None:
        """Records an unsuccessful response; raises it if a retry would not help."""
        self._cause = error_from_response(response)
        if not is_retryable(response.status_code, response.headers, repeatable=True):
            raise self._cause
        self._headers = response.headers

    def on_connection_error(self, error: httpx.RequestError) -> None:
        """Records that the connection broke, or that there was none."""
        self._cause = transport_error(error, self._settings.server_label, self._execution_id)

    @property
    def closed_without_events(self) -> bool:
        """Whether the server closed the stream without an event: the execution ended before the
        position, or the server shuts down."""
        return self._cause is None and not self._has_new_events

    def reconnect_delay(self) -> float:
        """Seconds before the next connection; raises the last error after the last retry."""
        self._failures += 1
        delay = self._settings.retry_policy.delay(self._failures, self._headers)
        if delay is None or self._failures > self._settings.max_retries:
            raise self._cause or ConnectionFailedError(
                "the server closed the stream before the execution ended",
                execution_id=self._execution_id,
            )
        return delay


# Seconds by which a wait can exceed its timeout.
_ACCEPTED_DELAY = 1.0


class EndWaiter:
    """Waits for the end of an execution on its event stream. The stream starts after all events
    (`AFTER_ALL_EVENTS`), so it has none, and the server closes it when the execution has ended."""

    def __init__(self, execution_id: str, timeout: Optional[float], settings: Settings) -> None:
        self.headers = {
            "Accept": "text/event-stream",
            "Last-Event-ID": str(AFTER_ALL_EVENTS),
        }
        self._execution_id = execution_id
        self._timeout = timeout
        self._deadline = None if timeout is None else monotonic() + timeout
        self._settings = settings
        self._failures = 0
        self._retry_headers: Optional[Mapping[str, str]] = None

    def start_connection(self) -> httpx.Timeout:
        """Begins to wait; returns the timeouts of the connection."""
        self._connected = monotonic()
        self._read_timeout = self._settings.stream_timeout.read or STREAM_TIMEOUT
        left = self._time_left()
        if left is not None:
            self._read_timeout = min(self._read_timeout, max(left, 0.001))
        return self._settings.reading_timeout(self._read_timeout)

    def _time_left(self) -> Optional[float]:
        return None if self._deadline is None else self._deadline - monotonic()

    def check_deadline(self) -> None:
        """Raises `WaitTimeoutError` after the deadline."""
        left = self._time_left()
        if left is not None and left <= 0:
            raise WaitTimeoutError(self._execution_id, self._timeout or 0.0)

    @property
    def must_reconnect(self) -> bool:
        """Whether the connection, on which data has just arrived, would wait for data until long
        after the deadline. The server sends keep-alives every 15 s."""
        left = self._time_left()
        return left is not None and left < self._read_timeout - _ACCEPTED_DELAY

    def check_response(self, response: httpx.Response) -> None:
        """Raises an unsuccessful response if a retry would not help, or not soon."""
        if response.is_success:
            return
        self._retry_headers = response.headers
        is_final = self._settings.retry_policy.delay(1, response.headers) is None
        if is_final or not is_retryable(response.status_code, response.headers, repeatable=True):
            raise error_from_response(response)

    def pause(self) -> float:
        """Seconds before the next request. A stream that was open for a while was closed because
        the execution ended; one that was not can be a server that shuts down."""
        held = monotonic() - self._connected
        headers, self._retry_headers = self._retry_headers, None
        self._failures = 0 if held > 1.0 else self._failures + 1
        if self._failures <= 1 and headers is None:
            return 0.0
        delay = self._settings.retry_policy.delay(max(1, self._failures - 1), headers) or 0.0
        left = self._time_left()
        return delay if left is None else max(0.0, min(delay, left))
