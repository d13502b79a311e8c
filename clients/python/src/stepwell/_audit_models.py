"""Audit log of the management API: responses."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Optional, Union

from ._base import Model

AuditAction = Literal[
    "workflow.created",
    "workflow.updated",
    "workflow.activated",
    "workflow.deactivated",
    "workflow.deleted",
    "workflow.release_tag_moved",
    "workflow.release_tag_deleted",
    "execution.cancelled",
    "execution.paused",
    "execution.resumed",
    "execution.rerun",
    "execution.signaled",
    "schedule.created",
    "schedule.updated",
    "schedule.deleted",
    "schedule.triggered",
    "webhook.created",
    "webhook.updated",
    "webhook.deleted",
    "webhook.secret_rotated",
    "webhook.tested",
    "webhook.redelivered",
    "webhook.disabled",
    "api_key.created",
    "api_key.updated",
    "api_key.revoked",
    "workspace.created",
    "workspace.updated",
    "workspace.signing_secret_read",
    "workspace.signal_kept",
    "template.created",
    "template.updated",
    "template.deleted",
    "operation.created",
    "operation.cancelled",
    "approval.approved",
    "approval.rejected",
    "approval.delegated",
    "approval.link_created",
    "access.refused",
]

AuditObjectType = Literal[
    "workflow",
    "execution",
    "schedule",
    "webhook",
    "api_key",
    "workspace",
    "template",
    "operation",
    "approval",
]


class AuditActor(Model):
    """Who did it: an API key (with `id`, and its name at that time), the server itself, the command
    line on the data folder, or a caller without a key."""

    type: Union[Literal["api_key", "system", "cli", "anonymous"], str]
    id: Optional[str] = None
    name: str


class AuditObject(Model):
    """The affected object, with its name at that time."""

    type: Union[AuditObjectType, str]
    id: str
    name: Optional[str] = None


class AuditEntry(Model):
    """An entry of the audit log. `object` is None if no object was affected; `ip_address` and
    `request_id` are None if it was no request. `changed_fields` are names, never values."""

    id: str
    created_at: datetime
    actor: AuditActor
    action: Union[AuditAction, str]
    object: Optional[AuditObject] = None
    changed_fields: list[str] = []
    details: dict[str, Any] = {}
    ip_address: Optional[str] = None
    request_id: Optional[str] = None
