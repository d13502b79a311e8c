"""The endpoint for actuals as its contract tells it, before a server that lacks it."""

from __future__ import annotations

from typing import Any

import httpx
from stepwell_testing import Answer, Request, Stub

PATH = "/v1/submit-workflow-execution-actuals"
KEPT = ("x-api-key", "content-type", "idempotency-key")


def actuals_stub(server_url: str) -> Stub:
    """Answers for actuals itself and hands everything else on to the server."""

    def answer(request: Request) -> Answer:
        headers = {name: request.headers[name] for name in KEPT if name in request.headers}
        if request.path == PATH:
            return _actuals(server_url, headers, request.json())
        url = server_url + request.path
        got = httpx.request(request.method, url, content=request.body, headers=headers)
        kind = {"Content-Type": got.headers.get("content-type", "application/json")}
        return Answer(got.status_code, [got.content] if got.content else None, kind)

    return Stub(answer)


def _actuals(server_url: str, headers: dict[str, str], body: dict[str, Any]) -> Answer:
    for at, actual in enumerate(body["actuals"]):
        named = actual.get("execution_id") or body.get("execution_id")
        url = f"{server_url}/v1/workflows/executions/{named}/status"
        if httpx.get(url, headers=headers).status_code != 200:
            return Answer(404, {"detail": f"actuals[{at}].execution_id: unknown"})
    return Answer(200, {})
