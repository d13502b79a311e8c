"""An execution explains itself: attempts, configurations, waits, and steps that were not reached."""

import json
import threading

from harness import check, expect, expect_equal, expect_in, task, wait_until

# A step that fails, and one behind it.
BROKEN = [{"id": "parse", "type": "Json.Parse", "input": "{{ inputs.text }}"}, {"id": "behind", "type": "Echo"}]


def failing_request(client, receiver, **step):
    """The execution of one request; `receiver` decides how its attempts end."""
    workflow = client.create([{
        "id": "call", "type": "HttpRequest",
        "config": {"method": "POST", "url": receiver.url + "/orders/{{ inputs.id }}",
                   "query": {"page": "{{ inputs.id }}"},
                   "headers": {"X-Plain": "plain {{ inputs.id }}", "Authorization": "Bearer {{ secrets.TOKEN }}"}},
        "input": {"body": {"id": "{{ inputs.id }}"}}, **step}], inputs={"id": "number"})
    return client.run(workflow, {"id": 7}, headers={"X-Secret-Token": "tok-123456"})


def waiting_execution(client, steps, **fields):
    """A workflow and an execution of it that has nothing to do at present."""
    workflow = client.create(steps, **fields)
    execution = client.start(workflow)

    def probe():
        found = client.execution(workflow, execution)
        return found["status"] == "RUNNING" and found["tasks"][0]["status"] != "PENDING"
    wait_until(probe, "the first step has started")
    return workflow, execution


@check
def every_attempt_is_shown(context):
    """Each attempt of a step has its own times, status, error, and when the next one is due."""
    receiver = context.receiver([500, 501])
    execution = failing_request(context.client, receiver, retry={
        "max_attempts": 3, "initial": "50ms", "jitter": 0, "on": ["HTTP_STATUS"]})
    expect_equal(len(receiver.requests), 3, "the number of requests")
    attempts = task(execution, "call").get("attempts")
    expect(attempts is not None, f"the task does not show its attempts: {task(execution, 'call')}")
    expect_equal([attempt["status"] for attempt in attempts], ["FAILED", "FAILED", "COMPLETED"], "the statuses")
    for number, status in [(0, "500"), (1, "501")]:
        error = attempts[number]["error"]
        expect_equal(error["code"], "HTTP_STATUS", f"the error of attempt {number + 1}")
        expect_in(status, error["message"], f"the error of attempt {number + 1}")
        expect(attempts[number]["next_attempt_at"] > attempts[number]["completed_at"], f"no pause: {attempts}")
        expect(attempts[number + 1]["started_at"] >= attempts[number]["next_attempt_at"], f"too early: {attempts}")
    expect_equal((attempts[2]["error"], attempts[2]["next_attempt_at"]), (None, None), "the end of the last attempt")


@check
def attempts_are_shown_in_the_management_api(context):
    """`GET /api/v1/workflow_executions/{id}` lists the attempts of each step with their errors."""
    client = context.client
    receiver = context.receiver([500])
    execution = failing_request(client, receiver, retry={"max_attempts": 2, "initial": "10ms"})
    step = client.data("GET", f"/workflow_executions/{execution['execution_id']}")["steps"][0]
    expect("attempts" in step, f"the step does not show its attempts: {step}")
    expect_equal([attempt["number"] for attempt in step["attempts"]], [1, 2], "the numbers")
    expect_equal(step["attempts"][0]["error"]["code"], "HTTP_STATUS", "the error of the first attempt")
    expect(step["attempts"][0]["next_attempt_at"], f"no time of the next attempt: {step}")


@check
def the_log_has_each_attempt(context):
    """The log of an execution has the start and the end of each attempt, and when the next one is due."""
    client = context.client
    execution = failing_request(client, context.receiver([500]), retry={"max_attempts": 2, "initial": "10ms"})
    path = f"/workflows/{execution['workflow_id']}/executions/{execution['execution_id']}/logs"
    lines = [line["message"] for line in client.get(path).require(200).json["logs"]]
    for number in [1, 2]:
        expect(any(f"attempt {number} started" in line for line in lines), f"no start of attempt {number}: {lines}")
    failed = [line for line in lines if "attempt 1 failed" in line]
    expect(failed, f"no line about the failure of attempt 1: {lines}")
    expect("HTTP_STATUS" in failed[0] and "500" in failed[0], f"not the cause: {failed}")
    expect("next attempt" in failed[0], f"not when the next attempt is due: {failed}")


@check
def the_resolved_configuration_is_shown(context):
    """The method, URL, query, headers and body that a step used are in the execution."""
    receiver = context.receiver([404])
    execution = failing_request(context.client, receiver)
    call = task(execution, "call")
    expect_equal(call["status"], "FAILED", "the status of the request")
    config = call.get("config")
    expect(config, f"the task has no configuration: {call}")
    expect_equal(config["method"], "POST", "the method")
    expect_equal(config["url"], receiver.url + "/orders/7", "the URL")
    expect_equal(config["query"], {"page": 7}, "the query")
    expect_equal(config["headers"]["X-Plain"], "plain 7", "a header")
    expect_equal(call["input"]["body"], {"id": 7}, "the body")


@check
def the_configuration_has_no_secret(context):
    """Secrets are replaced in the shown configuration; the receiver gets them."""
    client = context.client
    receiver = context.receiver()
    execution = failing_request(client, receiver)
    expect_equal(receiver.requests[0].headers["authorization"], "Bearer tok-123456", "the header that was sent")
    config = task(execution, "call").get("config")
    expect(config, "the task has no configuration")
    expect_equal(config["headers"]["Authorization"], "Bearer [secret]", "the shown header")
    shown = client.get(f"/api/v1/workflow_executions/{execution['execution_id']}?include=io").require(200)
    expect("tok-123456" not in json.dumps(execution) + shown.text, "the secret is in the execution")
    expect("Bearer [secret]" in shown.text, f"the management API does not show the configuration: {shown.text}")


@check
def steps_that_were_not_reached(context):
    """When an execution fails, steps behind it are NOT_REACHED, and progress counts only what was done."""
    client = context.client
    execution = client.run(client.create(BROKEN, inputs={"text": "string"}), {"text": "{oops"})
    expect_equal(execution["status"], "FAILED", "the status")
    expect_equal(task(execution, "behind")["status"], "NOT_REACHED", "the status of a step that was not reached")
    expect_equal(execution["progress"], {"completed": 1, "total": 2}, "the progress")
    steps = client.data("GET", f"/workflow_executions/{execution['execution_id']}")["steps"]
    expect_equal([step["status"] for step in steps], ["failed", "not_reached"], "the steps of the management API")


@check
def only_what_was_under_way_is_cancelled(context):
    """When an execution is cancelled, its running step is CANCELLED, the steps behind are NOT_REACHED."""
    client = context.client
    steps = [{"id": "pause", "type": "Delay", "config": {"for": "1h"}}, {"id": "behind", "type": "Echo"}]
    workflow, execution = waiting_execution(client, steps)
    client.post(f"/workflows/{workflow}/executions/{execution}/cancel").require(202)
    found = client.wait_for_status(workflow, execution, "CANCELLED")
    expect_equal(task(found, "pause")["status"], "CANCELLED", "the step that was under way")
    expect_equal(task(found, "behind")["status"], "NOT_REACHED", "the step behind it")
    expect_equal(found["progress"]["completed"], 0, "the number of finished steps")


@check
def a_delay_shows_until_when(context):
    """An execution that waits for a timer shows this, the step, and until when."""
    client = context.client
    workflow, execution = waiting_execution(client, [{"id": "pause", "type": "Delay", "config": {"for": "1h"}}])
    found = client.execution(workflow, execution)
    waiting = found.get("waiting")
    expect(waiting, f"the execution does not show that it waits: {found}")
    expect_equal((waiting["for"], waiting["step_id"]), ("timer", "pause"), "what the execution waits for")
    expect(waiting["until"] > found["started_at"], f"not until when: {waiting}")
    expect_equal(task(found, "pause")["waiting"]["until"], waiting["until"], "until when the step waits")


@check
def a_retry_shows_until_when(context):
    """An execution whose step waits for its next attempt shows `retry`, with the time of this attempt."""
    client = context.client
    receiver = context.receiver([500] * 5)
    workflow, execution = waiting_execution(client, [
        {"id": "call", "type": "HttpRequest", "config": {"url": receiver.url},
         "retry": {"max_attempts": 3, "initial": "1h", "max": "1h"}}])
    wait_until(lambda: receiver.requests, "the first attempt fails")

    def probe():
        found = client.execution(workflow, execution)
        return found if found.get("waiting") else None
    found = wait_until(probe, "the execution shows what it waits for", 5)
    expect_equal(found["waiting"]["for"], "retry", "what it waits for")
    attempts = task(found, "call")["attempts"]
    expect_equal(found["waiting"]["until"], attempts[-1]["next_attempt_at"], "until when it waits")


@check
def waiting_is_a_filter(context):
    """Lists of both APIs can be filtered by the status `waiting`."""
    client = context.client
    workflow, waiting = waiting_execution(client, [{"id": "pause", "type": "Delay", "config": {"for": "1h"}}])
    ended = client.start(workflow)
    client.post(f"/workflows/{workflow}/executions/{ended}/cancel").require(202)
    client.wait_for_status(workflow, ended, "CANCELLED")

    def listed():
        found = client.get(f"/workflows/{workflow}/executions?status=WAITING").require(200).json["executions"]
        return [item["execution_id"] for item in found] == [waiting]
    wait_until(listed, "the list has the waiting execution only", 5)
    path = f"/workflow_executions?workflow_id={workflow}&status=waiting"
    items = client.data("GET", path)["items"]
    expect_equal(len(items), 1, "the number of waiting executions in the management API")
    expect(items[0]["is_waiting"], f"the item is not marked: {items}")


@check
def an_execution_waits_for_capacity(context):
    """An execution that is queued because of a limit of the server shows that it waits for capacity."""
    server = context.start_server({"engine.max_active": 1})
    client, receiver = server.client, context.receiver()
    receiver.hold = threading.Event()
    context.cleanups.callback(receiver.hold.set)
    workflow = client.create([{"id": "call", "type": "HttpRequest", "config": {"url": receiver.url}}])
    client.start(workflow)
    wait_until(lambda: receiver.requests, "the first execution runs")
    queued = client.execution(workflow, client.start(workflow))
    expect_equal(queued["status"], "PENDING", "the status")
    expect_equal((queued.get("waiting") or {}).get("for"), "capacity", "what the queued execution waits for")


@check
def show_prints_attempts_and_causes(context):
    """`executions show` prints every attempt with its error and duration, and the configuration that failed."""
    receiver = context.receiver([500, 501])
    execution = failing_request(context.client, receiver, retry={"max_attempts": 2, "initial": "10ms"})
    shown = context.command("executions", "show", execution["execution_id"]).require().out
    expect_in("status 500", shown, "the output (first attempt)")
    expect_in("status 501", shown, "the output (last attempt)")
    expect_in(f"{receiver.url}/orders/7", shown, "the output (URL of the request)")
    expect_in("duration", shown, "the output")
    expect("tok-123456" not in shown, "the output has the secret")


@check
def show_prints_what_it_waits_for(context):
    """`executions show` prints what an execution waits for and until when."""
    client = context.client
    workflow, execution = waiting_execution(client, [{"id": "pause", "type": "Delay", "config": {"for": "1h"}}])
    until = (client.execution(workflow, execution).get("waiting") or {}).get("until")
    shown = context.command("executions", "show", execution).require().out
    expect("waits" in shown, f"the output does not show that it waits: {shown}")
    expect(until and until in shown, f"the output does not show until when ({until}): {shown}")


@check
def watch_prints_reasons(context):
    """`executions watch` prints each failed attempt with its reason and when the next one is due."""
    receiver = context.receiver([500])
    execution = failing_request(context.client, receiver, retry={"max_attempts": 2, "initial": "10ms"})
    shown = context.command("executions", "watch", execution["execution_id"]).require().out
    expect_in("attempt 1 failed", shown, "the output")
    expect_in("status 500", shown, "the output")
    expect_in("due", shown, "the output")
    expect_in("COMPLETED", shown, "the output")
