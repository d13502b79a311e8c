"""Compares the client with the OpenAPI document of the server: every operation has a method, which
sends all parameters, and whose return type matches the response: it has all fields, accepts those
that are missing or null, and lists all values of an enumeration."""

from __future__ import annotations

import inspect
import json
import re
import typing
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Optional
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import BaseModel, create_model
from stepwell_testing import ROOT, Request, Server, StubResponse, StubServer

import stepwell
from stepwell._base import Pagination

TABLE = json.loads((ROOT / "clients/testing/operations.json").read_text())
METHODS: dict[str, dict[str, Any]] = TABLE["operations"]
SAME: dict[str, str] = TABLE["same_as"]

# Probes, and calls that only the published vellum clients use.
EXCLUDED = re.compile(r"^/(healthz|readyz|metrics|openapi\.json|v1/.*)$")
# Streams whose resume position is sent as `Last-Event-ID`, or as `after`.
RESUMABLE = {"events", "abi_events"}


@pytest.fixture(scope="module")
def description(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(server.url + "/openapi.json").json()
    return found


def operations(description: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of each."""
    for path, calls in description["paths"].items():
        for method, call in calls.items():
            yield method.upper(), path, call


def method_of(client: stepwell.Client, name: str) -> Any:
    found: Any = client
    for part in name.split("."):
        found = getattr(found, part)
    return found


def test_every_operation_has_a_method(description: dict[str, Any]) -> None:
    known = {call["operationId"]: path for _, path, call in operations(description)}
    missing = {
        name
        for name, path in known.items()
        if name not in METHODS and name not in SAME and not EXCLUDED.match(path)
    }
    assert not missing, "add a method and its entry in clients/testing/operations.json"
    assert set(SAME.values()) <= set(METHODS)
    with stepwell.Client() as client:
        for name in set(METHODS) & set(known):
            assert callable(method_of(client, METHODS[name]["call"])), name


def test_every_method_sends_all_parameters_of_its_operation(
    description: dict[str, Any], start_stub: Callable[..., StubServer]
) -> None:
    stub = start_stub(StubResponse(404, {"status": "error", "message": "no", "errors": []}))
    with stepwell.Client("t", stub.url, max_retries=0) as client:
        for verb, path, call in operations(description):
            entry = METHODS.get(call["operationId"])
            if entry is None:
                continue
            method = method_of(client, entry["call"])
            with suppress(stepwell.NotFoundError):
                result = method(*entry.get("args", ()), **entry.get("options", {}))
                if inspect.isgenerator(result):
                    next(result)
            sent = stub.requests.pop()
            assert not stub.requests, entry
            # Path parameters contain no slash.
            template = re.sub(r"\{\w+\}", "[^/]+", path)
            assert sent.method == verb and re.fullmatch(template, urlsplit(sent.path).path)
            expected = accepted_names(description, call) - set(entry.get("unsent", ()))
            assert expected <= sent_names(sent, call["operationId"]), (call["operationId"], sent)
            query = parse_qs(urlsplit(sent.path).query)
            for name, value in entry.get("options", {}).items():
                is_plain = isinstance(value, (int, str)) and not isinstance(value, bool)
                if is_plain and name in query and name != "timeout":
                    assert query[name] == [str(value)], (call["operationId"], name)


def accepted_names(description: dict[str, Any], call: dict[str, Any]) -> set[str]:
    """The names of an operation's parameters, and of the fields of its body."""
    names = {item["name"] for item in call.get("parameters", ()) if item["in"] != "path"}
    body = call.get("requestBody", {}).get("content", {}).get("application/json", {})
    return names | set(fields(description, body.get("schema", {})))


def sent_names(sent: Request, operation: str) -> set[str]:
    """The names of the parameters and fields that were sent."""
    body = json.loads(sent.body) if sent.body else {}
    headers = {"idempotency-key": "Idempotency-Key", "if-match": "If-Match"}
    if operation in RESUMABLE:
        headers["last-event-id"] = "Last-Event-ID"
    named = {name for key, name in headers.items() if key in sent.headers}
    return named | set(parse_qs(urlsplit(sent.path).query)) | set(body)


def resolve(description: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return resolve(description, description["components"]["schemas"][name])
    return schema


def fields(description: dict[str, Any], schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The fields of an object by their names."""
    schema = resolve(description, schema)
    found: dict[str, dict[str, Any]] = dict(schema.get("properties", {}))
    for part in (*schema.get("allOf", ()), *schema.get("oneOf", ())):
        found |= fields(description, part)
    return found


def test_every_model_matches_its_response(description: dict[str, Any]) -> None:
    found: list[str] = []
    with stepwell.Client() as client:
        for _, _, call in operations(description):
            entry = METHODS.get(call["operationId"])
            if entry is None:
                continue
            kind = return_type(method_of(client, entry["call"]))
            for status, response in call["responses"].items():
                schema = response.get("content", {}).get("application/json", {}).get("schema")
                if status.startswith("2") and schema:
                    found += mismatches(description, schema, kind, call["operationId"])
    assert found == []


def return_type(method: Any) -> Any:
    """What a method returns; of a list, the items with their pagination."""
    kind = typing.get_type_hints(method)["return"]
    if typing.get_origin(kind) is not stepwell.Page:
        return kind
    [item] = typing.get_args(kind)
    fields: dict[str, Any] = {"items": (list[item], ...), "pagination": (Pagination, ...)}
    if item.__module__ == "stepwell.dataflow":
        fields = {"next_cursor": (Optional[str], None)}
        fields |= {name: (list[item], []) for name in ("workflows", "executions")}
    return create_model("PageModel", **fields)


def mismatches(
    description: dict[str, Any], schema: dict[str, Any], kind: Any, where: str
) -> Iterator[str]:
    """The differences between a schema and a type."""
    *_, before, last = ["", *where.split(".")]
    if last == before:
        # A type that contains itself is compared once.
        return
    found = fields(description, schema)
    if typing.get_origin(kind) is stepwell.Execution:
        kind = stepwell.Execution
    if "data" in found and "status" in found:
        yield from mismatches(description, found["data"], kind, where)
        return
    arguments = typing.get_args(kind)
    models = [
        option
        for option in (kind, *arguments)
        # In Python 3.9 `list[…]` is also a class.
        if typing.get_origin(option) is None
        and inspect.isclass(option)
        and issubclass(option, BaseModel)
    ]
    if typing.get_origin(kind) is list:
        lists = [schema, *found.values()]
        items = next(
            one["items"] for each in lists if "items" in (one := resolve(description, each))
        )
        yield from mismatches(description, items, arguments[0], where + "[]")
    elif models:
        required = required_fields(description, schema)
        for name, inner in found.items():
            having = [field for model in models if (field := field_of(model, name))]
            if not having:
                yield f"{where}.{name} is missing"
                continue
            held = having[0].annotation
            if name not in required and all(field.is_required() for field in having):
                yield f"{where}.{name} can be missing in a response"
            if is_nullable(description, inner) and not accepts_none(held):
                yield f"{where}.{name} can be null"
            known, values = literal_values(held), enum_values(description, inner)
            if known and values and known != values:
                yield f"{where}.{name} has other values: {known ^ values}"
            inner_type = resolve(description, inner)
            of_list = [a for a in (held, *typing.get_args(held)) if typing.get_origin(a) is list]
            if "items" in inner_type and of_list:
                item = typing.get_args(of_list[0])[0]
                yield from mismatches(description, inner_type["items"], item, f"{where}.{name}[]")
            else:
                yield from mismatches(description, inner, held, f"{where}.{name}")


def field_of(model: type[BaseModel], name: str) -> Any:
    """The field of a model for a name in the response; None: there is none."""
    return {field.alias or key: field for key, field in model.model_fields.items()}.get(name)


def required_fields(description: dict[str, Any], schema: dict[str, Any]) -> set[str]:
    """The names of the fields that are in every object of a schema."""
    schema = resolve(description, schema)
    names = set(schema.get("required", ()))
    for part in schema.get("allOf", ()):
        names |= required_fields(description, part)
    options = [part for part in schema.get("oneOf", ()) if part.get("type") != "null"]
    common = [required_fields(description, part) for part in options]
    return names | (set.intersection(*common) if common else set())


def is_nullable(description: dict[str, Any], schema: dict[str, Any]) -> bool:
    schema = resolve(description, schema)
    types = schema.get("type")
    return (isinstance(types, list) and "null" in types) or any(
        is_nullable(description, part) or part.get("type") == "null"
        for part in schema.get("oneOf", ())
    )


def accepts_none(annotation: Any) -> bool:
    return annotation is Any or type(None) in typing.get_args(annotation)


def literal_values(annotation: Any) -> set[str]:
    """The values of all `Literal` types in an annotation."""
    if typing.get_origin(annotation) is typing.Literal:
        return set(typing.get_args(annotation))
    return set().union(*map(literal_values, typing.get_args(annotation)))


def enum_values(description: dict[str, Any], schema: dict[str, Any]) -> set[str]:
    schema = resolve(description, schema)
    parts = (*schema.get("oneOf", ()), *schema.get("allOf", ()))
    values = (enum_values(description, part) for part in parts)
    return set(schema.get("enum", ())).union(*values)
