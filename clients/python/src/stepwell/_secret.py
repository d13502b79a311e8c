"""A text that is not shown by accident."""

from __future__ import annotations

import hmac
from typing import Any, NoReturn, Union

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

_MASK = "**********"


class Secret:
    """A secret text: an API key or a signing secret. `reveal()` returns it.

    It is printed, formatted and serialised as `**********`, and cannot be pickled. Pass it to
    `Client(api_key=…)` or `webhooks.verify` as it is.
    """

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def reveal(self) -> str:
        """The text."""
        return self.__text

    def __repr__(self) -> str:
        return f"Secret('{_MASK}')"

    def __str__(self) -> str:
        return _MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.__text.encode(), other.__text.encode())

    def __hash__(self) -> int:
        return hash(self.__text)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled; store `secret.reveal()` in a safe place")

    @classmethod
    def __get_pydantic_core_schema__(cls, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        text = core_schema.no_info_after_validator_function(cls, core_schema.str_schema())
        return core_schema.json_or_python_schema(
            json_schema=text,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), text]),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda _: _MASK, when_used="json"
            ),
        )


class HiddenText(str):
    """A header value that is not shown where headers are printed, as in reports of tracebacks with
    their variables."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(_MASK)


def reveal(secret: Union[Secret, str]) -> str:
    """The text of a secret that can also be passed as a text."""
    return secret.reveal() if isinstance(secret, Secret) else secret
