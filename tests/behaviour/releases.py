"""Releases are selected by their tags wherever an execution starts."""

from harness import check, expect, expect_equal, expect_in, output_of, wait_until


def definition(text, name="released"):
    return {"name": name, "steps": [{"id": "text", "type": "StaticTextInput", "input": text}]}


def two_releases(client):
    """A workflow whose release 1 is tagged `production`, and whose release 2 is the newest."""
    workflow = client.create(definition("one")["steps"], name="released")
    tag(client, workflow, {"release": 1})
    client.put(f"/workflows/{workflow}", definition("two")).require(200)
    return workflow


def tag(client, workflow, target, name="production"):
    client.put(f"/api/v1/workflows/{workflow}/release_tags/{name}", target).require(200)


def execute(client, workflow, statuses=(200,), **fields):
    return client.post(f"/api/v1/workflows/{workflow}/execute", fields).require(*statuses)


def result(client, execution):
    def probe():
        data = client.data("GET", f"/workflow_executions/{execution}")
        return data if data["completed_at"] else None
    return wait_until(probe, "the execution ends")


@check
def the_management_api_runs_a_tag(context):
    """`release_tag` in `execute` and `execute_async` of the management API selects the release."""
    client = context.client
    workflow = two_releases(client)
    newest = execute(client, workflow).json["data"]
    expect_equal(newest["result"], {"text": "two"}, "the result without a tag")
    tagged = execute(client, workflow, release_tag="production").json["data"]
    expect_equal(tagged["result"], {"text": "one"}, "the result with a tag")
    path = f"/workflows/{workflow}/execute_async"
    started = client.data("POST", path, {"release_tag": "production"})["execution_id"]
    ended = result(client, started)
    expect_equal(ended["result"], {"text": "one"}, "the result of execute_async")
    expect_equal((ended["release"], ended["release_tag"]), (1, "production"), "the shown release and tag")


@check
def the_dataflow_api_runs_a_tag(context):
    """`release_tag` in `execute` of the dataflow API selects the release; the execution shows both."""
    client = context.client
    workflow = two_releases(client)
    execution = client.run(workflow, release_tag="production")
    expect_equal(output_of(execution), {"text": "one"}, "the output with a tag")
    expect_equal((execution["release"], execution["release_tag"]), (1, "production"), "the shown release and tag")
    tag(client, workflow, {"release": 2})
    expect_equal(output_of(client.run(workflow, release_tag="production")), {"text": "two"}, "after moving the tag")


@check
def unknown_tags_are_rejected(context):
    """An unknown tag is rejected by both APIs with the field and the existing tags; nothing is started."""
    client = context.client
    workflow = two_releases(client)
    problem = execute(client, workflow, (400,), release_tag="prodution").json["errors"][0]
    expect_equal(problem["field"], "release_tag", "the field of the management API")
    expect_in("production", problem["detail"], "the error of the management API")
    body = {"release_tag": "prodution"}
    problem = client.post(f"/workflows/{workflow}/execute", body).require(400).json["error"]
    expect_equal(problem["details"][0]["path"], "release_tag", "the path of the dataflow API")
    expect_in("production", problem["message"], "the error of the dataflow API")
    expect_equal(client.get(f"/workflows/{workflow}/executions").json["executions"], [], "the executions")


@check
def schedules_run_a_tag(context):
    """A schedule stores its `release_tag` and resolves it at each firing."""
    client = context.client
    workflow = two_releases(client)
    body = {"name": "tagged", "schedule_type": "cron", "cron_expression": "0 0 1 1 *", "release_tag": "production"}
    schedule = client.data("POST", f"/workflows/{workflow}/schedules", body)
    expect_equal(schedule.get("release_tag"), "production", "the tag of the schedule")

    def trigger():
        started = client.data("POST", f"/workflow_schedules/{schedule['id']}/trigger")
        return result(client, started["execution_id"])["result"]
    expect_equal(trigger(), {"text": "one"}, "the result of a firing")
    tag(client, workflow, {"release": 2})
    expect_equal(trigger(), {"text": "two"}, "the result of a firing after moving the tag")


@check
def schedules_reject_unknown_tags(context):
    """A schedule with a tag that its workflow does not have is rejected, at creation and at a change."""
    client = context.client
    workflow = two_releases(client)
    body = {"name": "tagged", "schedule_type": "cron", "cron_expression": "0 0 1 1 *"}
    path = f"/api/v1/workflows/{workflow}/schedules"
    problem = client.post(path, {**body, "release_tag": "prodution"}).require(400).json["errors"][0]
    expect_equal(problem["field"], "release_tag", "the field")
    expect_in("production", problem["detail"], "the error")
    schedule = client.post(path, body).require(201).json["data"]["id"]
    client.put(f"/api/v1/workflow_schedules/{schedule}", {"release_tag": "prodution"}).require(400)


@check
def reruns_run_a_tag(context):
    """A rerun keeps the release of the original, or runs the one of the `release_tag` that it names."""
    client = context.client
    workflow = two_releases(client)
    original = execute(client, workflow).json["data"]["execution_id"]
    path = f"/workflow_executions/{original}/rerun"
    again = result(client, client.data("POST", path)["execution_id"])
    expect_equal(again["result"], {"text": "two"}, "the result of a rerun without a tag")
    tagged = result(client, client.data("POST", path, {"release_tag": "production"})["execution_id"])
    expect_equal(tagged["result"], {"text": "one"}, "the result of a rerun with a tag")
    expect_equal(tagged["rerun_of"], original, "the original")


def split(client):
    workflow = two_releases(client)
    tag(client, workflow, {"traffic": [{"release": 1, "weight": 1}, {"release": 2, "weight": 1}]})
    return workflow


def chosen(client, workflow, **fields):
    return execute(client, workflow, release_tag="production", **fields).json["data"]["result"]["text"]


@check
def a_traffic_key_selects_the_same_release(context):
    """Of a tag with weights, the same `traffic_key` always selects the same release; keys are spread."""
    client = context.client
    workflow = split(client)
    by_key = {}
    for n in range(16):
        key = f"customer-{n}"
        found = {chosen(client, workflow, traffic_key=key) for _ in range(3)}
        expect_equal(len(found), 1, f"the number of releases for {key}")
        by_key[key] = found.pop()
    expect_equal(set(by_key.values()), {"one", "two"}, "the releases of 16 keys")
    for key, text in list(by_key.items())[:4]:
        execution = client.run(workflow, release_tag="production", traffic_key=key)
        expect_equal(output_of(execution), {"text": text}, f"the release of {key} in the dataflow API")


def vellum_output(client, workflow, **fields):
    body = {"workflow_deployment_id": workflow, "inputs": [], "release_tag": "production", **fields}
    data = client.post("/v1/execute-workflow", body).require(200).json["data"]
    return data["outputs"][0]["value"]


@check
def a_user_id_selects_the_same_release(context):
    """Without `traffic_key`, `metadata.user_id` decides between the releases of a tag, in every API."""
    client = context.client
    workflow = split(client)
    found = [{vellum_output(client, workflow, metadata={"user_id": n}) for _ in range(4)} for n in range(12)]
    expect(all(len(releases) == 1 for releases in found), f"a user gets several releases: {found}")
    expect_equal(set().union(*found), {"one", "two"}, "the releases of 12 users")
    managed = {chosen(client, workflow, metadata={"user_id": 5}) for _ in range(4)}
    expect_equal(managed, found[5], "the releases of user 5 in the management API")


@check
def the_vellum_api_takes_a_traffic_key(context):
    """`traffic_key` works in the Vellum-compatible API, where an `external_id` occurs only once."""
    client = context.client
    workflow = split(client)
    found = [{vellum_output(client, workflow, traffic_key=f"customer-{n}") for _ in range(4)} for n in range(12)]
    expect(all(len(releases) == 1 for releases in found), f"a key gets several releases: {found}")
    expect_equal(set().union(*found), {"one", "two"}, "the releases of 12 keys")
