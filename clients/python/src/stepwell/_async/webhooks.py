"""Webhooks: `/api/v1/webhooks`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Optional, Union

from .. import _webhook_models as m
from .._base import SortOrder
from .._call import (
    build_path,
    change,
    decode_data,
    get,
    ignore_body,
    list_query,
    post,
    string_list,
)
from .._omit import OMIT, Omit, given, without_none
from .._paging import page_request
from .._paths import DELIVERY, WEBHOOK, WEBHOOKS
from .._secret import Secret
from .._signature import Secrets, verify_webhook
from .pages import AsyncPaginator
from .resource import AsyncResource

if TYPE_CHECKING:
    from .raw import AsyncWebhooksWithRawResponse


class AsyncWebhooks(AsyncResource):
    """Webhooks, which send events to your URLs: `client.webhooks`. Receivers use `verify`."""

    @property
    def with_raw_response(self) -> AsyncWebhooksWithRawResponse:
        """The same methods, which return a `RawResponse`."""
        from .raw import AsyncWebhooksWithRawResponse

        return AsyncWebhooksWithRawResponse(self)

    async def create(
        self,
        url: str,
        events: Sequence[Union[m.WebhookTopic, str]],
        *,
        secret: Union[Secret, str, None] = None,
        description: Optional[str] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.NewWebhook:
        """Creates a webhook, which sends signed events to a URL; `["*"]` means all events. If you
        pass no `secret` (`whsec_…`), one is generated, which is in this response only."""
        body = without_none(
            url=url, events=string_list("events", events), secret=secret, description=description
        )
        decode = decode_data(m.NewWebhook)
        return await self._send(post(WEBHOOKS, decode, body, key=idempotency_key, timeout=timeout))

    async def get(self, webhook_id: str, *, timeout: Optional[float] = None) -> m.Webhook:
        """Returns a webhook, without its secret."""
        url_path = build_path(WEBHOOK, webhook_id)
        return await self._send(get(url_path, decode_data(m.Webhook), timeout=timeout))

    def list(
        self,
        *,
        status: Optional[m.WebhookState] = None,
        event: Optional[Union[m.WebhookTopic, str]] = None,
        sort_by: Optional[Literal["created_at", "updated_at", "url"]] = None,
        sort_order: Optional[SortOrder] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        timeout: Optional[float] = None,
    ) -> AsyncPaginator[m.Webhook]:
        """Lists webhooks, newest first by default."""
        query = list_query(
            status=status,
            event=event,
            sort_by=sort_by,
            sort_order=sort_order,
            page=page,
            page_size=page_size,
        )
        return self._list(page_request(WEBHOOKS, m.Webhook, query, timeout))

    async def update(
        self,
        webhook_id: str,
        *,
        url: Union[str, Omit] = OMIT,
        events: Union[Sequence[Union[m.WebhookTopic, str]], Omit] = OMIT,
        description: Union[str, None, Omit] = OMIT,
        status: Union[Literal["active", "inactive"], Omit] = OMIT,
        secret: Union[Secret, str, Omit] = OMIT,
        timeout: Optional[float] = None,
    ) -> m.Webhook:
        """Updates the given fields. `status="active"` enables a disabled webhook."""
        body = given(
            url=url,
            events=events if isinstance(events, Omit) else string_list("events", events),
            description=description,
            status=status,
            secret=secret,
        )
        url_path = build_path(WEBHOOK, webhook_id)
        call = change("PUT", url_path, decode_data(m.Webhook), body, timeout=timeout)
        return await self._send(call)

    async def delete(self, webhook_id: str, *, timeout: Optional[float] = None) -> None:
        """Deletes a webhook; its pending deliveries are dropped."""
        url_path = build_path(WEBHOOK, webhook_id)
        await self._send(change("DELETE", url_path, ignore_body, timeout=timeout))

    async def test(
        self,
        webhook_id: str,
        *,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.Delivery:
        """Sends the event `webhook.test` and returns its delivery; see `get_delivery`."""
        url_path, decode = build_path(WEBHOOK + "/test", webhook_id), decode_data(m.Delivery)
        return await self._send(post(url_path, decode, key=idempotency_key, timeout=timeout))

    async def rotate_secret(
        self,
        webhook_id: str,
        *,
        secret: Union[Secret, str, None] = None,
        overlap_seconds: Optional[int] = None,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.NewWebhook:
        """Replaces the secret of a webhook. For `overlap_seconds` (default one day) deliveries are
        signed with the old one too. If you pass no `secret`, one is generated, which is in this
        response only."""
        body = without_none(secret=secret, overlap_seconds=overlap_seconds)
        url_path = build_path(WEBHOOK + "/rotate_secret", webhook_id)
        decode = decode_data(m.NewWebhook)
        return await self._send(post(url_path, decode, body, key=idempotency_key, timeout=timeout))

    def list_deliveries(
        self,
        webhook_id: str,
        *,
        status: Optional[m.DeliveryStatus] = None,
        event: Optional[str] = None,
        sort_by: Optional[Literal["created_at"]] = None,
        sort_order: Optional[SortOrder] = None,
        page: Optional[int] = None,
        page_size: Optional[int] = None,
        cursor: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> AsyncPaginator[m.Delivery]:
        """Lists the deliveries of a webhook, newest first by default. `event` is a topic, or
        `webhook.test`."""
        query = list_query(
            status=status,
            event=event,
            sort_by=sort_by,
            sort_order=sort_order,
            page=page,
            page_size=page_size,
            cursor=cursor,
        )
        url_path = build_path(WEBHOOK + "/deliveries", webhook_id)
        return self._list(page_request(url_path, m.Delivery, query, timeout))

    async def get_delivery(
        self, delivery_id: str, *, timeout: Optional[float] = None
    ) -> m.Delivery:
        """Returns a delivery with its attempts."""
        url_path = build_path(DELIVERY, delivery_id)
        return await self._send(get(url_path, decode_data(m.Delivery), timeout=timeout))

    async def redeliver(
        self,
        delivery_id: str,
        *,
        idempotency_key: Optional[str] = None,
        timeout: Optional[float] = None,
    ) -> m.Delivery:
        """Sends a delivery again, with the same id and body."""
        url_path = build_path(DELIVERY + "/redeliver", delivery_id)
        decode = decode_data(m.Delivery)
        return await self._send(post(url_path, decode, key=idempotency_key, timeout=timeout))

    async def signing_secret(self, *, timeout: Optional[float] = None) -> Secret:
        """Returns the secret that signs callbacks (`callback_url`). Requires scope `admin`."""
        url_path = "/api/v1/webhooks/signing-secret"
        return await self._send(get(url_path, _secret_in_body, timeout=timeout))

    @staticmethod
    def verify(
        body: Union[bytes, str],
        headers: Mapping[str, str],
        secret: Secrets,
        *,
        tolerance: float = 300.0,
    ) -> m.WebhookEvent:
        """Verifies a request to a webhook or callback URL and returns its event: see
        `verify_webhook`. Sends no request."""
        return verify_webhook(body, headers, secret, tolerance=tolerance)


def _secret_in_body(body: Any) -> Secret:
    return Secret(str(body["data"]["secret"]))
