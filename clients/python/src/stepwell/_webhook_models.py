"""Webhooks of the management API: responses."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Optional, Union

from ._base import Model
from ._secret import Secret

WebhookTopic = Literal[
    "workflow.created",
    "workflow.updated",
    "workflow.activated",
    "workflow.deactivated",
    "workflow.deleted",
    "workflow.executed",
    "execution.step_completed",
    "execution.completed",
    "execution.failed",
    "execution.cancelled",
    "execution.paused",
    "execution.resumed",
    "schedule.created",
    "schedule.updated",
    "schedule.deleted",
    "schedule.triggered",
    "signal.received",
    "approval.requested",
    "approval.reminded",
    "approval.decided",
    "approval.expired",
    "*",
]

WebhookState = Literal["active", "inactive", "disabled"]
DeliveryStatus = Literal["pending", "delivered", "exhausted"]


class Webhook(Model):
    """A webhook. `disabled`: by the server, after repeated failures."""

    id: str
    url: str
    events: list[str]
    description: Optional[str] = None
    status: Union[WebhookState, str]
    disabled_reason: Optional[str] = None
    failing_since: Optional[datetime] = None
    previous_secret_expires_at: Optional[datetime] = None
    created_at: datetime
    updated_at: datetime


class NewWebhook(Webhook):
    """A webhook that was created or has a new secret. `secret` is set if the server generated
    it, and shown only once."""

    secret: Optional[Secret] = None


class DeliveryRequest(Model):
    """The request of a delivery. `body` is None if it is too large."""

    url: Optional[str] = None
    method: str
    body: Any = None
    body_bytes: int


class DeliveryResponse(Model):
    """The result of an attempt: an HTTP status, or the error."""

    status: Optional[int] = None
    body: Optional[str] = None
    error: Optional[str] = None
    duration_ms: int


class DeliveryAttempt(Model):
    """An attempt; `number` counts from 1."""

    number: int
    started_at: datetime
    url: Optional[str] = None
    response: DeliveryResponse


class Delivery(Model):
    """The delivery of an event to a webhook; `id` is sent as `webhook-id`."""

    id: str
    webhook_id: Optional[str] = None
    event: str
    status: Union[DeliveryStatus, str]
    request: DeliveryRequest
    response: Optional[DeliveryResponse] = None
    attempt_count: int
    attempts: list[DeliveryAttempt]
    created_at: datetime
    next_attempt_at: Optional[datetime] = None


class WebhookEvent(Model):
    """The body of a webhook's request. `data` is the response of the corresponding GET."""

    id: str
    type: Union[WebhookTopic, str]
    timestamp: datetime
    data: dict[str, Any]
