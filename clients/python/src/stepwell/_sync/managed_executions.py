# Made of `_async/managed_executions.py` by `scripts/make_sync.py`: change that one.
"""Executions of all workflows: `/api/v1/workflow_executions`."""

from __future__ import annotations

import time
from time import monotonic
from typing import Any, Generator, Mapping, Optional, Union

from typing_extensions import Unpack

from .. import _management_models as mm
from .._call import get, given, listed, path, post, query_of, wrapped
from .._errors import WaitTimeoutError
from .._follow import MANAGEMENT_EVENTS
from .._management import EXECUTION, EXECUTIONS
from .._settings import FIRST_LOOK, SLOWEST_LOOK
from .resource import Resource
from .transport import Transport

_LOGS = EXECUTION + "/logs"


class ManagedExecutions(Resource):
    """The calls on executions: `client.executions`."""

    def get(self, execution_id: str, *, include_io: bool = False) -> mm.Execution:
        """An execution with its steps; `include_io`: with their inputs and outputs."""
        where = path(EXECUTION, execution_id)
        call = get(where, wrapped(mm.Execution), include="io" if include_io else None)
        return self._client._send(call)

    def list(self, **options: Unpack[mm.ExecutionListOptions]) -> mm.Page[mm.ExecutionRow]:
        """A page of executions."""
        return self._client._send(listed(EXECUTIONS, mm.Page[mm.ExecutionRow], options))

    def iter(
        self, **selection: Unpack[mm.ExecutionSelection]
    ) -> Generator[mm.ExecutionRow, None, None]:
        """All executions, page by page."""
        return self._client._each(EXECUTIONS, mm.Page[mm.ExecutionRow], query_of(selection))

    def wait(self, execution_id: str, *, timeout: Optional[float] = None) -> mm.Execution:
        """The execution once it ended; `WaitTimeoutError` after `timeout` seconds."""
        return waited(self._client, execution_id, timeout)

    def cancel(
        self,
        execution_id: str,
        *,
        reason: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> mm.ExecutionChanged:
        """Ends an execution as `cancelled`."""
        return self._change(execution_id, "cancel", given(reason=reason), idempotency_key)

    def pause(
        self, execution_id: str, *, idempotency_key: Optional[str] = None
    ) -> mm.ExecutionChanged:
        """Holds an execution: what is under way finishes, nothing further starts."""
        return self._change(execution_id, "pause", None, idempotency_key)

    def resume(
        self, execution_id: str, *, idempotency_key: Optional[str] = None
    ) -> mm.ExecutionChanged:
        """Lets a paused execution go on."""
        return self._change(execution_id, "resume", None, idempotency_key)

    def _change(
        self, execution_id: str, verb: str, body: Any, key: Optional[str]
    ) -> mm.ExecutionChanged:
        where = path(EXECUTION + "/" + verb, execution_id)
        call = post(where, wrapped(mm.ExecutionChanged), body or None, key=key)
        return self._client._send(call)

    def rerun(
        self,
        execution_id: str,
        *,
        parameters: Optional[Mapping[str, Any]] = None,
        from_failed: bool = False,
        from_step: Optional[str] = None,
        input: Any = None,
        callback_url: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> mm.Execution:
        """Runs an ended execution again, as a new one of the same release: all of it, with other
        `parameters` if they are given; what failed (`from_failed`); or from a step on
        (`from_step`), with another `input` if one is given. Results of the steps before are taken
        over."""
        body = given(
            parameters=parameters,
            from_step=from_step,
            input=input,
            callback_url=callback_url,
            **{"from": "failed" if from_failed else None},
        )
        where = path(EXECUTION + "/rerun", execution_id)
        call = post(where, wrapped(mm.Execution), body, key=idempotency_key)
        return self._client._send(call)

    def events(
        self, execution_id: str, *, after: Union[int, str] = 0
    ) -> Generator[mm.Event, None, None]:
        """What happens to an execution, from its beginning (or after the event with the id
        `after`) until it ended. A connection that breaks is replaced; no event is lost or comes
        twice."""
        look = get(path(EXECUTION, execution_id), wrapped(mm.Execution))
        where = path(EXECUTION + "/events", execution_id)
        return self._client._follow(where, MANAGEMENT_EVENTS, look, execution_id, after)

    def logs(
        self, execution_id: str, **options: Unpack[mm.ListOptions]
    ) -> mm.Page[mm.LogLine]:
        """A page of an execution's log, in order."""
        where = path(_LOGS, execution_id)
        return self._client._send(listed(where, mm.Page[mm.LogLine], options))

    def iter_logs(
        self, execution_id: str, **sorting: Unpack[mm.Sorting]
    ) -> Generator[mm.LogLine, None, None]:
        """The log of an execution, in order, page by page."""
        where = path(_LOGS, execution_id)
        return self._client._each(where, mm.Page[mm.LogLine], query_of(sorting))


def waited(
    client: Transport, execution_id: str, timeout: Optional[float]
) -> mm.Execution:
    """The execution once it ended."""
    begun, look = monotonic(), FIRST_LOOK
    while True:
        call = get(path(EXECUTION, execution_id), wrapped(mm.Execution))
        execution = client._send(call)
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
