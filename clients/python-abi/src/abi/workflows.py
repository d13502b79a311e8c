"""Managing, executing and scheduling workflows."""

from stepwell import Deleted, Failure, Integration, Step, WorkflowStats, WorkflowStatus

from ._executor import ExecutionOptions, StartedExecution, WorkflowExecutor
from ._manager import Workflow, WorkflowConfig, WorkflowManager
from ._models import Execution, LastExecution, Page, Pagination
from ._scheduler import Schedule, WorkflowScheduler

__all__ = [
    "Deleted",
    "Execution",
    "ExecutionOptions",
    "Failure",
    "Integration",
    "LastExecution",
    "Page",
    "Pagination",
    "Schedule",
    "StartedExecution",
    "Step",
    "Workflow",
    "WorkflowConfig",
    "WorkflowExecutor",
    "WorkflowManager",
    "WorkflowScheduler",
    "WorkflowStats",
    "WorkflowStatus",
]
