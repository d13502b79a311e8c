"""Whether a request is one of Stepwell's webhooks: the Standard Webhooks signature."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from typing import Mapping, Sequence, Union

from pydantic import ValidationError

from ._errors import WebhookVerificationError
from ._webhook_models import WebhookEvent

_VERSION = "v1"


def verify_webhook(
    body: Union[bytes, str],
    headers: Mapping[str, str],
    secret: Union[str, Sequence[str]],
    *,
    tolerance: float = 300.0,
) -> WebhookEvent:
    """The event of a request that a webhook, or a callback, got.

    `body` is the request's body exactly as it came, `headers` its headers in any case, `secret`
    the webhook's `whsec_…`, or several while it is changed. Raises `WebhookVerificationError`
    where none of them made the signature, or the request is more than `tolerance` seconds old (or
    that far in the future). Remember `headers["webhook-id"]` where an event must count once: a
    delivery may come again.
    """
    raw = body.encode() if isinstance(body, str) else bytes(body)
    known = {name.lower(): value for name, value in headers.items()}
    told = [known.get(name) for name in ("webhook-id", "webhook-timestamp", "webhook-signature")]
    if not all(told):
        raise WebhookVerificationError("the request is not signed")
    webhook_id, timestamp, signatures = (value or "" for value in told)
    if not _is_recent(timestamp, tolerance):
        raise WebhookVerificationError(f"the request is of another time: {timestamp[:32]}")
    signed = b".".join((webhook_id.encode(), timestamp.encode(), raw))
    secrets = [secret] if isinstance(secret, str) else secret
    wanted = [_signature(_key(one), signed) for one in secrets]
    given = [part.partition(",") for part in signatures.split(" ")]
    matching = (
        hmac.compare_digest(value.encode(), ours)
        for version, _, value in given
        if version == _VERSION
        for ours in wanted
    )
    if not any(matching):
        raise WebhookVerificationError("the signature does not match")
    try:
        return WebhookEvent.model_validate_json(raw)
    except ValidationError as error:
        raise WebhookVerificationError(f"the body is not an event: {error}") from error


def _is_recent(timestamp: str, tolerance: float) -> bool:
    # `int` reads more than digits.
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 20):
        return False
    return abs(time.time() - int(timestamp)) <= tolerance


def _key(secret: str) -> bytes:
    """The bytes of a secret; the padding of its base64 may be missing, as the server allows."""
    encoded = secret[len("whsec_") :] if secret.startswith("whsec_") else secret
    encoded = encoded.rstrip("=")
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("secret must be `whsec_` and base64") from error


def _signature(key: bytes, signed: bytes) -> bytes:
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
