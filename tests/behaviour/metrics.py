"""What /metrics shows of executions, the queue, steps, webhooks, the store, caches and the process."""

import re
import threading

from harness import Client, check, expect, expect_equal, start_many, wait_until

SERIES = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


def read(client):
    """The values by the name and the labels of their series."""
    values = {}
    for line in client.get("/metrics").require(200).text.splitlines():
        if line and not line.startswith("#"):
            found = SERIES.match(line)
            expect(found, f"not a line of the text format: {line}")
            key = found[1], tuple(sorted(LABEL.findall(found[2] or "")))
            expect(key not in values, f"a series twice: {line}")
            values[key] = float(found[3])
    return values


def value(client, name, **labels):
    """The value of one series, or None."""
    return read(client).get((name, tuple(sorted(labels.items()))))


def wait_for_value(client, name, expected, **labels):
    """Gauges are read at most once a second."""
    expect(value(client, name, **labels) is not None, f"/metrics has no series {name} {labels or ''}")
    wait_until(lambda: expected(value(client, name, **labels)), f"{name} {labels or ''} has the expected value", 10)


@check
def families_have_help_and_type(context):
    """Every family has one HELP and one TYPE before its series, counters end in _total, histograms are complete."""
    client = context.start_server().client
    client.run(client.create([{"type": "Echo", "input": "x"}]))
    text = client.get("/metrics").require(200).text
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    helped = re.findall(r"^# HELP (\S+) \S", text, re.M)
    expect_equal(sorted(helped), sorted(kinds), "the families with help")
    for name, kind in kinds.items():
        expect((kind == "counter") == name.endswith("_total"), f"{name} is a {kind}")
    names = {name for name, _ in read(client)}
    for name in names:
        family = re.sub(r"_(bucket|sum|count)$", "", name)
        expect(name in kinds or kinds.get(family) == "histogram", f"{name} has no type")
    for name in (name for name, kind in kinds.items() if kind == "histogram"):
        expect({f"{name}_bucket", f"{name}_sum", f"{name}_count"} <= names or f"{name}_bucket" not in names,
               f"{name} is not complete")


@check
def counters_begin_at_zero(context):
    """Counters with fixed labels are there from the start with 0, so that rate() includes the first event."""
    client = context.start_server().client
    for name, labels in [
            ("stepwell_executions_ended_total", {"status": "failed"}), ("stepwell_executions_accepted_total", {}),
            ("stepwell_deliveries_total", {"status": "exhausted"}), ("stepwell_schedule_firings_total", {}),
            ("stepwell_step_attempts_total", {"type": "HttpRequest", "outcome": "failed"}),
            ("stepwell_store_failures_total", {"operation": "write"})]:
        expect_equal(value(client, name, **labels), 0, f"{name} {labels or ''} after the start")


@check
def executions_by_status_and_workflow(context):
    """Ended executions are counted by status, in total and by workflow; stored ones by present status."""
    client = context.start_server().client
    good = client.create([{"type": "Echo", "input": "x"}])
    bad = client.create([{"type": "Json.Parse", "input": "{{ inputs.text }}"}], inputs={"text": "string"})
    for _ in range(3):
        client.run(good)
    client.run(bad, {"text": "{"})
    client.start(client.create([{"type": "Delay", "config": {"for": "1h"}}]))
    wait_for_value(client, "stepwell_executions_ended_total", lambda n: n == 3, status="completed")
    for workflow, status, number in [(good, "completed", 3), (good, "failed", 0), (bad, "failed", 1)]:
        found = value(client, "stepwell_workflow_executions_ended_total", workflow_id=workflow, status=status)
        expect_equal(found, number, f"the {status} executions of a workflow")
    for status, number in [("completed", 3), ("failed", 1), ("waiting", 1), ("paused", 0)]:
        wait_for_value(client, "stepwell_executions", lambda n, number=number: n == number, status=status)


@check
def depth_and_age_of_the_queue(context):
    """The number of queued executions, its limit, and the age of the oldest one are shown."""
    client = context.start_server({"engine.max_active": 1, "engine.max_queued": 50}).client
    receiver = context.receiver()
    receiver.hold = threading.Event()
    context.cleanups.callback(receiver.hold.set)
    workflow = client.create([{"type": "HttpRequest", "config": {"url": receiver.url}}])
    start_many(client, workflow, 4, connections=1)
    wait_for_value(client, "stepwell_executions_queued", lambda n: n == 3)
    wait_for_value(client, "stepwell_executions_oldest_queued_age_seconds", lambda n: n > 0)
    found = [value(client, f"stepwell_executions_{name}") for name in ["queued_limit", "active_limit", "active"]]
    expect_equal(found, [50, 1, 1], "the limits and the active executions")


@check
def steps_by_type(context):
    """Attempts, retries and the duration of steps are counted by type."""
    client, receiver = context.start_server().client, context.receiver([500, 500])
    client.run(client.create([
        {"type": "HttpRequest", "config": {"url": receiver.url},
         "retry": {"max_attempts": 3, "initial": "10ms", "on": ["HTTP_STATUS"]}}]))
    expect_equal(value(client, "stepwell_step_retries_total", type="HttpRequest"), 2, "the retries")
    found = [value(client, "stepwell_step_attempts_total", type="HttpRequest", outcome=outcome)
             for outcome in ["completed", "failed"]]
    expect_equal(found, [1, 2], "the completed and failed attempts")
    expect_equal(value(client, "stepwell_step_duration_seconds_count", type="HttpRequest"), 1, "the measured steps")
    expect(value(client, "stepwell_step_duration_seconds_sum", type="HttpRequest") > 0, "the duration is 0")


@check
def backlog_of_webhooks(context):
    """Pending deliveries and the age of the oldest one are shown, and attempts by their result."""
    client, receiver = context.start_server().client, context.receiver([500] * 100)
    client.run(client.create([{"type": "Echo", "input": "x"}]), webhook_url=receiver.url)
    wait_for_value(client, "stepwell_deliveries_pending", lambda n: n > 0)
    wait_for_value(client, "stepwell_deliveries_oldest_pending_age_seconds", lambda n: n > 0)
    wait_for_value(client, "stepwell_deliveries_total", lambda n: n > 0, status="retry")


@check
def commits_of_the_store(context):
    """The duration of transactions and of their commits (fsync), and the writes that shared one, are shown."""
    client = context.start_server().client
    client.run(client.create([{"type": "Echo", "input": "x"}]))
    values = read(client)
    for name in ["transaction_duration_seconds", "commit_duration_seconds", "transaction_writes"]:
        expect(values.get((f"stepwell_store_{name}_count", ()), 0) > 0, f"stepwell_store_{name} counts nothing")
        expect(values[(f"stepwell_store_{name}_sum", ())] > 0, f"stepwell_store_{name} has no sum")
    batch = values[("stepwell_store_transaction_writes_sum", ())]
    expect(batch >= values[("stepwell_store_transaction_writes_count", ())], "a transaction without a write")


@check
def caches_and_their_limits(context):
    """The size and limit of every pool of memory, and hits and misses of every cache, are shown."""
    client = context.start_server().client
    workflow = client.create([{"type": "Template", "config": {"template": "{{ 1 + 1 }}"}}])
    for _ in range(3):
        client.run(workflow)
    values = read(client)

    def by_pool(family):
        return {dict(labels)["pool"]: number for (name, labels), number in values.items() if name == family}
    sizes, limits = by_pool("stepwell_memory_bytes"), by_pool("stepwell_memory_limit_bytes")
    expect({"plans", "expressions", "working", "keys", "sqlite", "store_queue"} <= set(sizes), f"the pools are {sizes}")
    expect(sizes["plans"] > 0 and sizes["expressions"] > 0, f"nothing is in the caches: {sizes}")
    over = {pool: (size, limits.get(pool)) for pool, size in sizes.items() if size > limits.get(pool, float("inf"))}
    expect(not over, f"pools above their limits: {over}")
    hits = value(client, "stepwell_cache_lookups_total", cache="plans", result="hit")
    expect(hits and hits > 0, f"the hits of the plans are {hits}")


@check
def the_process(context):
    """File descriptors, memory, threads and the start of the process are shown."""
    values = read(context.client)
    for name in ["open_fds", "max_fds", "resident_memory_bytes", "threads", "start_time_seconds"]:
        expect(values.get((f"process_{name}", ()), 0) > 0, f"there is no process_{name}")
    expect(values[("process_open_fds", ())] < values[("process_max_fds", ())], "more files than allowed")


@check
def metrics_need_their_scope(context):
    """Only keys of the default workspace with `read:metrics` read /metrics, which shows all workspaces."""
    server = context.shared.get()
    other = server.client.data("POST", "/auth/api-keys", {"name": "m", "scopes": ["execute:workflows"]})
    refused = Client(server.url, other["secret"]).get("/metrics").require(403)
    expect("read:metrics" in refused.text, f"the error does not name the scope: {refused.text}")
    reader = server.client.data("POST", "/auth/api-keys", {"name": "r", "scopes": ["read:metrics"]})
    Client(server.url, reader["secret"]).get("/metrics").require(200)
