"""What the management API (`/api/v1`) answers about workflows and executions, as types, and what
it takes. See `_models` for what holds for all of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Generic, Literal, Mapping, Optional, Sequence, TypedDict, TypeVar, Union

from ._models import Model, Pagination

T = TypeVar("T")

# A time: with a zone, or a text as RFC 3339 has it.
When = Union[datetime, str]
# Or a whole day.
DayOrTime = Union[datetime, date, str]

ExecutionStatus = Literal[
    "queued", "running", "paused", "completed", "failed", "timed_out", "cancelled"
]
ENDED_STATUSES = frozenset({"completed", "failed", "timed_out", "cancelled"})


class Page(Model, Generic[T]):
    """A page of a list."""

    items: list[T]
    pagination: Pagination


class Sorting(TypedDict, total=False):
    """How a list is sorted: newest first, unless it is said here."""

    sort_by: Optional[str]
    sort_order: Optional[Literal["asc", "desc"]]


class Paging(TypedDict, total=False):
    """Which page of a list: `page` counts from 1, `page_size` is 1 to 100 (default 10)."""

    page: Optional[int]
    page_size: Optional[int]


class CursorPaging(Paging, total=False):
    """As `Paging`; or the page after another one, by its `pagination.next_cursor`, which costs the
    same however far it is."""

    cursor: Optional[str]


class ListOptions(Sorting, Paging, total=False):
    """What short lists take."""


class CursorListOptions(Sorting, CursorPaging, total=False):
    """What lists take that have cursors and nothing else."""


class Deleted(Model):
    """What was deleted. `cancelled_executions` is there for workflows."""

    id: str
    deleted: bool
    cancelled_executions: Optional[int] = None


class Integration(Model):
    """An integration that a workflow uses. `status` is `connected` or `pending`."""

    id: str
    required: bool = False
    status: Optional[str] = None


class WorkflowStats(Model):
    """A workflow's ended executions, counted; durations are means."""

    runs_total: int
    runs_success: int
    runs_failed: int
    average_duration_ms: float
    runs_cancelled: Optional[int] = None
    runs_active: Optional[int] = None


class WorkflowRow(Model):
    """A workflow in a list."""

    id: str
    name: str
    description: Optional[str] = None
    type: str
    status: Union[Literal["active", "inactive"], str]
    metadata: dict[str, Any] = {}
    created_at: datetime
    updated_at: datetime


class Workflow(WorkflowRow):
    """A workflow. `version` counts its changes, `release` those of its definition."""

    configuration: dict[str, Any] = {}
    integrations: list[Integration] = []
    stats: Optional[WorkflowStats] = None
    activated_at: Optional[datetime] = None
    deactivated_at: Optional[datetime] = None
    created_by: Optional[str] = None
    release: Optional[int] = None
    version: Optional[int] = None


class WorkflowStatus(Model):
    """A workflow just activated or deactivated."""

    id: str
    status: Union[Literal["active", "inactive"], str]
    activated_at: Optional[datetime] = None
    deactivated_at: Optional[datetime] = None
    updated_at: datetime


class WorkflowDefinition(Model):
    """What a workflow's configuration was made into."""

    id: str
    release: int
    definition: Any
    input_schema: Any = None


class WorkflowSelection(Sorting, total=False):
    """Which workflows a list has, sorted by `created_at`, `updated_at`, `name`, `type` or
    `status`; `metadata` are labels that they have."""

    status: Optional[Literal["active", "inactive"]]
    type: Optional[str]
    metadata: Optional[Mapping[str, str]]


class WorkflowListOptions(WorkflowSelection, CursorPaging, total=False):
    """As `WorkflowSelection`, and which page."""


class WorkflowParts(TypedDict, total=False):
    """What a workflow has besides its name and type. `configuration` holds a `definition`, or
    `steps` and whatever else a definition has. An integration is `{"id": …, "required": …}`."""

    description: Optional[str]
    configuration: Mapping[str, Any]
    integrations: Sequence[Union[Integration, Mapping[str, Any]]]
    metadata: Mapping[str, Any]


class WorkflowChange(WorkflowParts, total=False):
    """What can be changed of a workflow; what is left out stays as it is."""

    name: str
    type: str


class Failure(Model):
    """Why a step or an execution failed; `step` is None where it was the execution as a whole."""

    code: str
    message: str
    step: Optional[str] = None
    attempt: Optional[int] = None
    details: Any = None


class Step(Model):
    """A step of an execution. `reused`: its result was taken over from the execution that this
    one runs again. `input` and `output` are there where they were asked for."""

    name: str
    type: Optional[str] = None
    status: str
    started_at: Optional[datetime] = None
    completed_at: Optional[datetime] = None
    duration_ms: Optional[int] = None
    attempt: Optional[int] = None
    error: Optional[Failure] = None
    reused: bool = False
    input: Any = None
    output: Any = None


class ExecutionRow(Model):
    """An execution in a list."""

    execution_id: str
    workflow_id: str
    workflow_name: Optional[str] = None
    status: Union[ExecutionStatus, str]
    created_at: Optional[datetime] = None
    started_at: Optional[datetime] = None
    completed_at: Optional[datetime] = None
    duration_ms: Optional[int] = None
    metadata: dict[str, Any] = {}

    @property
    def ended(self) -> bool:
        """Whether nothing further happens to it."""
        return self.status in ENDED_STATUSES


class Execution(ExecutionRow):
    """An execution. `steps` and `error` are there when it is looked at; the steps are in the order
    of the definition."""

    parameters: dict[str, Any] = {}
    result: Any = None
    error: Optional[Failure] = None
    steps: list[Step] = []
    callback_url: Optional[str] = None
    release: Optional[int] = None
    rerun_of: Optional[str] = None

    def raise_for_status(self) -> Execution:
        """Itself, or `ExecutionFailedError` where it ended in another way than `completed`."""
        from ._errors import ExecutionFailedError

        if self.ended and self.status != "completed":
            raise ExecutionFailedError(self)
        return self


class ExecutionChanged(Model):
    """The answer to cancel, pause and resume."""

    execution_id: str
    status: Union[ExecutionStatus, str]


class ExecutionSelection(TypedDict, total=False):
    """Which executions a list has, newest first unless `sort_order` is `asc`. `status` is one or
    several; both dates, which may be texts, mean when an execution was accepted; `external_id` is
    what a caller of a deployment named it; `metadata` are labels that it has."""

    workflow_id: Optional[str]
    status: Union[ExecutionStatus, str, Sequence[str], None]
    start_date: Optional[DayOrTime]
    end_date: Optional[DayOrTime]
    external_id: Optional[str]
    metadata: Optional[Mapping[str, str]]
    sort_by: Optional[Literal["created_at"]]
    sort_order: Optional[Literal["asc", "desc"]]


class ExecutionListOptions(ExecutionSelection, CursorPaging, total=False):
    """As `ExecutionSelection`, and which page."""


class ExecutionOptions(TypedDict, total=False):
    """What an execution takes besides its parameters. Past `timeout_seconds` it is stopped as
    `timed_out`; `callback_url` is sent the execution once it has ended; `metadata` are labels;
    `secrets` (name to value) are for this execution only."""

    timeout_seconds: Optional[float]
    callback_url: Optional[str]
    metadata: Optional[Mapping[str, Any]]
    secrets: Optional[Mapping[str, str]]
    idempotency_key: Optional[str]


class LogLine(Model):
    """A line of an execution's log; without `step` it is about the execution."""

    sequence: int
    timestamp: datetime
    step: Optional[str] = None
    level: str
    message: str


class _Event(Model):
    """What every event of an execution carries; `sequence` is its place in the journal, which it
    can share with others, `id` is its own and what `after` takes."""

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
    """A step changed; it has its input and output."""

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
    """An event of a newer server; what it says is in the extra fields."""

    event: str


Event = Union[StatusEvent, StepEvent, LogEvent, OtherEvent]
