"""Verifies the signature of webhooks (Standard Webhooks)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from typing import Mapping, Sequence, Union

from pydantic import ValidationError

from ._errors import WebhookVerificationError
from ._secret import Secret, reveal
from ._webhook_models import WebhookEvent

# A signing secret, or several during a rotation.
Secrets = Union[Secret, str, Sequence[Union[Secret, str]]]

_VERSION = "v1"


def verify_webhook(
    body: Union[bytes, str],
    headers: Mapping[str, str],
    secret: Secrets,
    *,
    tolerance: float = 300.0,
) -> WebhookEvent:
    """Verifies a request to a webhook or callback URL and returns its event.

    `body` is the unmodified request body, `headers` are the request headers with names in any
    case, and `secret` is the webhook's `whsec_…`, or several secrets during a rotation. Raises
    `WebhookVerificationError` if no secret matches the signature, or if the timestamp differs
    from the current time by more than `tolerance` seconds. A delivery can arrive more than once;
    use `headers["webhook-id"]` to detect duplicates.
    """
    raw = body.encode() if isinstance(body, str) else bytes(body)
    lowercase = {name.lower(): value for name, value in headers.items()}
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    values = [lowercase.get(name) for name in names]
    if not all(values):
        raise WebhookVerificationError("the request is not signed")
    webhook_id, timestamp, signatures = (value or "" for value in values)
    if not _is_recent(timestamp, tolerance):
        raise WebhookVerificationError(
            f"the timestamp is too old or in the future: {timestamp[:32]}"
        )
    signed_content = b".".join((webhook_id.encode(), timestamp.encode(), raw))
    secrets = [secret] if isinstance(secret, (str, Secret)) else secret
    expected = [_signature(_secret_bytes(reveal(item)), signed_content) for item in secrets]
    received = [part.partition(",") for part in signatures.split(" ")]
    matching = (
        hmac.compare_digest(value.encode(), candidate)
        for version, _, value in received
        if version == _VERSION
        for candidate in expected
    )
    if not any(matching):
        raise WebhookVerificationError("the signature does not match")
    try:
        return WebhookEvent.model_validate_json(raw)
    except ValidationError as error:
        raise WebhookVerificationError(f"the body is not an event: {error}") from error


def _is_recent(timestamp: str, tolerance: float) -> bool:
    # `int` also accepts signs, spaces and other digits.
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 20):
        return False
    return abs(time.time() - int(timestamp)) <= tolerance


def _secret_bytes(secret: str) -> bytes:
    """The decoded secret; base64 padding is optional, as on the server."""
    encoded = secret[len("whsec_") :] if secret.startswith("whsec_") else secret
    encoded = encoded.rstrip("=")
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("secret must be `whsec_` followed by base64") from error


def _signature(key: bytes, content: bytes) -> bytes:
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest())
