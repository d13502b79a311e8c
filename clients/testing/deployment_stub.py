"""The deployment endpoints as their contract tells them, before a server that lacks them."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx
from stepwell_testing import Answer, Request, Stub

TS = "2026-01-02T03:04:05.678Z"
ENDED: dict[str, dict[str, Any]] = {}


def deployment_stub(server_url: str) -> Stub:
    """Answers `/v1/…` itself and hands everything else on to the server."""

    def answer(request: Request) -> Answer:
        if not request.path.startswith("/v1/"):
            kept = ("x-api-key", "content-type", "idempotency-key")
            headers = {name: request.headers[name] for name in kept if name in request.headers}
            url = server_url + request.path
            got = httpx.request(request.method, url, content=request.body, headers=headers)
            if "event-stream" in got.headers.get("content-type", ""):
                return Answer(got.status_code, [got.content])
            return Answer(got.status_code, got.json() if got.content else None)
        if request.path.endswith("/status"):
            known = ENDED.get(request.path.split("/")[-2])
            return Answer(200, known) if known else Answer(404, {"detail": "no such execution"})
        body = request.json()
        if request.path == "/v1/submit-workflow-execution-actuals":
            return _actuals(body)
        return _execute(request.path, body)

    return Stub(answer)


def _actuals(body: dict[str, Any]) -> Answer:
    for at, actual in enumerate(body["actuals"]):
        named = actual.get("execution_id") or body.get("execution_id") or body.get("external_id")
        if named not in ENDED:
            return Answer(404, {"detail": f"actuals[{at}].execution_id: unknown"})
    return Answer(200, {})


def _execute(path: str, body: dict[str, Any]) -> Answer:
    name = body.get("workflow_deployment_name")
    inputs = {item["name"]: item["value"] for item in body["inputs"]}
    if name not in ("my-workflow", "my-failing-workflow", "backwards"):
        return Answer(404, {"detail": f"workflow_deployment_name: there is no `{name}`"})
    execution_id = str(uuid.uuid4())
    envelope = {
        "execution_id": execution_id,
        "run_id": None,
        "external_id": body.get("external_id"),
    }
    base = {"id": execution_id, "ts": TS}
    if name == "my-failing-workflow":
        error = {"message": "boom", "code": "USER_DEFINED_ERROR", "raw_data": None}
        end = {**base, "state": "REJECTED", "error": error}
        status = {"status": "REJECTED", "outputs": None, "error": error}
    else:
        key, value = next(iter(inputs.items()), ("query", ""))
        text = value.upper() if key == "query" else value.upper()[::-1]
        outputs = [{"id": str(uuid.uuid4()), "name": "result", "type": "STRING", "value": text}]
        end = {**base, "state": "FULFILLED", "outputs": outputs}
        status = {"status": "FULFILLED", "outputs": {"result": text}, "error": None}
    ENDED[execution_id] = {**status, "execution_id": execution_id}
    if path == "/v1/execute-workflow":
        return Answer(200, {**envelope, "data": end})
    if path == "/v1/execute-workflow-async":
        return Answer(200, {"execution_id": execution_id})
    node = {"id": "n", "node_id": str(uuid.uuid4()), "node_result_id": "r", "ts": TS}
    events = [
        {**envelope, "type": "WORKFLOW", "data": {**base, "state": "INITIATED", "inputs": []}}
    ]
    if "NODE" in body.get("event_types", []):
        for state in ({"state": "INITIATED"}, {"state": "FULFILLED", "output_values": []}):
            events.append({**envelope, "type": "NODE", "data": {**node, **state}})
    events.append({**envelope, "type": "WORKFLOW", "data": end})
    return Answer(200, [json.dumps(event).encode() + b"\n" for event in events])
