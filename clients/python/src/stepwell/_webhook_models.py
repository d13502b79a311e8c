"""What the management API answers about webhooks, as types, and what it takes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Optional, Sequence, TypedDict, Union

from pydantic import Field

from ._management_models import Paging, Sorting
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
    """A webhook. `status` is `active`, `inactive`, or `disabled` by the server."""

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
    """A webhook just made, or given another secret; `secret` is there where the server made it,
    and shown this once."""

    secret: Optional[str] = Field(default=None, repr=False)


class WebhookChange(TypedDict, total=False):
    """What can be changed of a webhook; what is left out stays as it is."""

    url: str
    events: Sequence[Union[WebhookTopic, str]]
    description: Optional[str]
    status: Literal["active", "inactive"]
    secret: str


class WebhookSelection(Sorting, total=False):
    """Which webhooks a list has, sorted by `created_at`, `updated_at` or `url`."""

    status: Optional[Literal["active", "inactive", "disabled"]]
    event: Optional[Union[WebhookTopic, str]]


class WebhookListOptions(WebhookSelection, Paging, total=False):
    """As `WebhookSelection`, and which page."""


class DeliveryRequest(Model):
    """What is sent. `body` is None where it is large."""

    url: Optional[str] = None
    method: str
    body: Any = None
    body_bytes: int


class DeliveryResponse(Model):
    """What an attempt brought: an HTTP status, or why there was none."""

    status: Optional[int] = None
    body: Optional[str] = None
    error: Optional[str] = None
    duration_ms: int


class DeliveryAttempt(Model):
    """One attempt; `number` counts from 1."""

    number: int
    started_at: datetime
    url: Optional[str] = None
    response: DeliveryResponse


class Delivery(Model):
    """An event on its way to a webhook; `id` is sent as `webhook-id`. `status` is `pending`,
    `delivered` or `exhausted`."""

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
    """The body of a webhook's request. `data` is what the matching GET shows."""

    id: str
    type: Union[WebhookTopic, str]
    timestamp: datetime
    data: dict[str, Any]
