"""Following an execution over several connections without losing or repeating an event. No I/O.

Several events can have the same sequence number (a task that settles is a `task` and a `progress`
event), older servers gave them one id, and a connection can break between them. So a new connection
begins after the last number that is known to be whole, and what was seen of the next one is
skipped.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Generic, Iterator, Mapping, Optional, TypeVar, Union

import httpx
from pydantic import ValidationError

from . import _management_models as mm
from . import _models as m
from ._call import broken, refusal
from ._errors import ConnectionFailedError, StepwellError, UnexpectedAnswerError
from ._lines import Lines, Message, Messages
from ._retry import RETRIED_STATUSES, RetryPolicy

E = TypeVar("E")


@dataclass(frozen=True)
class Kinds(Generic[E]):
    """The events of one API by their names, what the others are read as, and the statuses after
    which there are no more."""

    known: Mapping[str, type[Any]]
    other: type[Any]
    ended: frozenset[str]

    def read(self, message: Message) -> E:
        """The event that a message is."""
        kind = self.known.get(message.event, self.other)
        try:
            data = json.loads(message.data)
            event: E = kind.model_validate({**data, "event": message.event, "id": message.id or ""})
        except (ValueError, TypeError, ValidationError) as error:
            raise UnexpectedAnswerError(
                f"the event `{message.event}` {message.id} is not readable: {error}"
            ) from error
        return event


EVENTS: Kinds[m.Event] = Kinds(
    {"status": m.StatusEvent, "task": m.TaskEvent, "progress": m.ProgressEvent, "log": m.LogEvent},
    m.OtherEvent,
    m.ENDED,
)
MANAGEMENT_EVENTS: Kinds[mm.Event] = Kinds(
    {"status": mm.StatusEvent, "step": mm.StepEvent, "log": mm.LogEvent},
    mm.OtherEvent,
    mm.ENDED_STATUSES,
)


class Follower(Generic[E]):
    """The reader's place in the events of one execution, and what becomes of lost connections."""

    def __init__(
        self,
        kinds: Kinds[E],
        after: Union[int, str],
        execution_id: str,
        *,
        server: str,
        policy: RetryPolicy,
    ) -> None:
        self.ended = False
        self._kinds = kinds
        self._whole: Union[int, str] = after
        self._current: Optional[int] = None
        self._seen = 0
        self._skip = 0
        self._execution_id = execution_id
        self._server = server
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

    def feed(self, chunk: bytes) -> Iterator[E]:
        """The events that this chunk completes, without those that were seen before."""
        for line in self._lines.feed(chunk):
            message = self._messages.feed(line)
            event = self._take(self._kinds.read(message)) if message is not None else None
            if event is not None:
                self._heard, self._failed = True, 0
                yield event

    def _take(self, event: E) -> Optional[E]:
        sequence: int = getattr(event, "sequence", 0)
        if sequence == self._current and self._skip:
            self._skip -= 1
            return None
        if sequence == self._current:
            self._seen += 1
        else:
            self._whole = self._whole if self._current is None else self._current
            self._current, self._seen, self._skip = sequence, 1, 0
        told = getattr(event, "event", None) == "status"
        if told and getattr(event, "status", None) in self._kinds.ended:
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
        self._cause = broken(error, self._server, self._execution_id)

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
