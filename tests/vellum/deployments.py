"""Runs the published Python client's methods about deployments, releases and past executions
against a running Stepwell, sync and async.

Usage: deployments.py BASE_URL API_KEY. The client is used as its users use it: nothing is patched.
"""

import asyncio
import importlib.metadata
import inspect
import json
import sys
import urllib.request
import uuid

from vellum import AsyncVellum, Vellum, VellumEnvironment
from vellum.client.core.api_error import ApiError
from vellum.client.errors import BadRequestError, NotFoundError
from vellum.client.resources.workflow_deployments import raw_client as deployments_client
from vellum.client.resources.workflow_executions import raw_client as executions_client

BASE, KEY = sys.argv[1], sys.argv[2]
ENVIRONMENT = VellumEnvironment(default=BASE, predict=BASE, documents=BASE)
VERSION = importlib.metadata.version("vellum-ai")
NIL = str(uuid.UUID(int=0))
# Older versions raise only the base class for some errors.
BAD_EXECUTION = getattr(deployments_client, "BadRequestError", ApiError)
NO_EXECUTION = getattr(deployments_client, "NotFoundError", ApiError)
NO_DETAIL = getattr(executions_client, "NotFoundError", ApiError)
TEXT = "wörd ✓ "


def send(method, path, body):
    request = urllib.request.Request(
        f"{BASE}{path}", method=method, data=json.dumps(body).encode(),
        headers={"X-API-KEY": KEY, "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def definition(name, word):
    return {
        "name": name,
        "description": f"Returns {word}",
        "inputs": {
            "query": {"type": "string", "title": "Question"},
            "n": {"type": "number", "default": 2.5},
            "chat": {"type": "array", "x-vellum-type": "CHAT_HISTORY", "required": False},
            "image": {"type": "object", "x-vellum-type": "IMAGE", "required": False},
        },
        "state": {"count": 0},
        "steps": [
            {"id": "say", "type": "StreamText", "input": word + " {{ inputs.query }}"},
            {"id": "count", "type": "SetState", "input": {"count": "{{ state.count + 1 }}"}},
        ],
        "outputs": {
            "result": "{{ steps.say.output.text }}",
            "n": {"value": "{{ inputs.n }}", "schema": {"type": "number"}},
            "chat": "{{ inputs.chat }}",
            "image": "{{ inputs.image }}",
        },
    }


def definitions(name):
    created = send("POST", "/workflows", definition(name, "one"))["workflow_id"]
    api = f"/api/v1/workflows/{created}"
    send("POST", f"{api}/releases", {"definition": definition(name, "two"), "release_tags": ["beta"]})
    send("PUT", f"{api}/release_tags/split", {"traffic": [
        {"release": 1, "weight": 90}, {"release": 2, "weight": 10}]})
    send("POST", "/workflows", {
        "name": f"{name}-fails",
        "steps": [{"id": "stop", "type": "Fail", "config": {"message": "no luck"}}],
    })


def inputs():
    return [
        {"name": "query", "type": "STRING", "value": TEXT},
        {"name": "chat", "type": "CHAT_HISTORY", "value": [{"role": "USER", "text": "hi"}]},
        {"name": "image", "type": "IMAGE", "value": {"src": "https://example.com/x.png"}},
    ]


async def got(result):
    """The result of a call: immediately for the sync client, awaited for the async one."""
    if inspect.isawaitable(result):
        return await result
    return result


async def all_of(stream):
    if hasattr(stream, "__aiter__"):
        return [event async for event in stream]
    return list(stream)


async def refused(kind, status, word, call):
    try:
        await got(call())
    except ApiError as error:
        assert isinstance(error, kind), error
        assert error.status_code == status, error
        assert word in error.body["detail"], error.body
    else:
        raise AssertionError(f"{word}: was not refused")


def plain(values):
    return {value.name: value.value for value in values}


async def deployments(client, name):
    api = client.workflow_deployments
    page = await got(api.list(limit=1, offset=0, ordering="-created", status="ACTIVE"))
    assert page.count >= 2 and len(page.results) == 1, page
    assert page.results[0].name == f"{name}-fails" and page.next and not page.previous, page
    second = (await got(api.list(limit=1, offset=1))).results[0]
    assert second.name == name, second
    assert (await got(api.list(status="ARCHIVED"))).count == 0
    assert [d.name for d in (await got(api.list(ordering="name"))).results]
    one = await got(api.retrieve(name))
    assert one == await got(api.retrieve(one.id)) and one.id == second.id
    assert (one.label, one.status, one.environment) == (name, "ACTIVE", "PRODUCTION"), one
    assert one.description == "Returns two" and one.last_deployed_on >= one.created, one
    variables = {v.key: v for v in one.input_variables}
    assert [(v.key, v.type) for v in one.input_variables] == [
        ("query", "STRING"), ("n", "NUMBER"), ("chat", "CHAT_HISTORY"), ("image", "IMAGE")]
    assert variables["query"].required and variables["n"].default.value == 2.5, variables
    assert [(v.key, v.type) for v in one.output_variables][:2] == [
        ("result", "STRING"), ("n", "NUMBER")]
    await refused(ApiError, 400, "limit", lambda: api.list(limit=0))
    await refused(ApiError, 400, "ordering", lambda: api.list(ordering="size"))
    await refused(ApiError, 404, "nope", lambda: api.retrieve("nope"))
    await refused(ApiError, 404, NIL, lambda: api.retrieve(NIL))
    return one


async def releases(client, one):
    api = client.workflow_deployments
    page = await got(api.list_workflow_deployment_releases(one.id, limit=10, offset=0, ordering="-created"))
    assert page.count == 2 and len(page.results) == 2, page
    newest, first = page.results
    assert newest.id == one.last_deployed_history_item_id
    assert (newest.description, first.description) == ("Returns two", "Returns one")
    assert {(t.name, t.source) for t in newest.release_tags} == {
        ("LATEST", "SYSTEM"), ("beta", "USER"), ("split", "USER")}, newest
    assert newest.deployment.id == one.id and newest.reviews == []
    assert [v.key for v in newest.workflow_version.input_variables] == ["query", "n", "chat", "image"]
    offset = await got(api.list_workflow_deployment_releases(one.name, offset=1))
    assert [r.id for r in offset.results] == [first.id] and offset.count == 2
    for named in (newest.id, "LATEST", "beta"):
        assert await got(api.retrieve_workflow_deployment_release(one.name, named)) == newest
    assert (await got(api.retrieve_workflow_deployment_release(one.id, "split"))).id == first.id
    item = await got(api.workflow_deployment_history_item_retrieve(first.id, one.id))
    assert (item.id, item.workflow_deployment_id, item.timestamp) == (first.id, one.id, first.created)
    assert (await got(api.workflow_deployment_history_item_retrieve("beta", one.name))).id == newest.id
    await refused(ApiError, 404, "gamma", lambda: api.retrieve_workflow_deployment_release(one.id, "gamma"))
    await refused(ApiError, 404, NIL, lambda: api.workflow_deployment_history_item_retrieve(NIL, one.id))
    await refused(ApiError, 404, "nope", lambda: api.list_workflow_deployment_releases("nope"))
    return newest, first


async def tags(client, one, newest, first):
    api = client.workflow_deployments
    page = await got(api.list_workflow_release_tags(one.name, limit=2, offset=0))
    assert page.count == 3 and [t.name for t in page.results] == ["LATEST", "beta"], page
    users = await got(api.list_workflow_release_tags(one.id, source="USER", ordering="-name"))
    assert [t.name for t in users.results] == ["split", "beta"] and users.count == 2
    split = await got(api.retrieve_workflow_release_tag(one.id, "split"))
    assert split.release.id == split.history_item.id == first.id and split.source == "USER"
    # Our own field, which the client passes on.
    assert [share["weight"] for share in split.traffic] == [90, 10], split
    for release, word in ((first, "one"), (newest, "two")):
        moved = await got(api.update_workflow_release_tag(one.id, "beta", history_item_id=release.id))
        assert moved.release.id == release.id and moved.release.timestamp == release.created
        assert (await got(api.retrieve_workflow_release_tag(one.name, "beta"))) == moved
        response = await got(client.execute_workflow(
            workflow_deployment_id=one.id, inputs=inputs(), release_tag="beta"))
        assert plain(response.data.outputs)["result"] == f"{word} {TEXT}", response
    await refused(ApiError, 404, "gamma", lambda: api.retrieve_workflow_release_tag(one.id, "gamma"))
    await refused(ApiError, 404, "history_item_id",
                  lambda: api.update_workflow_release_tag(one.id, "beta", history_item_id=NIL))
    await refused(ApiError, 400, "history_item_id",
                  lambda: api.update_workflow_release_tag(one.id, "beta", history_item_id="x"))
    await refused(ApiError, 400, "LATEST",
                  lambda: api.update_workflow_release_tag(one.id, "LATEST", history_item_id=first.id))


async def history(client, one, newest):
    api = client.workflow_deployments
    external_id = str(uuid.uuid4())
    before = (await got(api.list_workflow_deployment_event_executions(one.id))).count
    response = await got(client.execute_workflow(
        workflow_deployment_id=one.id, inputs=inputs(), external_id=external_id,
        release_tag="beta", metadata={"user": "u1"}))
    await got(client.submit_workflow_execution_actuals(execution_id=response.execution_id, actuals=[
        {"output_type": "STRING", "output_key": "result", "quality": 0.5,
         "desired_output_value": "better", "metadata": {"by": "me"}}]))
    page = await got(api.list_workflow_deployment_event_executions(one.name, limit=1, ordering="-start"))
    assert page.count == before + 1 and len(page.results) == 1, page
    found = page.results[0]
    assert found.span_id == response.execution_id and found.end >= found.start and found.error is None
    made = plain(found.outputs)
    assert made["result"] == f"two {TEXT}" and made["n"] == 2.5, made
    assert made["chat"][0].text == "hi" and made["image"].src == "https://example.com/x.png", made
    assert plain(found.inputs)["query"] == TEXT
    context = found.parent_context
    assert (context.deployment_id, context.deployment_history_item_id) == (one.id, newest.id), context
    assert (context.release_tag_name, context.external_id, context.metadata) == (
        "beta", external_id, {"user": "u1"}), context
    actual = found.latest_actual
    assert (actual.output.value, actual.quality, actual.metadata) == ("better", 0.5, {"by": "me"})
    filters = json.dumps({"external_id": external_id, "status": "FULFILLED"})
    only = await got(api.list_workflow_deployment_event_executions(one.id, filters=filters))
    assert only.count == 1 and only.results[0] == found

    whole = await got(api.workflow_deployment_event_execution(response.execution_id, one.id))
    assert plain(whole.outputs) == made and whole.latest_actual == actual
    assert whole.state == {"count": 1}, whole
    names = [span.name for span in whole.spans]
    assert names == ["workflow.execution", "node.execution", "node.execution"], names
    for span in whole.spans:
        kind = span.name
        assert [event.name for event in span.events] == [f"{kind}.initiated", f"{kind}.fulfilled"], span
        assert span.end_ts >= span.start_ts
    assert whole.spans[0].events[1].body.outputs["result"] == f"two {TEXT}"
    assert whole.spans[1].attributes.label == "say"

    executions = client.workflow_executions
    detail = await got(executions.retrieve_workflow_execution_detail(response.execution_id))
    assert detail.spans == whole.spans and detail.parent_context.deployment_id == one.id
    some = await got(executions.retrieve_workflow_execution_detail(
        response.execution_id, prev_span_id=response.execution_id, span_limit=1))
    assert some.spans == whole.spans[1:2], some

    state = await got(client.workflows.retrieve_state(response.execution_id))
    assert state.state == {"count": 1} and state.span_id == response.execution_id, state
    again = await got(client.execute_workflow(
        workflow_deployment_id=one.id, inputs=inputs(), previous_execution_id=response.execution_id))
    state = await got(client.workflows.retrieve_state(again.execution_id))
    assert (state.state, state.previous_span_id) == ({"count": 2}, response.execution_id), state

    failed = await got(client.execute_workflow(workflow_deployment_name=f"{one.name}-fails", inputs=[]))
    whole = await got(api.workflow_deployment_event_execution(failed.execution_id, f"{one.name}-fails"))
    assert whole.error.code == "USER_DEFINED_ERROR" and whole.outputs == [], whole
    assert [span.events[1].name for span in whole.spans] == [
        "workflow.execution.rejected", "node.execution.rejected"]
    assert whole.spans[1].events[1].body.error.code == "USER_DEFINED_ERROR"

    await refused(ApiError, 400, "filters.status", lambda: api.list_workflow_deployment_event_executions(
        one.id, filters='{"status": "DONE"}'))
    await refused(NO_EXECUTION, 404, NIL, lambda: api.workflow_deployment_event_execution(NIL, one.id))
    await refused(NO_EXECUTION, 404, failed.execution_id,
                  lambda: api.workflow_deployment_event_execution(failed.execution_id, one.id))
    await refused(BAD_EXECUTION, 400, "execution_id",
                  lambda: api.workflow_deployment_event_execution("x", one.id))
    await refused(NO_DETAIL, 404, NIL, lambda: executions.retrieve_workflow_execution_detail(NIL))
    await refused(ApiError, 400, "span_limit", lambda: executions.retrieve_workflow_execution_detail(
        response.execution_id, span_limit=0))
    await refused(ApiError, 404, NIL, lambda: client.workflows.retrieve_state(NIL))


async def streams(client, one):
    api = client.workflow_deployments
    if not hasattr(api, "execute_stream"):
        print(f"  vellum-ai {VERSION} has no workflow_deployments.execute_stream: skipped")
        return
    given = {
        "query": TEXT, "n": 3, "chat": [{"role": "USER", "text": "hi"}],
        "image": {"src": "https://example.com/x.png"},
    }
    events = await all_of(api.execute_stream(
        one.name, inputs=given, release_tag="beta",
        external_id=str(uuid.uuid4()), metadata={"user": "u1"}))
    names = [event.name for event in events]
    assert names[0] == "workflow.execution.initiated", names
    assert names[-1] == "workflow.execution.fulfilled", names
    assert names.count("node.execution.initiated") == names.count("node.execution.fulfilled") == 2
    assert events[0].body.inputs == given, events[0]
    deltas = [event.body.output.delta for event in events
              if event.name == "workflow.execution.streaming" and event.body.output.delta]
    assert "".join(deltas) == f"two {TEXT}" and len(deltas) > 1, deltas
    assert events[-1].body.outputs["result"] == f"two {TEXT}" and events[-1].body.outputs["n"] == 3
    # All events arrived: the client drops lines that it cannot parse.
    streaming = names.count("node.execution.streaming")
    assert streaming == len(deltas), names
    failed = await all_of(api.execute_stream(f"{one.name}-fails", inputs={}))
    assert [event.name for event in failed] == [
        "workflow.execution.initiated", "node.execution.initiated",
        "node.execution.rejected", "workflow.execution.rejected"], failed
    assert failed[-1].body.error.code == "USER_DEFINED_ERROR"

    async def stream(**more):
        return await all_of(api.execute_stream(**more))

    await refused(BadRequestError, 400, "inputs.query", lambda: stream(id=one.id, inputs={}))
    await refused(NotFoundError, 404, "release_tag",
                  lambda: stream(id=one.id, inputs={"query": "x"}, release_tag="gamma"))
    await refused(NotFoundError, 404, "nope", lambda: stream(id="nope", inputs={}))


async def identities(client):
    workspace = await got(client.workspaces.workspace_identity())
    assert workspace.name == "default" and workspace.created, workspace
    environment = await got(client.environments.environment_identity())
    assert environment.name == "production" and uuid.UUID(environment.id), environment
    organization = await got(client.organizations.organization_identity())
    assert organization.new_member_join_behavior == "REQUIRE_EXPLICIT_INVITE", organization


async def everything(client):
    name = f"deployments-{uuid.uuid4()}"
    definitions(name)
    one = await deployments(client, name)
    newest, first = await releases(client, one)
    await tags(client, one, newest, first)
    await history(client, one, newest)
    await streams(client, one)
    await identities(client)


for kind in (Vellum, AsyncVellum):
    asyncio.run(everything(kind(api_key=KEY, environment=ENVIRONMENT)))
    print(f"python {kind.__name__}, deployments: ok ({VERSION})")
