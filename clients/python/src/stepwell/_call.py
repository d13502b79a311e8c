"""A request as data, and what its answer means. No I/O."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Callable, Generic, Mapping, Optional, TypeVar, Union
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from ._errors import (
    APIError,
    ConnectionFailedError,
    RequestTimeoutError,
    StepwellError,
    UnexpectedAnswerError,
    api_error,
)
from ._models import Model
from ._retry import RETRIED_STATUSES, RetryPolicy, retry_after
from ._settings import Settings

# A definition of a workflow: a mapping, or a text in YAML (or JSON).
Definition = Union[Mapping[str, Any], str]

# A query parameter.
Value = Union[str, int]

T = TypeVar("T")
M = TypeVar("M", bound=Model)

_PASSING = (httpx.NetworkError, httpx.ConnectTimeout, httpx.RemoteProtocolError)

# An answer that takes longer than this is given up, unless a call says otherwise.
EXECUTE_TIMEOUT = 600.0


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request. `read` makes the result of an answer's JSON (None: no content). `timeout`, in
    seconds, replaces the client's. `repeatable`: sending it twice does the same as once."""

    method: str
    path: str
    read: Callable[[Any], T]
    query: Mapping[str, Union[str, int]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: Optional[bytes] = None
    timeout: Optional[float] = None
    repeatable: bool = True

    def arguments(self, settings: Settings) -> dict[str, Any]:
        """For `httpx.Client.build_request`."""
        timeout = settings.timeout
        if self.timeout is not None:
            timeout = httpx.Timeout(self.timeout, connect=timeout.connect)
        return {
            "method": self.method,
            "url": settings.base_url + self.path,
            "params": dict(self.query) or None,
            "headers": {**settings.headers(), **self.headers},
            "content": self.content,
            "timeout": timeout,
        }

    def delay(
        self, policy: RetryPolicy, tried: int, outcome: Union[httpx.Response, httpx.RequestError]
    ) -> Optional[float]:
        """Seconds before it is sent again; None: `outcome` is final."""
        if not self.repeatable:
            return None
        if isinstance(outcome, httpx.Response):
            if outcome.status_code not in RETRIED_STATUSES:
                return None
            return policy.delay(tried, outcome.headers)
        # After a time-out the caller's patience is over; the others would fail again.
        return policy.delay(tried) if isinstance(outcome, _PASSING) else None

    def result(self, response: httpx.Response) -> T:
        """The result, or the exception that the answer stands for."""
        if not response.is_success:
            raise refusal(response)
        try:
            return self.read(response.json() if response.content else None)
        except (ValueError, KeyError, TypeError, ValidationError) as error:
            raise UnexpectedAnswerError(
                f"the answer to {self.method} {self.path} is not readable: {error}",
                request_id=response.headers.get("x-request-id"),
            ) from error


def refusal(response: httpx.Response) -> APIError:
    """The exception for an answer that is not a success."""
    try:
        body = response.json()
    except ValueError:
        body = response.text
    headers = response.headers
    wait = retry_after(headers.get("retry-after"))
    return api_error(response.status_code, body, headers.get("x-request-id"), wait)


def broken(
    error: httpx.RequestError, server: str, execution_id: Optional[str] = None
) -> StepwellError:
    """The exception for a request that got no answer."""
    if isinstance(error, httpx.TimeoutException):
        return RequestTimeoutError(
            f"{server} did not answer in time ({type(error).__name__})", execution_id=execution_id
        )
    return ConnectionFailedError(
        f"{server}: {error or type(error).__name__}", execution_id=execution_id
    )


def model(kind: type[M]) -> Callable[[Any], M]:
    """Reads an answer as `kind`."""
    return kind.model_validate


def listed(where: str, kind: type[M], options: Mapping[str, Any]) -> Call[M]:
    """A page of a list."""
    return Call("GET", where, wrapped(kind), query_of(options))


def wrapped(kind: type[M]) -> Callable[[Any], M]:
    """Reads the `data` of an answer as `kind`."""
    return lambda body: kind.model_validate(body["data"])


def nothing(_: Any) -> None:
    """For answers without content that matters."""


def path(template: str, *parts: str) -> str:
    """`template` with each `{}` filled by a part, escaped."""
    return template.format(*(quote(part, safe="") for part in parts))


def given(**fields: Any) -> dict[str, Any]:
    """The fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def plain(value: Any) -> Any:
    """JSON values, with models dumped and times as texts."""
    if isinstance(value, Model):
        return value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return moment(value) if isinstance(value, date) else value


def get(where: str, read: Callable[[Any], T], **query: Union[str, int, None]) -> Call[T]:
    """A GET; what is None is not asked for."""
    return Call("GET", where, read, given(**query))


def put(
    where: str,
    read: Callable[[Any], T],
    body: Any,
    *,
    version: Optional[int] = None,
    repeatable: bool = False,
) -> Call[T]:
    """A PUT, of that version only. Mostly not repeatable: what others did in between would be
    undone."""
    content, headers = encoded(body)
    headers = {**headers, **if_match(version)}
    return Call("PUT", where, read, {}, headers, content, repeatable=repeatable)


def patch(where: str, read: Callable[[Any], T], body: Any) -> Call[T]:
    """A PATCH, never repeated for the same reason."""
    content, headers = encoded(body)
    return Call("PATCH", where, read, {}, headers, content, repeatable=False)


def delete(where: str) -> Call[None]:
    """A DELETE, never repeated: a second one would find nothing."""
    return Call("DELETE", where, nothing, repeatable=False)


def removal(
    where: str, read: Callable[[Any], T], *, version: Optional[int] = None, **query: Optional[Value]
) -> Call[T]:
    """A DELETE whose answer says something, of that version only."""
    return Call("DELETE", where, read, given(**query), if_match(version), repeatable=False)


def if_match(version: Optional[int]) -> dict[str, str]:
    """The header that makes a change depend on the version; none for None."""
    return {} if version is None else {"If-Match": f'"{version}"'}


def query_of(options: Mapping[str, Any]) -> dict[str, Value]:
    """What a list is asked with. `metadata` are labels; their names are marked, since one can be
    that of a parameter, or nearly."""
    labels = options.get("metadata") or {}
    fields = {name: value for name, value in options.items() if name != "metadata"}
    query = {name: _parameter(value) for name, value in given(**fields).items()}
    return {**query, **{f"metadata.{name}": value for name, value in labels.items()}}


def _parameter(value: Any) -> Value:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return moment(value)
    if isinstance(value, (str, int)):
        return value
    return ",".join(str(item) for item in value)


def moment(value: date) -> str:
    """A day; or a time with its zone, one without being meant in the zone of this machine."""
    if isinstance(value, datetime) and value.tzinfo is None:
        value = value.astimezone()
    return value.isoformat()


def post(
    where: str,
    read: Callable[[Any], T],
    body: Any = None,
    *,
    key: Optional[str] = None,
    query: Optional[Mapping[str, Union[str, int]]] = None,
    headers: Optional[Mapping[str, str]] = None,
    timeout: Optional[float] = None,
) -> Call[T]:
    """A POST with an idempotency key, so that it can be repeated."""
    content, kind = encoded(body)
    all_headers = {"Idempotency-Key": key or uuid.uuid4().hex, **kind, **(headers or {})}
    return Call("POST", where, read, query or {}, all_headers, content, timeout)


def encoded(body: Any) -> tuple[Optional[bytes], dict[str, str]]:
    """A body with its header; a text is YAML."""
    if body is None:
        return None, {}
    if isinstance(body, str):
        return body.encode(), {"Content-Type": "application/yaml"}
    text = json.dumps(plain(body), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode(), {"Content-Type": "application/json"}
