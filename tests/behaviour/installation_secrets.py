"""Secrets of the installation: files and environment variables, above all for scheduled executions."""

import json

from harness import Client, check, expect, expect_equal, expect_in, task, wait_until


def caller(receiver, secret="SHOP_TOKEN", **step):
    """A step that sends a secret."""
    return {"id": "call", "type": "HttpRequest", "config": {
        "url": receiver.url, "headers": {"Authorization": f"Bearer {{{{ secrets.{secret} }}}}"}}, **step}


def sent(receiver):
    return [request.headers.get("authorization") for request in list(receiver.requests)]


def schedule_of(client, workflow, **fields):
    return client.data("POST", f"/workflows/{workflow}/schedules", {
        "name": "secrets", "schedule_type": "interval", "interval_value": 1, "interval_unit": "seconds", **fields})


def folder_of_secrets(context, **secrets):
    for name, value in secrets.items():
        context.write(f"secrets/{name}", value)
    return {"secrets.directory": str(context.folder / "secrets")}


@check
def scheduled_executions_use_environment_variables(context):
    """A firing of a schedule uses secrets from the environment variables of the configured prefix."""
    receiver = context.receiver()
    server = context.start_server(
        {"secrets.env_prefix": "SHOP_SECRET_"}, variables={"SHOP_SECRET_SHOP_TOKEN": "tok-from-variable"})
    schedule = schedule_of(server.client, server.client.create([caller(receiver)]))
    expect("warnings" not in schedule, f"a warning although the secret has a source: {schedule}")
    wait_until(lambda: receiver.requests, "the schedule fires")
    expect_equal(sent(receiver)[0], "Bearer tok-from-variable", "the header that was sent")


@check
def scheduled_executions_use_files(context):
    """A secret is a file of the configured folder, without its line end; a replaced file takes effect at once."""
    receiver = context.receiver()
    server = context.start_server(folder_of_secrets(context, **{"shop-token": "tok-first\n"}))
    client = server.client
    schedule = schedule_of(client, client.create([caller(receiver)]), interval_unit="days")["id"]
    client.data("POST", f"/workflow_schedules/{schedule}/trigger")
    wait_until(lambda: sent(receiver) == ["Bearer tok-first"], "the first value is sent")
    context.write("secrets/shop-token", "tok-second\n")
    client.data("POST", f"/workflow_schedules/{schedule}/trigger")
    wait_until(lambda: sent(receiver)[1:] == ["Bearer tok-second"], "the replaced value is sent")


@check
def the_value_is_never_shown(context):
    """The value of a secret of the installation is in no response, log line or database page."""
    receiver = context.receiver()
    server = context.start_server(folder_of_secrets(context, SHOP_TOKEN="tok-very-secret"))
    client = server.client
    workflow = client.create(
        [caller(receiver), {"id": "wrong", "type": "Json.Parse", "input": "{{ steps.call.status }}"}])
    execution = client.run(workflow)
    expect_equal(sent(receiver), ["Bearer tok-very-secret"], "the header that was sent")
    expect_equal(task(execution, "call")["config"]["headers"]["Authorization"], "Bearer [secret]", "the shown header")
    logs = client.get(f"/workflows/{workflow}/executions/{execution['execution_id']}/logs").text
    expect("tok-very-secret" not in json.dumps(execution) + logs + server.log, "the secret is shown")
    server.stop()
    for file in server.data.iterdir():
        expect(b"tok-very-secret" not in file.read_bytes(), f"the secret is in {file.name}")


@check
def secrets_of_the_request_come_first(context):
    """A secret that is sent with a request replaces the one of the installation."""
    receiver = context.receiver()
    client = context.start_server(folder_of_secrets(context, SHOP_TOKEN="tok-of-file")).client
    workflow = client.create([caller(receiver)])
    client.run(workflow, headers={"X-Secret-Shop-Token": "tok-of-request"})
    client.run(workflow)
    expect_equal(sent(receiver), ["Bearer tok-of-request", "Bearer tok-of-file"], "the headers")


@check
def secrets_are_there_after_a_restart(context):
    """An execution that waits during a restart has the secrets of the installation afterwards."""
    receiver = context.receiver()
    server = context.start_server(folder_of_secrets(context, SHOP_TOKEN="tok-of-file"))
    workflow = server.client.create([{"id": "pause", "type": "Delay", "config": {"for": "2s"}},
                                     {**caller(receiver), "input": {}}])
    execution = server.client.start(workflow)
    server.kill()
    server.start()
    found = server.client.wait_for_status(workflow, execution, "COMPLETED", "FAILED")
    expect_equal((found["status"], sent(receiver)), ("COMPLETED", ["Bearer tok-of-file"]), "the end after a restart")


@check
def schedules_warn_of_missing_secrets(context):
    """Creating or changing a schedule warns of a secret of its workflow that has no source, with step and name."""
    client, receiver = context.client, context.receiver()
    schedule = schedule_of(client, client.create([caller(receiver)]), interval_unit="days")
    expect(schedule.get("warnings"), "no warning about a secret that can never be there")
    warning = schedule["warnings"][0]
    expect_equal(warning["code"], "SECRET_UNAVAILABLE", "the code")
    expect("SHOP_TOKEN" in warning["detail"] and "call" in warning["detail"], f"not the secret or step: {warning}")
    changed = client.data("PUT", f"/workflow_schedules/{schedule['id']}", {"name": "changed"})
    expect_equal([w["code"] for w in changed["warnings"]], ["SECRET_UNAVAILABLE"], "the warnings of a change")
    plain = schedule_of(client, client.create([{"type": "Echo", "input": "x"}]), interval_unit="days")
    expect("warnings" not in plain, f"a warning without secrets: {plain}")


@check
def the_command_line_prints_the_warning(context):
    """`stepwell schedules create` prints the warning about a secret without a source."""
    name = "secret schedule"
    context.client.create([caller(context.receiver(), "NO_SUCH_SECRET")], name=name)
    done = context.command("schedules", "create", name, "warned", "--every", "1d").require()
    expect_in("NO_SUCH_SECRET", done.err, "stderr")


@check
def sources_are_listed_without_values(context):
    """`stepwell secrets list` prints the names and sources of the secrets, never their values."""
    folder_of_secrets(context, **{"shop-token": "tok-654321"})
    context.write("stepwell.toml", '[secrets]\ndirectory = "secrets"\nenv_prefix = "SHOP_SECRET_"\n')
    done = context.command("secrets", "list", local=True, variables={"SHOP_SECRET_MAIL_TOKEN": "tok-777777"}).require()
    for part in ["SHOP_TOKEN", "MAIL_TOKEN", "SHOP_SECRET_MAIL_TOKEN"]:
        expect_in(part, done.out, "the list")
    expect("tok-" not in done.out + done.err, f"the list has a value: {done.out}")


@check
def other_workspaces_have_no_secrets_of_the_installation(context):
    """Only the workspaces of `secrets.workspaces` (by default the first) use secrets of the installation."""
    receiver = context.receiver()
    server = context.start_server(folder_of_secrets(context, SHOP_TOKEN="tok-of-file"))
    workspace = server.client.data("POST", "/workspaces", {"name": "tenant"})["id"]
    key = server.client.data("POST", "/auth/api-keys", {"name": "k", "role": "admin", "workspace_id": workspace})
    tenant = Client(server.url, key["secret"])
    failed = tenant.run(tenant.create([caller(receiver)]))
    expect_equal(failed["status"], "FAILED", "the status in another workspace")
    expect_equal(failed["error"]["code"], "SECRET_UNAVAILABLE", "the code")
    expect_equal(sent(receiver), [], "what was sent")
    server.client.run(server.client.create([caller(receiver)]))
    expect_equal(sent(receiver), ["Bearer tok-of-file"], "what the first workspace sent")
