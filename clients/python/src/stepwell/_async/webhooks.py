"""Webhooks: `/api/v1/webhooks`."""

from __future__ import annotations

from typing import AsyncGenerator, Optional, Sequence, Union

from typing_extensions import Unpack

from .. import _webhook_models as w
from .._call import (
    Call,
    build_path,
    decode_data,
    delete,
    get,
    list_page,
    post,
    put,
    query_params,
    string_list,
    without_none,
)
from .._management import WEBHOOK, WEBHOOKS
from .._management_models import Page
from .resource import AsyncResource

_DELIVERIES = WEBHOOK + "/deliveries"


class AsyncWebhooks(AsyncResource):
    """Calls for webhooks: `client.webhooks`. Receivers use `verify_webhook`."""

    async def create(
        self,
        url: str,
        events: Sequence[Union[w.WebhookTopic, str]],
        *,
        secret: Optional[str] = None,
        description: Optional[str] = None,
        idempotency_key: Optional[str] = None,
    ) -> w.NewWebhook:
        """Creates a webhook, which sends signed events to a URL; `["*"]` means all events. If you
        pass no `secret` (`whsec_…`), one is generated, which is in this response only."""
        body = without_none(
            url=url, events=string_list("events", events), secret=secret, description=description
        )
        call = post(WEBHOOKS, decode_data(w.NewWebhook), body, key=idempotency_key)
        return await self._client._send(call)

    async def get(self, webhook_id: str) -> w.Webhook:
        """Returns a webhook, without its secret."""
        return await self._client._send(
            get(build_path(WEBHOOK, webhook_id), decode_data(w.Webhook))
        )

    async def list(self, **options: Unpack[w.WebhookListOptions]) -> Page[w.Webhook]:
        """Returns a page of webhooks."""
        return await self._client._send(list_page(WEBHOOKS, Page[w.Webhook], options))

    def iter(self, **selection: Unpack[w.WebhookSelection]) -> AsyncGenerator[w.Webhook, None]:
        """Iterates over all webhooks, page by page."""
        return self._client._iter_pages(WEBHOOKS, Page[w.Webhook], query_params(selection))

    async def update(self, webhook_id: str, **changes: Unpack[w.WebhookChange]) -> w.Webhook:
        """Updates the given fields. `status="active"` enables a disabled webhook."""
        call = put(build_path(WEBHOOK, webhook_id), decode_data(w.Webhook), changes)
        return await self._client._send(call)

    async def delete(self, webhook_id: str) -> None:
        """Deletes a webhook; its pending deliveries are dropped."""
        await self._client._send(delete(build_path(WEBHOOK, webhook_id)))

    async def test(self, webhook_id: str, *, idempotency_key: Optional[str] = None) -> w.Delivery:
        """Sends the event `webhook.test` and returns its delivery; see `get_delivery`."""
        url_path = build_path(WEBHOOK + "/test", webhook_id)
        return await self._client._send(
            post(url_path, decode_data(w.Delivery), key=idempotency_key)
        )

    async def rotate_secret(
        self,
        webhook_id: str,
        *,
        secret: Optional[str] = None,
        overlap_seconds: Optional[int] = None,
        idempotency_key: Optional[str] = None,
    ) -> w.NewWebhook:
        """Replaces the secret of a webhook. For `overlap_seconds` (default one day) deliveries are
        signed with the old one too. If you pass no `secret`, one is generated, which is in this
        response only."""
        body = without_none(secret=secret, overlap_seconds=overlap_seconds)
        url_path = build_path(WEBHOOK + "/rotate_secret", webhook_id)
        call = post(url_path, decode_data(w.NewWebhook), body, key=idempotency_key)
        return await self._client._send(call)

    async def list_deliveries(
        self,
        webhook_id: str,
        **options: Unpack[w.DeliveryListOptions],
    ) -> Page[w.Delivery]:
        """Returns a page of a webhook's deliveries, newest first."""
        url_path = build_path(_DELIVERIES, webhook_id)
        return await self._client._send(list_page(url_path, Page[w.Delivery], options))

    def iter_deliveries(
        self,
        webhook_id: str,
        **selection: Unpack[w.DeliverySelection],
    ) -> AsyncGenerator[w.Delivery, None]:
        """Iterates over the deliveries of a webhook, newest first, page by page."""
        url_path = build_path(_DELIVERIES, webhook_id)
        return self._client._iter_pages(url_path, Page[w.Delivery], query_params(selection))

    async def get_delivery(self, delivery_id: str) -> w.Delivery:
        """Returns a delivery with its attempts."""
        url_path = build_path(WEBHOOKS + "/deliveries/{}", delivery_id)
        return await self._client._send(get(url_path, decode_data(w.Delivery)))

    async def redeliver(
        self, delivery_id: str, *, idempotency_key: Optional[str] = None
    ) -> w.Delivery:
        """Sends a delivery again, with the same id and body."""
        url_path = build_path(WEBHOOKS + "/deliveries/{}/redeliver", delivery_id)
        call: Call[w.Delivery] = post(url_path, decode_data(w.Delivery), key=idempotency_key)
        return await self._client._send(call)
