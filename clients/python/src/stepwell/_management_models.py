"""Workflows and executions of the management API (`/api/v1`): responses and options."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Generic, Literal, Mapping, Optional, Sequence, TypedDict, TypeVar, Union

from ._models import Model, Pagination

T = TypeVar("T")

# A time with its zone, or a string in RFC 3339.
Timestamp = Union[datetime, str]
# Or a date.
DateOrTimestamp = Union[datetime, date, str]

ExecutionStatus = Literal[
    "queued", "running", "paused", "completed", "failed", "timed_out", "cancelled"
]
FINAL_STATUSES = frozenset({"completed", "failed", "timed_out", "cancelled"})


class Page(Model, Generic[T]):
    """A page of a list."""

    items: list[T]
    pagination: Pagination


class Sorting(TypedDict, total=False):
    """The order of a list, by default newest first."""

    sort_by: Optional[str]
    sort_order: Optional[Literal["asc", "desc"]]


class Paging(TypedDict, total=False):
    """The page of a list: `page` counts from 1, `page_size` is 1 to 100 (default 10)."""

    page: Optional[int]
    page_size: Optional[int]


class CursorPaging(Paging, total=False):
    """The page by number, or by `cursor`: the `pagination.next_cursor` of the page before. The cost
    of a cursor does not depend on the position."""

    cursor: Optional[str]


class ListOptions(Sorting, Paging, total=False):
    """Options of lists without cursors."""


class CursorListOptions(Sorting, CursorPaging, total=False):
    """Options of lists with cursors and without filters."""


class Deleted(Model):
    """Response to a deletion; `cancelled_executions` is set for workflows."""

    id: str
    deleted: bool
    cancelled_executions: Optional[int] = None


class Integration(Model):
    """An integration that a workflow uses. `status` is `connected` or `pending`."""

    id: str
    required: bool = False
    status: Optional[str] = None


class WorkflowStats(Model):
    """Counts of a workflow's executions; the duration is the mean."""

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
    """A workflow. `version` counts all changes, `release` those of the definition."""

    configuration: dict[str, Any] = {}
    integrations: list[Integration] = []
    stats: Optional[WorkflowStats] = None
    activated_at: Optional[datetime] = None
    deactivated_at: Optional[datetime] = None
    created_by: Optional[str] = None
    release: Optional[int] = None
    version: Optional[int] = None


class WorkflowStatus(Model):
    """Response to activate and deactivate."""

    id: str
    status: Union[Literal["active", "inactive"], str]
    activated_at: Optional[datetime] = None
    deactivated_at: Optional[datetime] = None
    updated_at: datetime


class WorkflowDefinition(Model):
    """The definition that a workflow's configuration was compiled to."""

    id: str
    release: int
    definition: Any
    input_schema: Any = None


class WorkflowSelection(Sorting, total=False):
    """Filters of workflows, sorted by `created_at`, `updated_at`, `name`, `type` or `status`.
    `metadata` are labels that the workflow must have."""

    status: Optional[Literal["active", "inactive"]]
    type: Optional[str]
    metadata: Optional[Mapping[str, str]]


class WorkflowListOptions(WorkflowSelection, CursorPaging, total=False):
    """`WorkflowSelection`, and the page."""


class WorkflowFields(TypedDict, total=False):
    """The fields of a workflow except name and type. `configuration` contains a `definition`, or
    `steps` and the other fields of one. An integration is `{"id": …, "required": …}`."""

    description: Optional[str]
    configuration: Mapping[str, Any]
    integrations: Sequence[Union[Integration, Mapping[str, Any]]]
    metadata: Mapping[str, Any]


class WorkflowChange(WorkflowFields, total=False):
    """Changes of a workflow; omitted fields are unchanged."""

    name: str
    type: str


class Failure(Model):
    """The cause of a failed step or execution; `step` is None if no single step is the cause."""

    code: str
    message: str
    step: Optional[str] = None
    attempt: Optional[int] = None
    details: Any = None


class Step(Model):
    """The run of a step. `reused`: its result is that of the execution that this one reruns.
    `input` and `output` are set if they were requested."""

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
        """Whether the status is final."""
        return self.status in FINAL_STATUSES


class Execution(ExecutionRow):
    """An execution. `get` and `wait` return `steps`, in the definition's order, and `error`."""

    parameters: dict[str, Any] = {}
    result: Any = None
    error: Optional[Failure] = None
    steps: list[Step] = []
    callback_url: Optional[str] = None
    release: Optional[int] = None
    rerun_of: Optional[str] = None

    def raise_for_status(self) -> Execution:
        """Returns the execution; raises `ExecutionFailedError` if it ended without completing."""
        from ._errors import ExecutionFailedError

        if self.ended and self.status != "completed":
            raise ExecutionFailedError(self)
        return self


class ExecutionChanged(Model):
    """Response to cancel, pause and resume."""

    execution_id: str
    status: Union[ExecutionStatus, str]


class ExecutionSelection(TypedDict, total=False):
    """Filters of executions, newest first unless `sort_order` is `asc`. `status` is one or several.
    The dates are those of the creation and can be strings. `external_id` is the id that the
    caller of a deployment chose; `metadata` are labels that the execution must have."""

    workflow_id: Optional[str]
    status: Union[ExecutionStatus, str, Sequence[str], None]
    start_date: Optional[DateOrTimestamp]
    end_date: Optional[DateOrTimestamp]
    external_id: Optional[str]
    metadata: Optional[Mapping[str, str]]
    sort_by: Optional[Literal["created_at"]]
    sort_order: Optional[Literal["asc", "desc"]]


class ExecutionListOptions(ExecutionSelection, CursorPaging, total=False):
    """`ExecutionSelection`, and the page."""


class ExecutionOptions(TypedDict, total=False):
    """Options of an execution. After `timeout_seconds` it ends as `timed_out`. The ended execution
    is sent to `callback_url`. `metadata` are labels. `secrets` (name to value) apply to this
    execution only."""

    timeout_seconds: Optional[float]
    callback_url: Optional[str]
    metadata: Optional[Mapping[str, Any]]
    secrets: Optional[Mapping[str, str]]
    idempotency_key: Optional[str]


class LogLine(Model):
    """A line of an execution's log; `step` is None if it is about the whole execution."""

    sequence: int
    timestamp: datetime
    step: Optional[str] = None
    level: str
    message: str


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
