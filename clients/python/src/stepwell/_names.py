"""Names where ids are accepted. No I/O."""

from __future__ import annotations

import re
from typing import Any

from ._errors import NotFoundError

# Responds with the newest workflow of a name; the management API has no such call.
DEPLOYMENT = "/v1/workflow-deployments/{}"

_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_SUFFIX = re.compile(r"[-_][0-9a-z]{26}", re.IGNORECASE)


def is_id(text: str, prefix: str) -> bool:
    """Whether a text looks like an id of this prefix; any other text is a name."""
    if text[: len(prefix)].lower() == prefix and _SUFFIX.fullmatch(text, len(prefix)):
        return True
    return _UUID.fullmatch(text) is not None


def id_in_body(body: Any) -> str:
    """The id in a response of `DEPLOYMENT`."""
    return str(body["id"])


def first_id_in_list(name: str) -> Any:
    """Decodes a list that is filtered by a name."""

    def decode(body: Any) -> str:
        items = body["data"]["items"]
        if not items:
            message = f"there is no template `{name[:100]}`"
            raise NotFoundError(message, code="NOT_FOUND", status=404)
        return str(items[0]["id"])

    return decode
