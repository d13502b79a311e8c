"""Webhooks, sync and async, against the real server, and the verification of their requests."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator

import pytest
from stepwell_testing import Request, Server, StubResponse, StubServer

import stepwell
from stepwell import AsyncClient, Client, WebhookVerificationError, verify_webhook

URL = "https://example.com/webhooks/workflows"
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
OTHER = "whsec_b2xkb2xkb2xkb2xkb2xkb2xk"
EVENT = {"id": "evt_1", "type": "execution.completed", "timestamp": "2026-01-02T03:04:05Z"}


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.key, server.url) as client:
        yield client


def test_webhooks(client: Client) -> None:
    secret = "whsec_abcdefghijklmnopqrstuvwxyz"
    events = ["workflow.created", "workflow.executed", "execution.completed"]
    new = client.webhooks.create(URL, events, secret=secret, description="Production")
    assert (new.url, new.events, new.status, new.secret) == (URL, events, "active", None)
    assert client.webhooks.get(new.id).model_dump() == new.model_dump(exclude={"secret"})

    changed = client.webhooks.update(new.id, events=["*"], status="inactive")
    assert (changed.events, changed.status) == (["*"], "inactive")
    assert changed.description == "Production"

    others = [client.webhooks.create(f"{URL}/{n}", ["*"]) for n in range(3)]
    assert all(other.secret and other.secret.reveal() not in repr(other) for other in others)
    page = client.webhooks.list(page_size=2, sort_by="created_at")
    assert [hook.id for hook in page.items] == [others[2].id, others[1].id]
    assert {hook.id for hook in client.webhooks.list()} >= {new.id, *(o.id for o in others)}
    assert new.id in [hook.id for hook in client.webhooks.list(status="inactive")]

    first = client.webhooks.rotate_secret(others[0].id, overlap_seconds=60)
    assert first.secret and first.secret != others[0].secret and first.previous_secret_expires_at
    assert client.webhooks.rotate_secret(new.id, secret=OTHER).secret is None

    for hook in (new, *others):
        client.webhooks.delete(hook.id)
    with pytest.raises(stepwell.NotFoundError):
        client.webhooks.get(new.id)


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ((URL, ["execution.complete"]), "events[0]"),
        ((URL, []), "events"),
        (("ftp://example.com", ["*"]), "url"),
    ],
)
def test_invalid_arguments_are_reported(client: Client, arguments: tuple, path: str) -> None:
    with pytest.raises(stepwell.BadRequestError) as caught:
        client.webhooks.create(*arguments)
    assert path in [detail.path for detail in caught.value.details]


def receive_test(hook: Callable[[str], str], client: Client) -> tuple[str, Request]:
    """Sends a test delivery; returns its id and the received request."""
    got: list[Request] = []
    stub = StubServer(lambda request: (got.append(request), StubResponse(204))[1])
    try:
        webhook_id = hook(stub.url)
        delivery = client.webhooks.test(webhook_id)
        deadline = time.monotonic() + 20
        while not got:
            assert time.monotonic() < deadline, client.webhooks.list_deliveries(webhook_id)
            time.sleep(0.02)
        return delivery.id, got[0]
    finally:
        stub.close()


def test_deliveries_have_a_valid_signature(server: Server) -> None:
    with Client(server.key, server.url) as client:
        new: list[stepwell.NewWebhook] = []

        def hook(url: str) -> str:
            new.append(client.webhooks.create(url + "/hook", ["execution.completed"]))
            return new[0].id

        delivery_id, request = receive_test(hook, client)
        secret = new[0].secret or ""
        event = verify_webhook(request.body, request.headers, secret)
        assert (event.type, event.data["webhook_id"]) == ("webhook.test", new[0].id)
        assert request.headers["webhook-id"] == delivery_id
        assert verify_webhook(request.body, request.headers, [OTHER, secret]) == event
        with pytest.raises(WebhookVerificationError):
            verify_webhook(request.body + b" ", request.headers, secret)

        deadline = time.monotonic() + 20
        while True:
            [delivery] = client.webhooks.list_deliveries(new[0].id)
            if delivery.status == "delivered":
                break
            assert time.monotonic() < deadline, delivery
            time.sleep(0.02)
        assert delivery.id == delivery_id
        assert delivery.response and delivery.response.status == 204
        assert delivery.request.body["type"] == "webhook.test"
        assert [attempt.number for attempt in delivery.attempts] == [1]
        page = client.webhooks.list_deliveries(new[0].id, status="exhausted")
        assert page.total_items == 0
        of_event = client.webhooks.list_deliveries(new[0].id, event="webhook.test")
        assert of_event.total_items == 1
        assert client.webhooks.get_delivery(delivery_id) == delivery
        again = client.webhooks.redeliver(delivery_id)
        assert again.event == "webhook.test"


def test_async(server: Server) -> None:
    async def main() -> None:
        async with AsyncClient(server.key, server.url) as client:
            new = await client.webhooks.create(URL, ["*"], secret=SECRET)
            assert (await client.webhooks.get(new.id)).id == new.id
            assert new.id in [hook.id for hook in (await client.webhooks.list()).items]
            assert new.id in [hook.id async for hook in client.webhooks.list()]
            assert (await client.webhooks.update(new.id, status="inactive")).status == "inactive"
            changed = await client.webhooks.update(new.id, secret=OTHER)
            assert changed.previous_secret_expires_at
            with pytest.raises(stepwell.NotFoundError):
                await client.webhooks.get_delivery("msg_" + "0" * 26)
            rotated = await client.webhooks.rotate_secret(new.id)
            assert rotated.secret
            assert (await client.webhooks.list_deliveries(new.id)).items == []
            assert [d async for d in client.webhooks.list_deliveries(new.id)] == []
            await client.webhooks.delete(new.id)
            with pytest.raises(stepwell.NotFoundError):
                await client.webhooks.test(new.id)
            with pytest.raises(stepwell.NotFoundError):
                await client.webhooks.redeliver("msg_" + "0" * 26)

    asyncio.run(main())


def sign(body: bytes, secret: str, webhook_id: str, timestamp: int) -> dict[str, str]:
    key = base64.b64decode(secret[len("whsec_") :])
    text = f"{webhook_id}.{timestamp}.".encode() + body
    new = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    return {
        "Webhook-Id": webhook_id,
        "Webhook-Timestamp": str(timestamp),
        "Webhook-Signature": f"v1,{new}",
    }


def test_signature_verification() -> None:
    body = json.dumps({**EVENT, "data": {"execution_id": "exec_1"}}).encode()
    now = int(time.time())
    good = sign(body, SECRET, "msg_1", now)
    event = verify_webhook(body, good, SECRET)
    assert (event.id, event.type, event.data) == (
        "evt_1",
        "execution.completed",
        {"execution_id": "exec_1"},
    )
    assert verify_webhook(body.decode(), good, SECRET.replace("whsec_", "")) == event
    both = {**good, "Webhook-Signature": "v2,AAAA v1,AAAA " + good["Webhook-Signature"]}
    assert verify_webhook(body, both, SECRET) == event
    old = sign(body, SECRET, "msg_1", now - 400)
    assert verify_webhook(body, old, SECRET, tolerance=500) == event

    other_version = {**good, "Webhook-Signature": good["Webhook-Signature"].replace("v1", "v2")}
    for headers, secret, message in [
        ({}, SECRET, "not signed"),
        ({**good, "Webhook-Signature": ""}, SECRET, "not signed"),
        (good, OTHER, "does not match"),
        (other_version, SECRET, "does not match"),
        ({**good, "Webhook-Signature": "v1,\u00e9"}, SECRET, "does not match"),
        ({**good, "Webhook-Id": "msg_2"}, SECRET, "does not match"),
        (old, SECRET, "too old or in the future"),
        (sign(body, SECRET, "msg_1", now + 400), SECRET, "too old or in the future"),
        ({**good, "Webhook-Timestamp": "nan"}, SECRET, "too old or in the future"),
        ({**good, "Webhook-Timestamp": "-1"}, SECRET, "too old or in the future"),
        ({**good, "Webhook-Timestamp": "9" * 400}, SECRET, "too old or in the future"),
        (sign(b"[]", SECRET, "msg_1", now), SECRET, "does not match"),
    ]:
        with pytest.raises(WebhookVerificationError, match=message) as caught:
            verify_webhook(body, headers, secret)
        assert caught.value.code == "WEBHOOK_NOT_VERIFIED"
    with pytest.raises(WebhookVerificationError, match="not an event"):
        verify_webhook(b"[]", sign(b"[]", SECRET, "msg_1", now), SECRET)
    with pytest.raises(ValueError, match="whsec_"):
        verify_webhook(body, good, "whsec_not base64!")
