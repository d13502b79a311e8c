"""Approvals of the management API: responses."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Optional, Union

from ._base import Model

ApprovalStatus = Literal["pending", "approved", "rejected", "expired", "cancelled"]


class ApprovalVote(Model):
    """A vote: `verdict` is `approve` or `reject`."""

    approver: str
    verdict: str
    comment: Optional[str] = None
    data: Any = None
    at: datetime


class Approval(Model):
    """An approval. `approvers`: who may decide, empty: everyone; `form`: the JSON Schema of the
    data of a vote; `decision`: `approved` or `rejected`, also that of the timeout."""

    id: str
    status: Union[ApprovalStatus, str]
    title: str
    description: Optional[str] = None
    workflow_id: str
    execution_id: str
    step: str
    approvers: list[str] = []
    quorum: int = 1
    form: Any = None
    decision: Optional[str] = None
    votes: list[ApprovalVote] = []
    reminders: int = 0
    created_at: datetime
    updated_at: datetime
    expires_at: Optional[datetime] = None
    ended_at: Optional[datetime] = None


class ApprovalLink(Model):
    """A link with which an approver decides without a key. `token` is shown once."""

    token: str
    path: str
    url: str
    approver: str
    expires_at: datetime


class LinkedApproval(Model):
    """The approval of a link, and the approver that the link is for."""

    approver: str
    approval: Approval
