"""Actions on many executions are operations of their own: accepted at once, with progress, and resumed."""

import threading
import time

from harness import check, expect, expect_equal, expect_in, start_many, wait_until

WAITING = [{"id": "pause", "type": "Delay", "config": {"for": "1h"}}, {"type": "Echo"}]
# Enough to be in progress for a while on any machine.
MANY = 800


def count(client, workflow, status):
    path = f"/workflow_executions?workflow_id={workflow}&status={status}&page_size=1"
    return client.data("GET", path)["pagination"]["total_items"]


def prepare(client, number, steps=None, **fields):
    """A workflow with so many executions that wait."""
    workflow = client.create(steps or WAITING, **fields)
    start_many(client, workflow, number)
    return workflow


def operate(client, action, workflow, **fields):
    response = client.post("/api/v1/operations", {"action": action, "filter": {"workflow_id": workflow}, **fields})
    operation = response.require(202).json["data"]
    expect_equal(response.headers["Location"], f"/api/v1/operations/{operation['id']}", "the location")
    return operation


def wait_for_end(client, operation):
    def probe():
        found = client.data("GET", f"/operations/{operation['id']}")
        return found if found["completed_at"] else None
    return wait_until(probe, "the operation ends", 60)


@check
def a_deletion_continues_after_a_crash(context):
    """Deleting a workflow with its executions continues after `kill -9` until all of them are cancelled."""
    server = context.start_server()
    workflow = prepare(server.client, MANY)
    path = f"/api/v1/workflows/{workflow}?cancel_running=true"

    def delete():
        try:
            server.client.delete(path)
        except OSError:
            pass  # The server is killed meanwhile.
    request = threading.Thread(target=delete)
    request.start()
    wait_until(lambda: count(server.client, workflow, "cancelled"), "the first execution is cancelled")
    server.kill()
    request.join()
    server.start()
    left = count(server.client, workflow, "running")
    expect(left > 0, "nothing was left to do at the crash: the check needs more executions")
    wait_until(lambda: count(server.client, workflow, "running") == 0,
               f"the {left} executions left at the crash are cancelled", 20)
    expect_equal(count(server.client, workflow, "cancelled"), MANY, "the number of cancelled executions")
    server.client.get(f"/api/v1/workflows/{workflow}").require(404)


@check
def a_deletion_returns_within_seconds(context):
    """A deletion with many executions returns within seconds; what is left then is a visible operation."""
    server = context.start_server()
    client = server.client
    workflow = prepare(client, 2 * MANY)
    started = time.monotonic()
    data = client.data("DELETE", f"/workflows/{workflow}?cancel_running=true")
    seconds = time.monotonic() - started
    expect(seconds < 10, f"the deletion took {seconds:.1f} s")
    client.get(f"/api/v1/workflows/{workflow}").require(404)
    operations = client.data("GET", "/operations")["items"]
    expect_equal([operation["action"] for operation in operations], ["cancel"], "the operations")
    if data["cancelled_executions"] < 2 * MANY:
        expect_equal(data["operation_id"], operations[0]["id"], "the operation in the response")
    ended = wait_for_end(client, operations[0])
    expect_equal((ended["status"], ended["progress"]["done"]), ("completed", 2 * MANY), "the end of the operation")


@check
def operations_are_accepted_at_once(context):
    """An operation is accepted before its work is done, shows its progress, and leaves time for other requests."""
    client = context.start_server().client
    workflow = prepare(client, MANY)
    echo = client.create([{"type": "Echo", "input": "x"}])
    operation = operate(client, "cancel", workflow, reason="wrong prices")
    expect_equal(operation["progress"]["matched"], MANY, "the number of matched executions")
    expect(operation["completed_at"] is None, f"the response came after the work: {operation}")
    seen, slowest = [], 0

    def is_over():
        nonlocal slowest
        started = time.monotonic()
        client.post(f"/workflows/{echo}/execute?wait=true").require(200)
        slowest = max(slowest, time.monotonic() - started)
        found = client.data("GET", f"/operations/{operation['id']}")
        seen.append(found["progress"]["done"])
        return found["status"] == "completed"
    wait_until(is_over, "the operation completes", 60)
    expect_equal(seen, sorted(seen), "the progress")
    expect(any(0 < done < MANY for done in seen), f"no progress was visible: {seen}")
    expect_equal(seen[-1], MANY, "the number of cancelled executions")
    expect(slowest < 2, f"another execution took {slowest:.1f} s meanwhile")


@check
def operations_are_resumed_after_a_crash(context):
    """An operation that `kill -9` interrupts is completed by the next start, and counts each execution once."""
    server = context.start_server()
    workflow = prepare(server.client, MANY)
    operation = operate(server.client, "cancel", workflow)

    def in_progress():
        return server.client.data("GET", f"/operations/{operation['id']}")["progress"]["done"]
    wait_until(in_progress, "the operation begins")
    server.kill()
    server.start()
    ended = wait_for_end(server.client, operation)
    progress = ended["progress"]
    expect_equal(ended["status"], "completed", "the status")
    expect_equal(progress["done"] + progress["skipped"], MANY, f"the number of executions ({progress})")
    expect_equal(count(server.client, workflow, "cancelled"), MANY, "the number of cancelled executions")
    audit = server.client.data("GET", "/audit_log?action=execution.cancelled&page_size=1")["pagination"]["total_items"]
    expect_equal(audit, MANY, "the number of audit entries")


@check
def many_are_paused_and_resumed(context):
    """Bulk pause and resume work on the executions of a filter, and on no others."""
    client = context.client
    workflow, other = prepare(client, 40), prepare(client, 3)
    wait_for_end(client, operate(client, "pause", workflow))
    expect_equal((count(client, workflow, "paused"), count(client, other, "paused")), (40, 0), "the paused executions")
    wait_for_end(client, operate(client, "resume", workflow))
    expect_equal((count(client, workflow, "paused"), count(client, workflow, "running")), (0, 40), "after resuming")


@check
def many_are_purged(context):
    """Bulk purge deletes ended executions with their journals, and leaves those that run."""
    client = context.client
    workflow = prepare(client, 30)
    ended = client.get(f"/workflows/{workflow}/executions?limit=1").json["executions"][0]["execution_id"]
    client.post(f"/workflows/{workflow}/executions/{ended}/cancel").require(202)
    client.wait_for_status(workflow, ended, "CANCELLED")
    end = wait_for_end(client, operate(client, "purge", workflow))
    expect_equal((end["status"], end["progress"]["done"]), ("completed", 1), "the end of the operation")
    client.get(f"/workflows/{workflow}/executions/{ended}").require(404)
    expect_equal(count(client, workflow, "running"), 29, "the number of running executions")


@check
def filters_are_required_and_tried_out(context):
    """An operation needs a filter; `dry_run=true` counts the executions and changes nothing."""
    client = context.client
    client.post("/api/v1/operations", {"action": "cancel", "filter": {}}).require(400)
    workflow = client.create(WAITING)
    for team in ["sales", "sales", "support"]:
        client.data("POST", f"/workflows/{workflow}/execute_async", {"metadata": {"team": team}})
    body = {"action": "cancel", "filter": {"workflow_id": workflow, "metadata": {"team": "sales"}}}
    tried = client.post("/api/v1/operations?dry_run=true", body).require(200).json["data"]
    expect_equal(tried["progress"]["matched"], 2, "the number of matched executions")
    expect_equal(count(client, workflow, "cancelled"), 0, "the number of cancelled executions after a dry run")
    wait_for_end(client, client.data("POST", "/operations", body))
    expect_equal(count(client, workflow, "cancelled"), 2, "the number of cancelled executions")


@check
def an_operation_is_cancelled(context):
    """A cancelled operation ends; what it has done remains, and what is left stays as it was."""
    client = context.start_server().client
    workflow = prepare(client, MANY)
    operation = operate(client, "pause", workflow)
    client.post(f"/api/v1/operations/{operation['id']}/cancel").require(200)
    ended = wait_for_end(client, operation)
    expect_equal(ended["status"], "cancelled", "the status")
    paused = count(client, workflow, "paused")
    expect_equal(paused + count(client, workflow, "running"), MANY, "the number of executions")
    expect(paused < MANY, "all executions were paused")


@check
def the_command_line_works_in_bulk(context):
    """`executions cancel` with filters and --wait cancels all that match; `operations` lists and shows it."""
    workflow = prepare(context.client, 20, name="bulk command")
    context.command("executions", "cancel", "--workflow", "bulk command", "--dry-run").require()
    expect_equal(count(context.client, workflow, "running"), 20, "the number of executions after --dry-run")
    context.command("executions", "cancel", "--workflow", "bulk command", "--yes", "--wait").require()
    expect_equal(count(context.client, workflow, "cancelled"), 20, "the number of cancelled executions")
    operations = context.command("operations", "list", "--json").require().json["items"]
    mine = [item for item in operations if item["filter"].get("workflow_id", "").endswith(workflow.split("-")[-1])]
    expect_equal(len(mine), 1, "the number of operations")
    expect_in("completed", context.command("operations", "show", mine[0]["id"]).require().out, "the operation")
