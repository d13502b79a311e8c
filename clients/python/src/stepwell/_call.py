"""A request as data, and the decoding of its response. No I/O."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Callable, Generic, Mapping, Optional, Sequence, TypeVar, Union
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from ._base import Model
from ._errors import (
    APIError,
    ConnectionFailedError,
    RequestTimeoutError,
    StepwellError,
    UnexpectedResponseError,
    api_error,
)
from ._omit import without_none
from ._retry import EXECUTION_ERROR_CODES, is_retryable
from ._secret import HiddenText, Secret
from ._settings import Settings

# A query parameter.
QueryValue = Union[str, int]
Query = Mapping[str, QueryValue]

T = TypeVar("T")
M = TypeVar("M", bound=Model)

# Errors after which the same request can succeed.
_TRANSIENT_ERRORS = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError)

# Seconds that executing a workflow may take if the call has no timeout of its own.
EXECUTE_TIMEOUT = 600.0


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request. `decode` converts the JSON of the response (None: no content). `timeout`, in
    seconds, replaces the client's. `repeatable`: sending it twice has the same effect as once."""

    method: str
    path: str
    decode: Callable[[Any], T]
    query: Query = field(default_factory=dict)
    # Headers and body can contain secrets, so they are not shown.
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: Optional[bytes] = field(default=None, repr=False)
    timeout: Optional[float] = None
    repeatable: bool = True

    def http_timeout(self, settings: Settings) -> httpx.Timeout:
        """The timeouts of this call."""
        if self.timeout is None:
            return settings.timeout
        return httpx.Timeout(
            self.timeout, connect=min(self.timeout, settings.timeout.connect or 10)
        )

    def retry_delay(
        self,
        settings: Settings,
        attempts: int,
        outcome: Union[httpx.Response, httpx.RequestError],
    ) -> Optional[float]:
        """Seconds before the request is sent again; None: `outcome` is final."""
        if attempts > settings.max_retries:
            return None
        if isinstance(outcome, httpx.Response):
            if is_retryable(outcome.status_code, outcome.headers, self.repeatable):
                if not _describes_an_execution(outcome):
                    return settings.retry_policy.delay(attempts, outcome.headers)
            return None
        if self.repeatable and isinstance(outcome, _TRANSIENT_ERRORS):
            return settings.retry_policy.delay(attempts)
        return None

    def decode_response(self, response: httpx.Response) -> T:
        """The result of a successful response; raises the exception for any other."""
        if not response.is_success:
            raise error_from_response(response)
        try:
            return self.decode(response.json() if response.content else None)
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            raise UnexpectedResponseError(
                f"the response to {self.method} {self.path} cannot be decoded: {error}",
                request_id=response.headers.get("x-request-id"),
            ) from error


def error_from_response(response: httpx.Response) -> APIError:
    """The exception for an unsuccessful response."""
    return api_error(response.status_code, response.headers, _body_of(response))


def _body_of(response: httpx.Response) -> Any:
    """The JSON of a response that was read, else its text."""
    try:
        return response.json()
    except ValueError:
        return response.text


def _describes_an_execution(response: httpx.Response) -> bool:
    """Whether an error is the end of an execution: a retry would return it again."""
    if response.status_code not in (500, 504) or not response.is_stream_consumed:
        return False
    return api_error(response.status_code, {}, _body_of(response)).code in EXECUTION_ERROR_CODES


def transport_error(
    error: httpx.RequestError, server: str, execution_id: Optional[str] = None
) -> StepwellError:
    """The exception for a request without a response."""
    if isinstance(error, httpx.PoolTimeout):
        message = f"no connection to {server} became free in time; all are in use"
        return RequestTimeoutError(message, execution_id=execution_id)
    if isinstance(error, httpx.TimeoutException):
        message = f"{server} did not respond in time ({type(error).__name__})"
        return RequestTimeoutError(message, execution_id=execution_id)
    message = f"{server}: {error or type(error).__name__}"
    return ConnectionFailedError(message, execution_id=execution_id)


def decode_as(kind: type[M]) -> Callable[[Any], M]:
    """Decodes a response body as `kind`."""
    return kind.model_validate


def decode_data(kind: type[M]) -> Callable[[Any], M]:
    """Decodes the `data` of a response body as `kind`."""
    return lambda body: kind.model_validate(body["data"])


def ignore_body(_: Any) -> None:
    """For responses whose body is not needed."""


def build_path(template: str, *segments: str) -> str:
    """`template` with each `{}` replaced by an escaped segment."""
    return template.format(*(quote(segment, safe="") for segment in segments))


def string_list(name: str, values: Sequence[str]) -> list[str]:
    """The values as a list. Raises TypeError for a string, which is a sequence of letters."""
    if isinstance(values, str):
        raise TypeError(f"`{name}` must be a list of strings, not a string")
    return list(values)


def to_json(value: Any) -> Any:
    """A JSON value: models are dumped, dates and times become strings."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Model):
        return value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return format_date(value) if isinstance(value, date) else value


def get(
    url_path: str,
    decode: Callable[[Any], T],
    *,
    timeout: Optional[float] = None,
    **query: Optional[QueryValue],
) -> Call[T]:
    """A GET; parameters that are None are omitted."""
    return Call("GET", url_path, decode, without_none(**query), timeout=timeout)


def change(
    method: str,
    url_path: str,
    decode: Callable[[Any], T],
    body: Any = None,
    *,
    version: Optional[int] = None,
    timeout: Optional[float] = None,
    repeatable: bool = False,
    **query: Optional[QueryValue],
) -> Call[T]:
    """A PUT, PATCH or DELETE, conditional on `version` if there is one. Usually not repeatable: a
    PUT would overwrite changes that others made in between, and a second DELETE would not find the
    object."""
    content, content_type = encode_body(body)
    return Call(
        method,
        url_path,
        decode,
        without_none(**query),
        {**content_type, **if_match(version)},
        content,
        timeout,
        repeatable,
    )


def if_match(version: Optional[int]) -> dict[str, str]:
    """The header that makes a change conditional on the version; empty for None."""
    return {} if version is None else {"If-Match": f'"{version}"'}


def list_query(*, metadata: Optional[Mapping[str, Any]] = None, **filters: Any) -> Query:
    """The query of a list. Labels (`metadata`) get a prefix, since a label can have the name of a
    parameter."""
    query = {name: _query_value(value) for name, value in without_none(**filters).items()}
    labels = {f"metadata.{name}": value for name, value in (metadata or {}).items()}
    return {**query, **labels}


def _query_value(value: Any) -> QueryValue:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return format_date(value)
    if isinstance(value, (str, int)):
        return value
    return ",".join(str(item) for item in value)


def format_date(value: date) -> str:
    """A date, or a time with its zone; a time without one is in the zone of this machine."""
    if isinstance(value, datetime) and value.tzinfo is None:
        value = value.astimezone()
    return value.isoformat()


def post(
    url_path: str,
    decode: Callable[[Any], T],
    body: Any = None,
    *,
    key: Optional[str] = None,
    query: Optional[Query] = None,
    headers: Optional[Mapping[str, str]] = None,
    timeout: Optional[float] = None,
) -> Call[T]:
    """A POST with an idempotency key, which makes it repeatable."""
    if key is not None and not _is_header_value(key):
        raise ValueError("idempotency_key must be printable ASCII")
    content, content_type = encode_body(body)
    key = key or uuid.uuid4().hex
    all_headers = {"Idempotency-Key": key, **content_type, **(headers or {})}
    return Call("POST", url_path, decode, query or {}, all_headers, content, timeout)


def encode_body(body: Any) -> tuple[Optional[bytes], dict[str, str]]:
    """A body and its `Content-Type` header; a string is YAML."""
    if body is None:
        return None, {}
    if isinstance(body, str):
        return body.encode(), {"Content-Type": "application/yaml"}
    text = json.dumps(to_json(body), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode(), {"Content-Type": "application/json"}


def secret_headers(secrets: Optional[Mapping[str, str]]) -> dict[str, str]:
    """The headers with the secrets of an execution.

    Raises ValueError for what a header cannot contain: the HTTP library's own error would show
    the secret.
    """
    headers: dict[str, str] = {}
    for name, value in (secrets or {}).items():
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise ValueError("the name of a secret may contain letters, digits and `_` only")
        if not _is_header_value(value):
            raise ValueError(f"the secret `{name}` must be printable ASCII without line ends")
        headers[f"X-Secret-{name.replace('_', '-')}"] = HiddenText(value)
    return headers


def _is_header_value(text: str) -> bool:
    return text.isascii() and text.isprintable()
