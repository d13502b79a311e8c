"""Being told of events: `/api/v1/webhooks`."""

from __future__ import annotations

from typing import AsyncGenerator, Optional, Sequence, Union

from typing_extensions import Unpack

from .. import _webhook_models as w
from .._call import Call, delete, get, given, listed, path, post, put, query_of, wrapped
from .._management import WEBHOOK, WEBHOOKS
from .._management_models import Page
from .resource import AsyncResource

_DELIVERIES = WEBHOOK + "/deliveries"


class AsyncWebhooks(AsyncResource):
    """The calls on webhooks: `client.webhooks`. See `verify_webhook` for their receivers."""

    async def create(
        self,
        url: str,
        events: Sequence[Union[w.WebhookTopic, str]],
        *,
        secret: Optional[str] = None,
        description: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> w.NewWebhook:
        """Has events sent to a URL, signed; `["*"]` means all. Where no `secret` (`whsec_…`) is
        given, one is made, which is in this answer only."""
        body = given(url=url, events=[*events], secret=secret, description=description)
        call = post(WEBHOOKS, wrapped(w.NewWebhook), body, key=idempotency_key)
        return await self._client._send(call)

    async def get(self, webhook_id: str) -> w.Webhook:
        """A webhook, without its secret."""
        return await self._client._send(get(path(WEBHOOK, webhook_id), wrapped(w.Webhook)))

    async def list(self, **options: Unpack[w.WebhookListOptions]) -> Page[w.Webhook]:
        """A page of webhooks."""
        return await self._client._send(listed(WEBHOOKS, Page[w.Webhook], options))

    def iter(self, **selection: Unpack[w.WebhookSelection]) -> AsyncGenerator[w.Webhook, None]:
        """All webhooks, page by page."""
        return self._client._each(WEBHOOKS, Page[w.Webhook], query_of(selection))

    async def update(self, webhook_id: str, **changes: Unpack[w.WebhookChange]) -> w.Webhook:
        """Changes what is given. `status="active"` makes one that was disabled begin anew."""
        call = put(path(WEBHOOK, webhook_id), wrapped(w.Webhook), changes)
        return await self._client._send(call)

    async def delete(self, webhook_id: str) -> None:
        """Deletes a webhook; what is still to be sent to it is not sent."""
        await self._client._send(delete(path(WEBHOOK, webhook_id)))

    async def test(self, webhook_id: str, *, idempotency_key: Optional[str] = None) -> w.Delivery:
        """Sends the event `webhook.test`; its delivery tells what came back."""
        where = path(WEBHOOK + "/test", webhook_id)
        return await self._client._send(post(where, wrapped(w.Delivery), key=idempotency_key))

    async def rotate_secret(
        self,
        webhook_id: str,
        *,
        secret: Optional[str] = None,
        overlap_seconds: Optional[int] = None,
        idempotency_key: Optional[str] = None,
    ) -> w.NewWebhook:
        """Gives a webhook another secret; for `overlap_seconds` (default a day) the old one signs
        as well. Where no `secret` is given, one is made, which is in this answer only."""
        body = given(secret=secret, overlap_seconds=overlap_seconds)
        where = path(WEBHOOK + "/rotate_secret", webhook_id)
        call = post(where, wrapped(w.NewWebhook), body, key=idempotency_key)
        return await self._client._send(call)

    async def list_deliveries(
        self,
        webhook_id: str,
        *,
        status: Optional[w.DeliveryStatus] = None,
        event: Optional[str] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
    ) -> Page[w.Delivery]:
        """A page of a webhook's deliveries, newest first."""
        options = {"status": status, "event": event, "page": page, "page_size": page_size}
        where = path(_DELIVERIES, webhook_id)
        return await self._client._send(listed(where, Page[w.Delivery], options))

    def iter_deliveries(
        self,
        webhook_id: str,
        *,
        status: Optional[w.DeliveryStatus] = None,
        event: Optional[str] = None,
    ) -> AsyncGenerator[w.Delivery, None]:
        """All deliveries of a webhook, newest first, page by page."""
        where = path(_DELIVERIES, webhook_id)
        query = query_of({"status": status, "event": event})
        return self._client._each(where, Page[w.Delivery], query)

    async def get_delivery(self, delivery_id: str) -> w.Delivery:
        """A delivery, such as that of a test: what came of it."""
        where = path(WEBHOOKS + "/deliveries/{}", delivery_id)
        return await self._client._send(get(where, wrapped(w.Delivery)))

    async def redeliver(
        self, delivery_id: str, *, idempotency_key: Optional[str] = None
    ) -> w.Delivery:
        """Sends a delivery again."""
        where = path(WEBHOOKS + "/deliveries/{}/redeliver", delivery_id)
        call: Call[w.Delivery] = post(where, wrapped(w.Delivery), key=idempotency_key)
        return await self._client._send(call)
