"""Webhooks of the management API: responses and options."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Optional, Sequence, TypedDict, Union

from pydantic import Field

from ._management_models import CursorPaging, Paging, Sorting
from ._models import Model

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
    "schedule.created",
    "schedule.updated",
    "schedule.deleted",
    "schedule.triggered",
    "*",
]

DeliveryStatus = Literal["pending", "delivered", "exhausted"]


class Webhook(Model):
    """A webhook. `disabled`: by the server, after repeated failures."""

    id: str
    url: str
    events: list[str]
    description: Optional[str] = None
    status: Union[Literal["active", "inactive", "disabled"], str]
    disabled_reason: Optional[str] = None
    failing_since: Optional[datetime] = None
    previous_secret_expires_at: Optional[datetime] = None
    created_at: datetime
    updated_at: datetime


class NewWebhook(Webhook):
    """A webhook that was created or has a new secret. `secret` is set if the server generated
    it, and shown only once."""

    secret: Optional[str] = Field(default=None, repr=False)


class WebhookChange(TypedDict, total=False):
    """Changes of a webhook; omitted fields are unchanged."""

    url: str
    events: Sequence[Union[WebhookTopic, str]]
    description: Optional[str]
    status: Literal["active", "inactive"]
    secret: str


class WebhookSelection(Sorting, total=False):
    """Filters of webhooks, sorted by `created_at`, `updated_at` or `url`."""

    status: Optional[Literal["active", "inactive", "disabled"]]
    event: Optional[Union[WebhookTopic, str]]


class WebhookListOptions(WebhookSelection, Paging, total=False):
    """`WebhookSelection`, and the page."""


class DeliverySelection(Sorting, total=False):
    """Filters of deliveries, newest first unless `sort_order` is `asc`. `event` is a topic, or
    `webhook.test`."""

    status: Optional[DeliveryStatus]
    event: Optional[str]


class DeliveryListOptions(DeliverySelection, CursorPaging, total=False):
    """`DeliverySelection`, and the page."""


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
