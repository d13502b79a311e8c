"""What the management API answers about the audit log, as types, and what it takes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Optional, TypedDict, Union

from ._management_models import CursorPaging, DayOrTime
from ._models import Model

AuditAction = Literal[
    "workflow.created",
    "workflow.updated",
    "workflow.activated",
    "workflow.deactivated",
    "workflow.deleted",
    "workflow.release_tag_moved",
    "execution.cancelled",
    "execution.paused",
    "execution.resumed",
    "execution.rerun",
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
    "access.refused",
]

AuditObjectType = Literal["workflow", "execution", "schedule", "webhook", "api_key", "workspace"]


class AuditActor(Model):
    """Who did something: a key (`id` is there) with the name that it had, the server itself, the
    command line on the data folder, or somebody without a key."""

    type: Union[Literal["api_key", "system", "cli", "anonymous"], str]
    id: Optional[str] = None
    name: str


class AuditObject(Model):
    """What something was done to, with the name that it had."""

    type: Union[AuditObjectType, str]
    id: str
    name: Optional[str] = None


class AuditEntry(Model):
    """Something that somebody did. `object` is None where there is none, `ip_address` and
    `request_id` where it was no request. `changed_fields` are names, never values."""

    id: str
    created_at: datetime
    actor: AuditActor
    action: Union[AuditAction, str]
    object: Optional[AuditObject] = None
    changed_fields: list[str] = []
    details: dict[str, Any] = {}
    ip_address: Optional[str] = None
    request_id: Optional[str] = None


class AuditSelection(TypedDict, total=False):
    """Which entries a list has, newest first unless `sort_order` is `asc`. `actor` is the name of
    a key, or `system`, `cli`, `anonymous`; both dates are included, and may be texts;
    `workspace_id` is for whoever runs the installation."""

    actor: Optional[str]
    key_id: Optional[str]
    action: Optional[Union[AuditAction, str]]
    object_type: Optional[AuditObjectType]
    object_id: Optional[str]
    start_date: Optional[DayOrTime]
    end_date: Optional[DayOrTime]
    workspace_id: Optional[str]
    sort_by: Optional[Literal["created_at"]]
    sort_order: Optional[Literal["asc", "desc"]]


class AuditListOptions(AuditSelection, CursorPaging, total=False):
    """As `AuditSelection`, and which page."""
