"""Bulk operations of the management API: responses."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Optional

from ._base import Model

BulkAction = Literal["cancel", "pause", "resume", "purge"]
OperationStatus = Literal["pending", "running", "completed", "failed", "cancelled"]


class BulkConditions(Model):
    """Which executions an operation is about. Executions that are accepted after `end_date` are not
    meant."""

    workflow_id: Optional[str] = None
    status: Optional[list[str]] = None
    start_date: Optional[datetime] = None
    end_date: Optional[datetime] = None
    metadata: dict[str, Any] = {}


class BulkProgress(Model):
    """How far an operation is; at its end, `matched` is the sum of the others. `skipped` are
    executions that needed nothing any more, such as those that ended meanwhile."""

    matched: int
    done: int
    failed: int
    skipped: int


class BulkFailure(Model):
    """An execution that could not be changed."""

    execution_id: str
    message: str


class BulkDryRun(Model):
    """What an operation would be about; `progress.matched` is the number of executions."""

    action: str
    filter: BulkConditions
    progress: BulkProgress


class BulkOperation(Model):
    """An action on many executions. `status` is `pending`, `running`, `completed`, `failed` (it has
    ended, and some executions could not be changed: see `failures`) or `cancelled`."""

    id: str
    action: str
    status: str
    filter: BulkConditions
    reason: Optional[str] = None
    progress: BulkProgress
    failures: list[BulkFailure] = []
    created_by: str
    created_at: datetime
    updated_at: datetime
    started_at: Optional[datetime] = None
    completed_at: Optional[datetime] = None

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return self.status not in ("pending", "running")
