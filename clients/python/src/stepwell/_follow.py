"""Following an execution over several connections without losing or repeating an event. No I/O.

Several events can have the same id (a task that settles is a `task` and a `progress` event), and a
connection can break between them. So a new connection begins after the last id that is known to be
whole, and what was seen of the next one is skipped.
"""

from __future__ import annotations

import json
from typing import Any, Iterator, Mapping, Optional

import httpx
from pydantic import ValidationError

from ._call import broken, refusal
from ._errors import ConnectionFailedError, StepwellError, UnexpectedAnswerError
from ._lines import Lines, Message, Messages
from ._models import (
    ENDED,
    Event,
    LogEvent,
    OtherEvent,
    ProgressEvent,
    StatusEvent,
    TaskEvent,
)
from ._retry import RETRIED_STATUSES, RetryPolicy

_KINDS: Mapping[str, type[Any]] = {
    "status": StatusEvent,
    "task": TaskEvent,
    "progress": ProgressEvent,
    "log": LogEvent,
}


class Follower:
    """The reader's place in the events of one execution, and what becomes of lost connections."""

    def __init__(self, after: int, execution_id: str, base_url: str, policy: RetryPolicy) -> None:
        self.ended = False
        self._whole = after
        self._current: Optional[int] = None
        self._seen = 0
        self._skip = 0
        self._execution_id = execution_id
        self._base_url = base_url
        self._policy = policy
        self._failed = 0
        self._new_connection()

    def _new_connection(self) -> None:
        self._lines = Lines()
        self._messages = Messages()
        self._skip = self._seen
        self._heard = False
        self._cause: Optional[StepwellError] = None
        self._headers: Optional[Mapping[str, str]] = None

    def connect(self) -> dict[str, str]:
        """Begins a connection; the headers it needs."""
        self._new_connection()
        headers = {"Accept": "text/event-stream"}
        if self._whole:
            headers["Last-Event-ID"] = str(self._whole)
        return headers

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """The events that this chunk completes, without those that were seen before."""
        for line in self._lines.feed(chunk):
            message = self._messages.feed(line)
            event = self._take(_event(message)) if message is not None else None
            if event is not None:
                self._heard, self._failed = True, 0
                yield event

    def _take(self, event: Event) -> Optional[Event]:
        if event.sequence == self._current and self._skip:
            self._skip -= 1
            return None
        if event.sequence == self._current:
            self._seen += 1
        else:
            self._whole = self._whole if self._current is None else self._current
            self._current, self._seen, self._skip = event.sequence, 1, 0
        if isinstance(event, StatusEvent) and event.status in ENDED:
            self.ended = True
        return event

    def refused(self, response: httpx.Response) -> None:
        """The server did not let the reader in. Raises where another try would not help."""
        self._cause = refusal(response)
        if response.status_code not in RETRIED_STATUSES:
            raise self._cause
        self._headers = response.headers

    def lost(self, error: httpx.RequestError) -> None:
        """The connection broke off, or there was none."""
        self._cause = broken(error, self._base_url, self._execution_id)

    @property
    def silent(self) -> bool:
        """Whether the server closed the stream without a word: the execution ended before the
        reader's place, or the server stops."""
        return self._cause is None and not self._heard

    def pause(self) -> float:
        """Seconds before the next connection; raises the cause where there is to be none."""
        self._failed += 1
        delay = self._policy.delay(self._failed, self._headers)
        if delay is None:
            raise self._cause or ConnectionFailedError(
                "the server closed the stream before the execution ended",
                execution_id=self._execution_id,
            )
        return delay


def _event(message: Message) -> Event:
    kind = _KINDS.get(message.event, OtherEvent)
    try:
        data = json.loads(message.data)
        event: Event = kind.model_validate({**data, "event": message.event})
    except (ValueError, TypeError, ValidationError) as error:
        raise UnexpectedAnswerError(
            f"the event `{message.event}` {message.id} is not readable: {error}"
        ) from error
    return event
