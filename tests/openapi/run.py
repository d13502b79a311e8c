"""Sends requests that the OpenAPI document of a running server allows, and many that it forbids.

Two passes of Schemathesis over every operation: with invented ids, which tests the responses for
unknown objects, and with the ids of real objects.
Usage: run.py BINARY FOLDER
"""

import json
import pathlib
import subprocess
import sys
import tempfile

from server import Server

# A JSON Schema cannot express all rules for definitions and inputs, so schema-valid bodies may be
# rejected; all other checks of Schemathesis are enabled.
CHECKS = "[checks]\npositive_data_acceptance.enabled = false\n"
SEED = "20"
EXAMPLES = "15"


def objects(server: Server) -> dict[str, dict[str, str]]:
    """Real ids for path parameters, by the beginning of the path that accepts them."""
    definition = {"name": "probed", "steps": [{"type": "StaticTextInput", "input": "Hello"}]}
    workflow = server.post("/workflows", definition)["workflow_id"]
    execution = server.post(f"/workflows/{workflow}/execute?wait=true", {})["execution_id"]
    both = {"workflow_id": workflow, "execution_id": execution}
    yearly = {"name": "probed", "schedule_type": "cron", "cron_expression": "0 0 1 1 *"}
    schedule = server.post(f"/api/v1/workflows/{workflow}/schedules", yearly)["data"]["id"]
    # No process listens on this port: deliveries fail at once.
    webhook = {"url": "http://127.0.0.1:9/", "events": ["workflow.deleted"]}
    webhook = server.post("/api/v1/webhooks", webhook)["data"]["id"]
    workspace = server.post("/api/v1/workspaces", {"name": "probed"})["data"]["id"]
    delivery = server.post(f"/api/v1/webhooks/{webhook}/test", {})["data"]["id"]
    text = {"name": "probed", "body": "Hello, {{ name }}", "sample": {"name": "Ada"}}
    template = server.post("/api/v1/templates", text)["data"]["id"]
    return {
        "/workflows/": both,
        "/v1/workflows/executions/": both,
        "/v1/workflow-executions/": both,
        "/v1/workflows/": {"span_id": execution},
        "/v1/workflow-deployments/": {
            "id": "probed", "execution_id": execution, "release": "LATEST", "name": "LATEST"
        },
        "/api/v1/workflows/": {"id": workflow, "tag": "LATEST"},
        "/api/v1/workflow_executions/": {"id": execution},
        "/api/v1/workflow_schedules/": {"id": schedule},
        "/api/v1/webhooks/deliveries/": {"id": delivery},
        "/api/v1/webhooks/": {"id": webhook},
        "/api/v1/templates/": {"id": template},
        "/api/v1/workspaces/": {"id": workspace},
        "/api/v1/step_types/": {"type": "Echo"},
    }


# Schemathesis uses ids that it finds in lists: it must neither revoke its own key, nor limit its
# workspace.
NOT_ITS_OWN = {
    "DELETE /api/v1/auth/api-keys/{id}": {"id": "apk_00000000000000000000000000"},
    "PATCH /api/v1/workspaces/{id}": {"id": "ws_00000000000000000000000002"},
}

# By contract an execution that fails returns 500 `WORKFLOW_EXECUTION_ERROR`, and one that
# takes too long 504 `EXECUTION_TIMEOUT`.
TELLS_OF_FAILURE = "POST /api/v1/workflows/{id}/execute"


def configuration(server: Server, real: dict[str, dict[str, str]]) -> str:
    """Settings of some operations: the real objects for their parameters, and the checks that do
    not apply to them."""
    text = [CHECKS]
    for method, path in server.operations():
        name = f"{method} {path}"
        lines = []
        known = NOT_ITS_OWN.get(name, {})
        known = next((ids for begin, ids in real.items() if path.startswith(begin)), known)
        ids = {f"path.{name}": id for name, id in known.items() if f"{{{name}}}" in path}
        if ids:
            pairs = ", ".join(f"{json.dumps(name)} = {json.dumps(id)}" for name, id in ids.items())
            lines.append(f"parameters = {{ {pairs} }}")
        if name == TELLS_OF_FAILURE:
            allowed = '["2xx", "3xx", "4xx", 500, 504]'
            lines.append(f"checks.not_a_server_error.expected-statuses = {allowed}")
        if path.endswith("/events"):
            # This check counts invented headers as invalid, but unknown headers must be accepted.
            lines.append("checks.negative_data_rejection.enabled = false")
            # The schema describes the stream as text; this check compares it with each event.
            lines.append("checks.response_schema_conformance.enabled = false")
        if lines:
            text.append("\n".join(["[[operations]]", f'include-name = "{name}"', *lines, ""]))
    return "\n".join(text)


def run(server: Server, *options: str) -> bool:
    tool = str(pathlib.Path(sys.executable).with_name("schemathesis"))
    target = ["run", f"{server.url}/openapi.json", "-H", f"X-API-KEY: {server.key}"]
    limits = ["-n", EXAMPLES, "--seed", SEED, "--request-timeout", "20", "--continue-on-failure"]
    quiet = ["--no-color", "--warnings", "off", "--generation-database", "none"]
    before, after = options[: options.index("--")], options[options.index("--") + 1 :]
    command = [tool, *before, *target, *limits, *quiet, *after]
    done = subprocess.run(command, cwd=server.folder, check=False)
    if server.process.poll() is not None:
        sys.exit(f"the server died:\n{server.log.read_text()[-4000:]}")
    return done.returncode == 0


def main() -> None:
    binary, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    # A new folder for each run: results of the last run must not affect this one.
    folder = pathlib.Path(tempfile.mkdtemp(dir=folder)).resolve()
    server = Server(binary, folder)
    try:
        made_up_ids, real_ids = folder / "made_up.toml", folder / "real.toml"
        made_up_ids.write_text(configuration(server, {}))
        made_up = run(
            server, "--config-file", str(made_up_ids), "--", "--phases", "examples,coverage,fuzzing"
        )
        # After the first pass, which may delete any object.
        real_ids.write_text(configuration(server, objects(server)))
        behind = run(
            server, "--config-file", str(real_ids), "--", "--phases", "coverage,fuzzing,stateful",
            "--exclude-method", "DELETE",
        )
    finally:
        server.process.terminate()
        server.process.wait()
    sys.exit(0 if made_up and behind else 1)


main()
