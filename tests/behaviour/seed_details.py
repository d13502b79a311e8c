"""Details of the published APIs: the Vellum-compatible one, schedules, integrations, warnings, webhooks."""

import datetime
import json
import time

from harness import check, expect, expect_equal, expect_in, wait_until

TEXTS = [{"id": "text", "type": "StaticTextInput", "input": "abc"}, {"id": "reverse", "type": "TextOperation.Reverse"}]


def stream(client, workflow, **fields):
    body = {"workflow_deployment_id": workflow, "inputs": [], "event_types": ["WORKFLOW", "NODE"], **fields}
    response = client.post("/v1/execute-workflow-stream", body).require(200)
    return [json.loads(line) for line in response.text.splitlines() if line.strip()]


@check
def id_and_name_that_agree_are_accepted(context):
    """A Vellum request may have the id and the name of a deployment if they agree; otherwise it is rejected."""
    client = context.client
    workflow = client.create(TEXTS, name="seed agree")
    body = {"workflow_deployment_id": workflow, "workflow_deployment_name": "seed agree", "inputs": []}
    data = client.post("/v1/execute-workflow", body).require(200).json["data"]
    expect_equal(data["state"], "FULFILLED", "the state")
    wrong = client.post("/v1/execute-workflow", {**body, "workflow_deployment_name": "other"}).require(400)
    expect_in("workflow_deployment_name", wrong.text, "the error about a name of another deployment")


@check
def outputs_of_workflow_events_are_lists(context):
    """`outputs` of every WORKFLOW event is a list, which is empty until the execution is fulfilled."""
    client = context.client
    events = [event["data"] for event in stream(client, client.create(TEXTS)) if event["type"] == "WORKFLOW"]
    expect_equal(events[0]["state"], "INITIATED", "the first state")
    for event in events:
        expect(isinstance(event["outputs"], list), f"`outputs` of {event['state']} is {event['outputs']!r}")
    expect_equal(events[0]["outputs"], [], "`outputs` of the first event")
    expect_equal(events[-1]["outputs"][0]["value"], "cba", "the output of the last event")


@check
def node_events_have_names_and_predecessors(context):
    """NODE events have the id of their step as `name`, and the ids of the steps before it as `after`."""
    client = context.client
    steps = [{**TEXTS[0], "after": []}, {"id": "other", "type": "StaticTextInput", "after": [], "input": "x"},
             {"id": "both", "type": "Echo", "after": ["text", "other"]}]
    events = [event["data"] for event in stream(client, client.create(steps)) if event["type"] == "NODE"]
    expect(events and all("name" in event and "after" in event for event in events), f"no name: {events[0]}")
    found = {event["name"]: sorted(event["after"]) for event in events}
    expect_equal(found, {"text": [], "other": [], "both": ["other", "text"]}, "the names and predecessors")


@check
def unknown_meta_keys_are_rejected(context):
    """An unknown key of `expand_meta` is rejected with the known ones; known keys are accepted."""
    client = context.client
    body = {"workflow_deployment_id": client.create(TEXTS), "inputs": []}
    refused = client.post("/v1/execute-workflow", {**body, "expand_meta": {"usagee": True}}).require(400)
    expect_in("usagee", refused.text, "the error")
    expect_in("model_name", refused.text, "the error (known keys)")
    client.post("/v1/execute-workflow", {**body, "expand_meta": {"usage": True}}).require(200)


@check
def schedules_need_no_name(context):
    """The `name` of a schedule is optional; without it the schedule has one that describes its timing."""
    client = context.client
    path = f"/workflows/{client.create(TEXTS)}/schedules"
    schedule = client.data("POST", path, {"schedule_type": "cron", "cron_expression": "0 5 * * *"})
    expect_in("0 5 * * *", schedule["name"], "the name")
    schedule = client.data("POST", path, {"schedule_type": "interval", "interval_value": 6, "interval_unit": "hours"})
    expect_in("6 hours", schedule["name"], "the name of an interval")


@check
def missing_integrations_come_first(context):
    """An inactive workflow that lacks a required integration reports the integration, not the inactivity."""
    client = context.client
    workflow = client.data("POST", "/workflows", {
        "name": "seed integration", "configuration": {"steps": TEXTS},
        "integrations": [{"id": "int_zendesk", "required": True}]})["id"]
    for call in ["execute", "execute_async"]:
        response = client.post(f"/api/v1/workflows/{workflow}/{call}", {}).require(409)
        expect_equal(response.json["errors"][0]["code"], "INTEGRATION_MISSING", f"the code of {call}")
        expect_in("int_zendesk", response.json["message"], "the message")


@check
def unused_input_is_a_warning(context):
    """Input that no step uses is accepted, and the response has a warning that names it."""
    client = context.client
    workflow = client.create([{"type": "Echo", "input": "{{ inputs.used }}"}])
    body = {"input": {"used": 1, "usde": 2}}
    warnings = client.post(f"/workflows/{workflow}/execute", body).require(202).json.get("warnings")
    expect(warnings, "the dataflow API accepts unused input without a warning")
    expect_equal((warnings[0]["code"], warnings[0]["path"]), ("UNUSED_INPUT", "input.usde"), "the warning")
    data = client.data("POST", f"/workflows/{workflow}/execute", {"parameters": {"used": 1, "usde": 2}})
    expect_equal(data["result"], 1, "the result")
    expect_equal(data["warnings"][0]["field"], "parameters.usde", "the warning of the management API")


@check
def unused_declarations_are_warnings(context):
    """Creating a workflow with a declared input that nothing uses succeeds with a warning."""
    client = context.client
    body = {"name": "seed warnings", "inputs": {"used": "string", "forgotten": "string"},
            "steps": [{"type": "Echo", "input": "{{ inputs.used }}"}]}
    warnings = client.post("/workflows", body).require(201).json.get("warnings")
    expect(warnings, "no warning about an input that nothing uses")
    expect_equal([warning["path"] for warning in warnings], ["inputs.forgotten"], "the warnings")


@check
def events_of_tasks_have_their_own_name(context):
    """At `webhook_url`, changes of tasks are `task.status` with the task, those of the execution `execution.status`."""
    client, receiver = context.client, context.receiver()
    client.run(client.create(TEXTS), webhook_url=receiver.url + "/hook")

    def bodies():
        found = [json.loads(request.body) for request in list(receiver.requests)]
        return found if found and found[-1].get("status") == "COMPLETED" and "task" not in found[-1] else None
    events = wait_until(bodies, "the end of the execution is delivered")
    for event in events:
        expected = "task.status" if "task" in event else "execution.status"
        expect_equal(event["event"], expected, f"the event {event}")
    ended = [(event["task"]["step_id"], event["task"]["status"]) for event in events if "task" in event]
    expect(("reverse", "COMPLETED") in ended, f"no event about the end of `reverse`: {ended}")


@check
def failed_executions_are_logged(context):
    """An execution that fails is logged at the default level with its workflow, id, step and code."""
    server = context.start_server()
    client = server.client
    steps = [{"id": "parse", "type": "Json.Parse", "input": "{{ inputs.text }}"}]
    client.run(client.create(steps, name="seed logged", inputs={"text": "string"}), {"text": "{"})

    def line():
        return next((line for line in server.log.splitlines() if "seed logged" in line), None)
    found = wait_until(line, "the log has a line about the failed execution", 5)
    for part in ["INFO", "failed", "parse", "INVALID_JSON"]:
        expect_in(part, found, "the line")


@check
def a_spent_schedule_is_disabled(context):
    """A schedule with a fixed time is no longer enabled after it has fired, and has no next execution."""
    client = context.client
    due = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=1.5)
    schedule = client.data("POST", f"/workflows/{client.create(TEXTS)}/schedules", {
        "name": "once", "schedule_type": "fixed_time", "execution_time": due.isoformat()})["id"]

    def fired():
        found = client.data("GET", f"/workflow_schedules/{schedule}")
        return found if found["last_execution"] else None
    found = wait_until(fired, "the schedule fires")
    expect_equal((found["enabled"], found["next_execution"]), (False, None), "`enabled` and `next_execution`")


@check
def a_change_of_nothing_changes_no_version(context):
    """A PUT after which everything is as before keeps version, ETag, release and time of the last change."""
    client = context.client
    workflow = client.create(TEXTS, name="seed unchanged")
    path = f"/api/v1/workflows/{workflow}"
    before = client.get(path).require(200)
    after = client.put(path, before.json["data"]).require(200)
    expect_equal(after.headers["ETag"], before.headers["ETag"], "the ETag")
    expect_equal(after.json["data"]["updated_at"], before.json["data"]["updated_at"], "the time of the last change")
    client.put(f"/workflows/{workflow}", {"name": "seed unchanged", "steps": TEXTS}).require(200)
    expect_equal(len(client.data("GET", f"/workflows/{workflow}/releases")["items"]), 1, "the number of releases")
    client.put(f"/workflows/{workflow}", {"name": "seed unchanged", "steps": TEXTS[:1]}).require(200)
    expect(client.get(path).headers["ETag"] != before.headers["ETag"], "a real change keeps the ETag")


@check
def the_root_leads_to_the_docs(context):
    """`GET /` leads to the API reference."""
    response = context.client.get("/")
    expect(response.status in (302, 303, 307, 308), f"GET / returned {response.status}: {response.text[:200]}")
    expect_equal(response.headers["Location"].lstrip("/"), "docs", "the location")
    expect_in("<html", context.client.get("/docs").require(200).text.lower(), "the reference")


@check
def old_words_get_a_suggestion(context):
    """Fields named as in other products are rejected with the name to use."""
    for field, value, word in [("if", "true", "when"), ("needs", ["text"], "after"), ("depends_on", ["text"], "after")]:
        problems = context.client.refuse([TEXTS[0], {**TEXTS[1], field: value}])
        expect_equal(problems[0]["path"], f"steps[1].{field}", "the place")
        expect_in(f"did you mean `{word}`", problems[0]["message"], f"the message about `{field}`")
    problems = context.client.refuse([{"type": "Delay", "config": {"duration": "1s"}}])
    expect_in("did you mean `for`", problems[0]["message"], "the message about `duration`")


@check
def validate_shows_lines(context):
    """`stepwell validate` shows the line and column of every problem."""
    context.write("wrong.yaml", "name: wrong\nsteps:\n  - type: StaticTextInput\n    input: a\n  - type: NoSuchType\n")
    done = context.command("validate", "wrong.yaml", local=True).require(1)
    expect_in("wrong.yaml:5:", done.out + done.err, "the output")
    problem = context.command("validate", "wrong.yaml", "--json", local=True).require(1).json[0]["problems"][0]
    expect_equal((problem["path"], problem.get("line")), ("steps[1].type", 5), "the place in JSON")


@check
def the_early_response_comes_when_configured(context):
    """`/v1/execute-workflow` starts its response after `api.early_answer_seconds`, not earlier or later."""
    server = context.start_server({
        "api.early_answer_seconds": 3, "api.request_timeout_seconds": 2, "api.max_wait_seconds": 60})
    client = server.client
    workflow = client.create([{"type": "Delay", "config": {"for": "5s"}}, {"type": "Echo", "input": "late"}])
    started = time.monotonic()
    connection, response = client.open(
        "POST", "/v1/execute-workflow", {"workflow_deployment_id": workflow, "inputs": []})
    header = time.monotonic() - started
    text = response.read().decode()
    end = time.monotonic() - started
    connection.close()
    expect_equal((response.status, json.loads(text)["data"]["state"]), (200, "FULFILLED"), "the response")
    expect(2.9 < header < 4.9 < end, f"the response started after {header:.1f} s and ended after {end:.1f} s")
