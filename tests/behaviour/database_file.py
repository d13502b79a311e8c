"""The database file returns space to the file system, and its size is shown."""

import os
import sqlite3
import time

from harness import check, expect, expect_equal, expect_in, wait_until
from metrics import value, wait_for_value

# 16 MB, several times what the file keeps for new data.
EXECUTIONS, BYTES = 160, 100_000


def start_one(client, workflow):
    return client.start(workflow, {"text": os.urandom(BYTES // 2).hex()})


def fill(client):
    """Executions with much data that the next purge deletes; the workflow and one of them."""
    steps = [{"type": "Echo", "input": "{{ inputs.text }}"}]
    workflow = client.create(steps, inputs={"text": "string"}, retention="10ms")
    for _ in range(EXECUTIONS):
        execution = start_one(client, workflow)
    client.wait_for_status(workflow, execution, "COMPLETED")
    return workflow, execution


def size(server):
    return (server.data / "stepwell.db").stat().st_size


def filled_server(context):
    """A server that has been filled and stopped."""
    server = context.start_server()
    workflow, execution = fill(server.client)
    server.stop()
    full = size(server)
    expect(full > EXECUTIONS * BYTES / 2, f"the file has only {full} bytes")
    return server, workflow, execution, full


def purge(server, workflow, execution):
    """Starts the server again: it deletes what is too old at its start, then once a minute."""
    server.start()

    def is_deleted():
        return server.client.get(f"/workflows/{workflow}/executions/{execution}").status == 404
    wait_until(is_deleted, "the retention deletes the executions")

    def is_empty():
        return not server.client.get(f"/workflows/{workflow}/executions").json["executions"]
    wait_until(is_empty, "all executions are deleted")


def wait_for_size(server, limit, between=lambda: None):
    def is_small():
        between()
        return size(server) < limit
    wait_until(is_small, f"the file has {limit} bytes", 15)


@check
def the_file_shrinks_after_retention(context):
    """When the retention has deleted executions, the file becomes smaller, while the server is in use."""
    server, workflow, execution, full = filled_server(context)
    purge(server, workflow, execution)
    wait_for_size(server, full // 2, lambda: start_one(server.client, workflow))


@check
def the_file_of_a_quiet_server_shrinks(context):
    """The file becomes smaller also if nothing is written after the retention has deleted executions."""
    server, workflow, execution, full = filled_server(context)
    purge(server, workflow, execution)
    wait_for_size(server, full // 2)


@check
def the_sizes_are_shown(context):
    """The size of the file, its free part, the log and the age of the oldest execution are in /metrics."""
    server = context.start_server()
    started = time.time()
    fill(server.client)
    wait_for_value(server.client, "stepwell_store_database_bytes", lambda n: n > EXECUTIONS * BYTES / 2)
    wait_for_value(server.client, "stepwell_store_wal_bytes", lambda n: n > 0)
    expect(value(server.client, "stepwell_store_free_bytes") is not None, "no stepwell_store_free_bytes")
    wait_for_value(server.client, "stepwell_executions_oldest_age_seconds", lambda n: n > 0)
    age = value(server.client, "stepwell_executions_oldest_age_seconds")
    expect(age <= time.time() - started + 1, f"the oldest execution is {age} s old")


@check
def freed_space_is_shown(context):
    """After a deletion the free part of the file is what later data can use, below the size of the file."""
    server, workflow, execution, full = filled_server(context)
    purge(server, workflow, execution)
    wait_for_value(server.client, "stepwell_store_free_bytes", lambda n: n > BYTES)
    wait_for_size(server, full // 2, lambda: start_one(server.client, workflow))
    wait_for_value(server.client, "stepwell_store_database_bytes", lambda n: n < full / 2)
    free = value(server.client, "stepwell_store_free_bytes")
    expect(free < value(server.client, "stepwell_store_database_bytes"), f"{free} bytes are free")


@check
def compact_converts_older_files(context):
    """A file that cannot shrink by itself is rewritten by `stepwell compact`, and shrinks afterwards."""
    server, workflow, execution, full = filled_server(context)
    # As databases of earlier versions are.
    with sqlite3.connect(server.data / "stepwell.db") as database:
        database.execute("PRAGMA auto_vacuum = NONE")
        database.execute("VACUUM")
        expect_equal(database.execute("PRAGMA auto_vacuum").fetchone(), (0,), "the mode of the file")
    database.close()
    purge(server, workflow, execution)
    server.stop()
    expect(size(server) > full / 2, "the file shrinks without `compact`")
    context.command("compact", "--data-dir", server.data, local=True).require()
    expect(size(server) < full / 10, f"the file still has {size(server)} bytes of {full}")
    server.start()
    server.client.get("/readyz").require(200)


@check
def status_shows_the_size(context):
    """`stepwell status` shows the size of the store with the rest of the state."""
    shown = context.command("status").require().out
    expect_in("store", shown, "the output")
    state = context.command("status", "--json").require().json
    expect(state["store_bytes"] > 0 and state["ready"], f"the state is {state}")
