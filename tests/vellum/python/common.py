"""Helpers of the checks: the fixtures, a prepared server, and the client as one of two users.

The clients are used as their users use them: nothing is patched.
"""

import asyncio
import functools
import json
import pathlib
import sys
import urllib.request
import uuid

import vellum.client.types as types
from vellum import AsyncVellum, Vellum, VellumEnvironment

BASE, KEY = sys.argv[1], sys.argv[2]
ENVIRONMENT = VellumEnvironment(default=BASE, predict=BASE, documents=BASE)
FIXTURES = json.loads((pathlib.Path(__file__).parents[1] / "fixtures.json").read_text())
RUN = uuid.uuid4().hex[:8]
# Older versions lack some types of outputs and some methods.
KNOWN = {kind for kind in FIXTURES["types"]
         if hasattr(types, "WorkflowOutput" + kind.title().replace("_", ""))}


def http(method, path, body=None, key=KEY):
    """A request without the client, for operations that it has no method for."""
    headers = {"X-API-KEY": key, "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{BASE}{path}", data=data, headers=headers, method=method)
    with urllib.request.urlopen(request) as response:
        return json.loads(response.read() or b"null")


def name_of(workflow):
    """The deployment's name in this run."""
    return f"{workflow}-{RUN}"


@functools.cache
def reader_key():
    """A key that can read and not execute."""
    body = {"name": f"reader-{RUN}", "scopes": ["read:workflows"]}
    return http("POST", "/api/v1/auth/api-keys", body)["data"]["secret"]


def create_all():
    """Creates the fixtures' workflows; one without some outputs for clients that lack their types."""
    for name, definition in FIXTURES["workflows"].items():
        definition = {**definition, "name": name_of(name)}
        if name in ("values", "inputs"):
            definition["outputs"] = {
                output: value for output, value in definition["outputs"].items()
                if value["schema"]["x-vellum-type"] in KNOWN
            }
        http("POST", "/workflows", definition)


class Sync:
    """A user of `Vellum`."""

    def __init__(self, key=KEY, **options):
        self.client = Vellum(api_key=key, environment=ENVIRONMENT, **options)

    def has(self, method):
        return hasattr(self.client, method)

    def call(self, method, **arguments):
        return getattr(self.client, method)(**arguments)

    def status(self, execution_id):
        return self.client.workflows.workflow_execution_status(execution_id)

    def stream(self, **arguments):
        return list(self.client.execute_workflow_stream(**arguments))


class Async:
    """A user of `AsyncVellum`."""

    loop = asyncio.new_event_loop()

    def __init__(self, key=KEY, **options):
        self.client = AsyncVellum(api_key=key, environment=ENVIRONMENT, **options)

    def has(self, method):
        return hasattr(self.client, method)

    def call(self, method, **arguments):
        return self.loop.run_until_complete(getattr(self.client, method)(**arguments))

    def status(self, execution_id):
        status = self.client.workflows.workflow_execution_status(execution_id)
        return self.loop.run_until_complete(status)

    def stream(self, **arguments):
        async def read():
            return [event async for event in self.client.execute_workflow_stream(**arguments)]
        return self.loop.run_until_complete(read())


# One client for all checks of a user, and one for each other set of options.
USERS = (functools.cache(Sync), functools.cache(Async))


def refused(kind, status, word, call):
    """Checks that `call` raises exactly that exception of the client, with the word in its detail."""
    try:
        response = call()
    except Exception as error:
        assert type(error) is kind, (error, kind)
        assert error.status_code == status, (status, error)
        assert word in error.body["detail"], (word, error.body)
        assert error.body["code"] and error.body["request_id"], error.body
        return error
    raise AssertionError(f"{word}: was not rejected but returned {response}")


def plain(value):
    """A value of the client's types as JSON, without nulls."""
    if hasattr(value, "dict"):
        value = value.dict()
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items() if inner is not None}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def say(text="x"):
    return {"workflow_deployment_name": name_of("say"),
            "inputs": [types.WorkflowRequestStringInputRequest(name="query", value=text)]}
