# Made of `_async/executions.py` by `scripts/make_sync.py`: change that one.
"""Executing workflows, and what becomes of it."""

from __future__ import annotations

import time
from time import monotonic
from typing import Any, Generator, Mapping, Optional, Sequence, Union

from .. import _models as m
from .._call import get, model, path, post
from .._errors import WaitTimeoutError
from .._follow import EVENTS
from .._run import EXECUTION, execute, run
from .._settings import FIRST_LOOK, SLOWEST_LOOK
from .transport import Transport


class Executions(Transport):
    """The calls on executions."""

    def execute(
        self,
        workflow_id: str,
        input: Any = None,
        *,
        webhook_url: Optional[str] = None,
        secrets: Optional[Mapping[str, str]] = None,
        idempotency_key: Optional[str] = None,
    ) -> m.ExecutionAccepted:
        """Queues an execution. `secrets` (name to value) are for this execution only."""
        return self._send(execute(workflow_id, input, webhook_url, secrets, idempotency_key))

    def run(
        self,
        workflow_id: str,
        input: Any = None,
        *,
        webhook_url: Optional[str] = None,
        secrets: Optional[Mapping[str, str]] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.Execution:
        """Executes a workflow and waits until it ended, up to `timeout` seconds (None: for ever).

        A failed execution is returned, not raised: see `Execution.raise_for_status`. Raises
        `WaitTimeoutError` when the time is over.
        """
        begun = monotonic()
        call = run(workflow_id, input, webhook_url, secrets, idempotency_key, timeout)
        outcome = self._send(call)
        if isinstance(outcome, m.Execution):
            return outcome
        return self._wait(workflow_id, outcome.execution_id, timeout, begun)

    def wait(
        self, workflow_id: str, execution_id: str, *, timeout: Optional[float] = None
    ) -> m.Execution:
        """The execution once it ended; `WaitTimeoutError` after `timeout` seconds."""
        return self._wait(workflow_id, execution_id, timeout, monotonic())

    def _wait(
        self, workflow_id: str, execution_id: str, timeout: Optional[float], begun: float
    ) -> m.Execution:
        look = FIRST_LOOK
        while True:
            execution = self.get_execution(workflow_id, execution_id)
            if execution.ended:
                return execution
            pause = look
            if timeout is not None:
                left = begun + timeout - monotonic()
                if left <= 0:
                    raise WaitTimeoutError(execution_id, timeout)
                pause = min(look, left)
            time.sleep(pause)
            look = min(look * 1.5, SLOWEST_LOOK)

    def get_execution(self, workflow_id: str, execution_id: str) -> m.Execution:
        """An execution with its tasks."""
        return self._send(get(path(EXECUTION, workflow_id, execution_id), model(m.Execution)))

    def list_executions(
        self,
        workflow_id: str,
        *,
        status: Union[str, Sequence[str], None] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> m.ExecutionPage:
        """A page of a workflow's executions, newest first; `status` is one or several."""
        statuses = status if status is None or isinstance(status, str) else ",".join(status)
        where = path("/workflows/{}/executions", workflow_id)
        read = model(m.ExecutionPage)
        return self._send(get(where, read, status=statuses, limit=limit, cursor=cursor))

    def iter_executions(
        self, workflow_id: str, *, status: Union[str, Sequence[str], None] = None
    ) -> Generator[m.ExecutionRow, None, None]:
        """All executions of a workflow, newest first, page by page."""
        cursor: Optional[str] = None
        while True:
            page = self.list_executions(workflow_id, status=status, limit=100, cursor=cursor)
            for row in page.executions:
                yield row
            cursor = page.next_cursor
            if cursor is None:
                return

    def cancel(
        self,
        workflow_id: str,
        execution_id: str,
        *,
        reason: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> m.ExecutionChanged:
        """Ends an execution as CANCELLED."""
        body = {"reason": reason} if reason is not None else None
        where = path(EXECUTION + "/cancel", workflow_id, execution_id)
        return self._send(post(where, model(m.ExecutionChanged), body, key=idempotency_key))

    def pause(
        self, workflow_id: str, execution_id: str, *, idempotency_key: Optional[str] = None
    ) -> m.ExecutionChanged:
        """Holds an execution: what is under way finishes, nothing further starts."""
        where = path(EXECUTION + "/pause", workflow_id, execution_id)
        return self._send(post(where, model(m.ExecutionChanged), key=idempotency_key))

    def resume(
        self, workflow_id: str, execution_id: str, *, idempotency_key: Optional[str] = None
    ) -> m.ExecutionChanged:
        """Lets a paused execution go on."""
        where = path(EXECUTION + "/resume", workflow_id, execution_id)
        return self._send(post(where, model(m.ExecutionChanged), key=idempotency_key))

    def events(
        self, workflow_id: str, execution_id: str, *, after: Union[int, str] = 0
    ) -> Generator[m.Event, None, None]:
        """What happens to an execution, from its beginning (or after the event with the id
        `after`) until it ended. A connection that breaks is replaced; no event is lost or comes
        twice."""
        look = get(path(EXECUTION, workflow_id, execution_id), model(m.Execution))
        where = path(EXECUTION + "/events", workflow_id, execution_id)
        return self._follow(where, EVENTS, look, execution_id, after)

    def logs(self, workflow_id: str, execution_id: str) -> list[m.LogLine]:
        """The log of an execution, in order."""
        where = path(EXECUTION + "/logs", workflow_id, execution_id)
        return (self._send(get(where, model(m.Logs)))).logs
