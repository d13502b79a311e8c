"""Executions of the management API: responses."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, Literal, Optional, Union

from pydantic import Field
from typing_extensions import TypeVar

from ._base import Model
from ._workflow_models import WarningItem

ExecutionStatus = Literal[
    "queued", "running", "paused", "completed", "failed", "timed_out", "cancelled"
]
ExecutionFilter = Literal[
    "queued", "running", "waiting", "paused", "completed", "failed", "timed_out", "cancelled"
]
FINAL_STATUSES = frozenset({"completed", "failed", "timed_out", "cancelled"})

R = TypeVar("R", default=Any)


class Failure(Model):
    """The cause of a failed step or execution; `step` is None if no single step is the cause."""

    code: str
    message: str
    step: Optional[str] = None
    attempt: Optional[int] = None
    details: Any = None


class AttemptFailure(Model):
    """The cause of a failed attempt of a step."""

    code: str
    message: str


class StepAttempt(Model):
    """An attempt of a step. `next_attempt_at` is when the next attempt is due, or was; None: there
    is no next one."""

    number: int
    status: str
    started_at: datetime
    completed_at: Optional[datetime] = None
    duration_ms: Optional[int] = None
    error: Optional[AttemptFailure] = None
    next_attempt_at: Optional[datetime] = None


class StepWait(Model):
    """What a step waits for: `reason` is `timer`, `retry`, `sub_workflow`, `signal`,
    `approval` or `concurrency`; `until` is None if it is not known. `signal` and `key` name the
    signal; for `concurrency`, `key` and `limit` are those of the step, and `position` is its place
    in the queue of the server."""

    reason: str = Field(alias="for")
    until: Optional[datetime] = None
    signal: Optional[str] = None
    key: Optional[str] = None
    limit: Optional[int] = None
    position: Optional[int] = None


class ExecutionWait(Model):
    """What an execution waits for: `reason` is `timer`, `retry`, `sub_workflow`, `signal`,
    `approval`, `concurrency` or `capacity`; `step` is None if it is queued, `until` is None if it
    is not known. `signal` and `key` name the signal; for `concurrency`, `key` and `limit` are those
    of the workflow or step, and `position` is its place in the queue."""

    reason: str = Field(alias="for")
    step: Optional[str] = None
    until: Optional[datetime] = None
    signal: Optional[str] = None
    key: Optional[str] = None
    limit: Optional[int] = None
    position: Optional[int] = None


class Step(Model):
    """The run of a step. `reused`: its result is that of the execution that this one reruns.
    `child_execution_id` is the execution that a `SubWorkflow` started. `skip_reason` of a skipped
    step is `condition` if its `when` was false, `not_taken` if no edge led to it.
    `compensates`: the step that it compensates, if it is a compensation.
    `input`, `output` and the resolved `config` are set if they were requested; in events
    `attempts` has only the last attempt."""

    name: str
    type: Optional[str] = None
    status: str
    started_at: Optional[datetime] = None
    completed_at: Optional[datetime] = None
    duration_ms: Optional[int] = None
    attempt: Optional[int] = None
    attempts: list[StepAttempt] = []
    waiting: Optional[StepWait] = None
    error: Optional[Failure] = None
    skip_reason: Optional[str] = None
    reused: bool = False
    compensates: Optional[str] = None
    input: Any = None
    output: Any = None
    config: Any = None
    config_truncated: bool = False
    child_execution_id: Optional[str] = None


class Execution(Model, Generic[R]):
    """An execution. `result` is that of a completed one; otherwise it is None, and a failed one
    has an `error`. `release_tag` is the tag that selected the release. `vars` are the variables
    of the workspace that its definition reads, if they were requested. `get` and `wait` return
    `steps`, in the order of the definition, and `waiting`. `parent_execution_id` and
    `parent_step` are what started a sub-workflow. Lists have `is_waiting` instead, and
    neither steps nor `parameters`, `result` and `error`."""

    id: str = Field(alias="execution_id")
    workflow_id: str
    workflow_name: Optional[str] = None
    status: Union[ExecutionStatus, str]
    created_at: Optional[datetime] = None
    started_at: Optional[datetime] = None
    completed_at: Optional[datetime] = None
    duration_ms: Optional[int] = None
    metadata: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    vars: Optional[dict[str, Any]] = None
    result: R = None  # type: ignore[assignment]
    error: Optional[Failure] = None
    waiting: Optional[ExecutionWait] = None
    is_waiting: Optional[bool] = None
    steps: list[Step] = []
    callback_url: Optional[str] = None
    release: Optional[int] = None
    release_tag: Optional[str] = None
    rerun_of: Optional[str] = None
    parent_execution_id: Optional[str] = None
    parent_step: Optional[str] = None
    schedule_id: Optional[str] = None
    warnings: Optional[list[WarningItem]] = None

    @property
    def ended(self) -> bool:
        """Whether the status is final."""
        return self.status in FINAL_STATUSES

    def raise_for_status(self) -> Execution[R]:
        """Returns the execution; raises `ExecutionFailedError` if it ended without completing."""
        from ._errors import ExecutionFailedError

        if self.ended and self.status != "completed":
            raise ExecutionFailedError(self)
        return self


class ExecutionChange(Model):
    """Response to cancel, pause and resume."""

    id: str = Field(alias="execution_id")
    status: Union[ExecutionStatus, str]


class SentSignal(Model):
    """What became of a signal: `status` is `consumed`, `kept` or `repeated`. `execution_id` is the
    execution that received it; `expires_at` is set if it is kept until an execution waits for it."""

    name: str
    status: str
    execution_id: Optional[str] = None
    expires_at: Optional[datetime] = None


class LogLine(Model):
    """A line of an execution's log; `step` is None if it is about the whole execution."""

    sequence: int
    timestamp: datetime
    step: Optional[str] = None
    level: str
    message: str


class ExecutionFile(Model):
    """A file of an execution: the results of a `Map` with `collect: file`. It can be read once
    `is_complete` is true."""

    name: str
    is_complete: bool
    completed: int
    failed: int
    bytes: int


class ItemError(Model):
    """Why an item of a `Map` failed."""

    code: str
    message: str
    step: Optional[str] = None
    details: Any = None


class FileLine(Model):
    """The result of an item in a file of an execution; `error` is None if it completed."""

    index: int
    output: Any = None
    error: Optional[ItemError] = None


class _Event(Model):
    """The common fields of all events. `sequence` is the position in the execution's journal, which
    several events can share; `id` is unique and the value for `after`."""

    id: str = ""
    execution_id: str
    sequence: int
    timestamp: datetime


class StatusEvent(_Event):
    """The execution's status changed."""

    event: Literal["status"] = "status"
    status: Union[ExecutionStatus, str]
    result: Any = None
    error: Optional[Failure] = None


class StepEvent(_Event):
    """A step changed; `step` has its input and output."""

    event: Literal["step"] = "step"
    step: Step
    settled_steps: int
    total_steps: int


class LogEvent(_Event):
    """A line was logged."""

    event: Literal["log"] = "log"
    step: Optional[str] = None
    level: str
    message: str


class OtherEvent(_Event):
    """An event type that this version does not know; its data is in the extra fields."""

    event: str


Event = Union[StatusEvent, StepEvent, LogEvent, OtherEvent]
