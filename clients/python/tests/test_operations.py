"""Compares the client with the OpenAPI document of the server: every operation has a method, which
sends all parameters, and whose return type has all fields of the response."""

from __future__ import annotations

import inspect
import json
import re
import typing
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from pydantic import BaseModel
from stepwell_testing import ROOT, Request, Server, StubResponse, StubServer

import stepwell

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


def test_every_model_has_all_fields_of_its_response(description: dict[str, Any]) -> None:
    unknown: list[str] = []
    with stepwell.Client() as client:
        for _, _, call in operations(description):
            entry = METHODS.get(call["operationId"])
            if entry is None:
                continue
            kind = typing.get_type_hints(method_of(client, entry["call"]))["return"]
            for status, response in call["responses"].items():
                schema = response.get("content", {}).get("application/json", {}).get("schema")
                if status.startswith("2") and schema:
                    unknown += missing_fields(description, schema, kind, call["operationId"])
    assert unknown == []


def missing_fields(
    description: dict[str, Any], schema: dict[str, Any], kind: Any, where: str
) -> Iterator[str]:
    """The fields of a schema that a type lacks."""
    found = fields(description, schema)
    if "data" in found and "status" in found:
        yield from missing_fields(description, found["data"], kind, where)
        return
    arguments = typing.get_args(kind)
    models = [
        option
        for option in (kind, *arguments)
        if inspect.isclass(option) and issubclass(option, BaseModel)
    ]
    if typing.get_origin(kind) is list:
        lists = [schema, *found.values()]
        items = next(
            one["items"] for each in lists if "items" in (one := resolve(description, each))
        )
        yield from missing_fields(description, items, arguments[0], where + "[]")
    elif models:
        for name, inner in found.items():
            having = [model for model in models if name in model.model_fields]
            if not having:
                yield f"{where}.{name}"
                continue
            held = having[0].model_fields[name].annotation
            inner_type = resolve(description, inner)
            of_list = [a for a in (held, *typing.get_args(held)) if typing.get_origin(a) is list]
            if "items" in inner_type and of_list:
                item = typing.get_args(of_list[0])[0]
                yield from missing_fields(
                    description, inner_type["items"], item, f"{where}.{name}[]"
                )
            else:
                yield from missing_fields(description, inner, held, f"{where}.{name}")
