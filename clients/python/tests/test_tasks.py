"""What a user of another SDK tries first, against the real server. Also checked by mypy."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from queue import Queue
from typing import Any

import httpx
import pytest
from pydantic import BaseModel
from stepwell_testing import Request, Server, StubResponse, StubServer

import stepwell
from stepwell import AsyncClient, Client
from stepwell.definitions import Configuration

SHOUT: Configuration = {
    "inputs": {"text": "string"},
    "steps": [
        {"id": "upper", "type": "TextOperation.Uppercase", "input": "{{ inputs.text }}"},
        {"id": "reverse", "type": "TextOperation.Reverse"},
    ],
}
FAIL: Configuration = {"steps": [{"type": "Fail", "config": {"message": "out of stock"}}]}
SLEEP: Configuration = {"steps": [{"type": "Delay", "config": {"for": "1h"}}]}
NAP: Configuration = {"steps": [{"type": "Delay", "config": {"for": "2s"}}]}


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Client]:
    with Client(api_key=server.key, base_url=server.url) as client:
        for name, configuration in [
            ("shout", SHOUT),
            ("fail", FAIL),
            ("sleep", SLEEP),
            ("nap", NAP),
        ]:
            workflow = client.workflows.create(name, configuration=configuration)
            client.workflows.activate(workflow.id)
        for word in ("one", "two", "three"):
            client.workflows.execute("shout", {"text": word})
        yield client


def test_run_a_workflow(client: Client) -> None:
    execution = client.workflows.execute("shout", {"text": "hello"})
    assert execution.status == "completed"
    assert execution.result == {"text": "OLLEH"}


def test_iterate_over_a_list(client: Client) -> None:
    count = 0
    for execution in client.executions.list(workflow="shout", status="completed", page_size=2):
        assert execution.id.startswith("exec_")
        count += 1
    assert count >= 3


def test_paginate_by_hand(client: Client) -> None:
    page = client.executions.list(workflow="shout", page_size=1)
    assert page.total_items is not None and page.total_items >= 3
    assert page.has_next_page()
    following = page.next_page()
    assert following.items != page.items
    assert following.previous_page().items == page.items
    assert sum(len(page.items) for page in page.iter_pages()) == page.total_items


def test_pass_a_wrong_option(client: Client) -> None:
    with pytest.raises(TypeError, match="stauts"):
        client.executions.list(stauts="failed")  # type: ignore[call-arg]


def test_catch_an_invalid_argument(client: Client) -> None:
    with pytest.raises(stepwell.BadRequestError) as caught:
        client.workflows.execute("shout", {"txt": "hello"})
    error = caught.value
    assert (error.status, error.code) == (422, "PARAMETER_VALIDATION_ERROR")
    assert "parameters.txt" in [detail.path for detail in error.details]
    assert error.request_id


def test_catch_a_missing_object(client: Client) -> None:
    with pytest.raises(stepwell.NotFoundError):
        client.workflows.get("no such workflow")


def test_catch_a_failed_run(client: Client) -> None:
    try:
        client.workflows.execute("fail")
    except stepwell.ExecutionFailedError as error:
        assert error.message == "out of stock"
        assert error.step == "fail"
        assert error.execution.status == "failed"
    else:
        pytest.fail("the execution did not fail")


def test_time_out_one_call(client: Client) -> None:
    with pytest.raises(stepwell.RequestTimeoutError):
        client.with_options(max_retries=0).vellum.execute_workflow(
            {}, workflow_deployment_name="sleep", timeout=0.2
        )
    with pytest.raises(stepwell.WaitTimeoutError) as caught:
        client.workflows.execute("sleep", timeout=0.2)
    client.executions.cancel(caught.value.execution_id)


def test_get_a_typed_result(client: Client) -> None:
    class Greeting(BaseModel):
        text: str

    execution = client.workflows.execute("shout", {"text": "hello"}, result_type=Greeting)
    assert execution.result.text == "OLLEH"


def test_start_and_wait(client: Client) -> None:
    started = client.workflows.start("nap")
    assert not started.ended
    requests: list[str] = []

    def on_request(request: stepwell.RequestInfo) -> None:
        requests.append(request.path.rpartition("/")[2])

    with Client(client._settings.api_key, client.base_url, on_request=on_request) as watched:
        ended = watched.executions.wait(started.id)
    assert ended.status == "completed"
    # One long request, not a poll.
    assert requests == [started.id, "events", started.id]


def test_stream_and_reconnect(client: Client) -> None:
    execution = client.workflows.start("shout", {"text": "hello"})
    stream = client.executions.events(execution.id)
    first = next(stream)
    stream.close()
    rest = list(client.executions.events(execution.id, after=first.id))
    assert first.id not in [event.id for event in rest]
    last = rest[-1]
    assert isinstance(last, stepwell.StatusEvent) and last.status == "completed"
    assert last.result == {"text": "OLLEH"}


class Unreliable(httpx.HTTPTransport):
    """Responds to the first requests like a proxy without a server."""

    failures = 2

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.failures:
            self.failures -= 1
            return httpx.Response(502, text="<html>Bad gateway</html>")
        return super().handle_request(request)


def test_retry_on_502(server: Server, client: Client) -> None:
    with httpx.Client(transport=Unreliable()) as http:
        unreliable = Client(
            server.key,
            server.url,
            http_client=http,
            retry_policy=stepwell.RetryPolicy(base_delay=0.01),
        )
        before = client.executions.list(workflow="shout").total_items or 0
        response = unreliable.workflows.with_raw_response.start("shout", {"text": "once"})
        assert response.retries_taken == 2
        # The retries have the same idempotency key.
        assert client.executions.list(workflow="shout").total_items == before + 1


def test_print_the_client(server: Server, client: Client) -> None:
    assert repr(client) == f"Client(base_url='{server.url}')"
    assert server.key not in f"{client!r} {vars(client)}"
    key = client.keys.create("printed", ["read:workflows"])
    assert key.secret.reveal().startswith("sk_") and "***" in str(key)
    assert key.secret.reveal() not in f"{key!r} {key} {key.model_dump_json()}"


def test_read_the_raw_response(client: Client) -> None:
    response = client.workflows.with_raw_response.list(page_size=1)
    assert response.status == 200
    assert response.headers["content-type"].startswith("application/json")
    assert response.request_id
    assert response.rate_limit and response.rate_limit.remaining > 0
    assert len(response.parse().items) == 1


def test_check_a_webhook_signature(client: Client) -> None:
    received: Queue[Request] = Queue()

    def receive(request: Request) -> StubResponse:
        received.put(request)
        return StubResponse(204)

    receiver = StubServer(receive)
    with pytest.raises(stepwell.WebhookVerificationError):
        client.webhooks.verify(b"{}", {}, client.webhooks.signing_secret())
    execution = client.workflows.start("shout", {"text": "hi"}, callback_url=receiver.url)
    request = received.get(timeout=20)
    receiver.close()
    event = client.webhooks.verify(request.body, request.headers, client.webhooks.signing_secret())
    assert event.type == "execution.completed"
    assert event.data["execution_id"] == execution.id


def test_cancel(client: Client) -> None:
    execution = client.workflows.start("sleep")
    assert client.executions.cancel(execution.id, reason="not needed").status == "cancelled"
    assert client.executions.wait(execution.id).status == "cancelled"


def test_rerun_from_a_step(client: Client) -> None:
    execution = client.workflows.execute("shout", {"text": "hello"})
    rerun = client.executions.rerun(execution.id, from_step="reverse", input={"text": "ab"})
    assert client.executions.wait(rerun.id).result == {"text": "ba"}
    assert rerun.rerun_of == execution.id


def test_sub_workflow(client: Client) -> None:
    configuration: Configuration = {
        "steps": [
            {"id": "call", "type": "SubWorkflow", "workflow": "shout", "input": {"text": "abc"}}
        ]
    }
    caller = client.workflows.create("caller", configuration=configuration)
    client.workflows.activate(caller.id)
    execution = client.executions.get(client.workflows.execute("caller").id)
    child = execution.steps[0].child_execution_id
    [found] = client.executions.list(parent_execution_id=execution.id)
    assert found.id == child
    assert found.parent_execution_id == execution.id
    whole = client.executions.get(found.id)
    assert whole.parent_step == "call"
    assert whole.result == {"text": "CBA"}
    [row] = client.dataflow.list_executions(found.workflow_id, parent_execution_id=execution.id)
    assert row.parent_execution_id is not None
    task = client.dataflow.get_execution(caller.id, execution.id).tasks[0]
    assert task.child_execution_id == row.execution_id
    assert client.dataflow.get_execution(found.workflow_id, found.id).parent_step_id == "call"


def test_preview_a_schedule(client: Client) -> None:
    preview = client.schedules.preview("0 9 * * MON-FRI", timezone="Europe/Berlin", count=3)
    assert [firing.local_time.hour for firing in preview.next_executions] == [9, 9, 9]


def test_schedule_a_workflow(client: Client) -> None:
    schedule = client.schedules.create(
        "shout",
        "Every morning",
        "cron",
        cron_expression="0 9 * * *",
        parameters={"text": "good morning"},
    )
    execution = client.schedules.trigger(schedule.id)
    assert client.executions.wait(execution.id).result == {"text": "GNINROM DOOG"}
    client.schedules.delete(schedule.id)


def test_run_concurrently(server: Server, client: Client) -> None:
    async def main() -> list[Any]:
        async with AsyncClient(server.key, server.url) as client:
            words = ("a", "b", "c")
            runs = [client.workflows.execute("shout", {"text": word}) for word in words]
            results = [execution.result["text"] for execution in await asyncio.gather(*runs)]
            page = await client.executions.list(workflow="shout", page_size=2)
            assert len(page.items) == 2
            total = len([execution async for execution in client.executions.list(page_size=50)])
            assert page.total_items and total >= page.total_items
            return results

    assert asyncio.run(main()) == ["A", "B", "C"]


def test_change_options(client: Client) -> None:
    patient = client.with_options(timeout=120, max_retries=5, headers={"X-Team": "sales"})
    assert patient.me().scopes == ["admin"]


def test_log_and_trace_requests(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    statuses = []

    def on_request(request: stepwell.RequestInfo) -> None:
        request.headers["traceparent"] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    def on_response(response: stepwell.ResponseInfo) -> None:
        statuses.append(response.status)

    with caplog.at_level(logging.DEBUG, logger="stepwell"):
        with Client(
            server.key, server.url, on_request=on_request, on_response=on_response
        ) as client:
            client.me()
    assert statuses == [200]
    assert "GET /api/v1/auth/me: 200 in " in caplog.text


def test_move_a_release_tag(client: Client) -> None:
    definition = client.workflows.get_definition("shout").definition
    client.release_tags.set("shout", "stable", 1)
    release = client.releases.create("shout", definition, release_tags=["beta"])
    client.release_tags.set("shout", "stable", {1: 90, release.number: 10})
    tag = client.release_tags.set("shout", "stable", release.number)
    assert [(share.release, share.weight) for share in tag.traffic] == [(release.number, 1)]
    response = client.vellum.execute_workflow(
        {"text": "hello"}, workflow_deployment_name="shout", release_tag="stable"
    )
    assert response.output("text") == "OLLEH"


def test_preview_a_template(client: Client) -> None:
    client.templates.create("invoice", "{{ count }} items", sample={"count": 3})
    assert client.templates.preview("invoice").rendered == "3 items"
    assert client.templates.preview("invoice", {"count": 5}).rendered == "5 items"


def test_repeat_safely(client: Client) -> None:
    first = client.workflows.start("shout", {"text": "x"}, idempotency_key="order-18")
    second = client.workflows.start("shout", {"text": "x"}, idempotency_key="order-18")
    assert first.id == second.id
