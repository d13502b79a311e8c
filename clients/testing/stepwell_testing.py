"""Shared by the tests of the Python clients: a real server, a stub server, and README snippets.

The binary is `STEPWELL_BIN`, or the debug build in `target/`.
"""

from __future__ import annotations

import ast
import inspect
import json
import os
import re
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Optional, Union

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("STEPWELL_BIN") or str(ROOT / "target/debug/stepwell")


@dataclass
class Server:
    """A running server: its URL and a key with scope `admin`."""

    url: str
    key: str


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server with an empty store."""
    folder = tmp_path_factory.mktemp("data")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [BINARY, "serve", "--port", "0", "--data-dir", str(folder)],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        state = folder / "server.json"
        deadline = time.monotonic() + 30
        while not (state.exists() and _is_ready(state)):
            log_text = (folder / "log").read_text()
            is_starting = process.poll() is None and time.monotonic() < deadline
            assert is_starting, f"the server did not start: {log_text}"
            time.sleep(0.02)
        url = json.loads(state.read_text())["url"]
        yield Server(url, (folder / "admin.key").read_text().strip())
    finally:
        process.terminate()
        process.wait(30)


def _is_ready(state: Path) -> bool:
    try:
        url = json.loads(state.read_text())["url"]
        return httpx.get(url + "/healthz", timeout=2).status_code < 500
    except (ValueError, KeyError, httpx.HTTPError):
        return False


@dataclass
class Request:
    """A request that a stub server received."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class StubResponse:
    """A response of a stub server. `body` is JSON, or a list of chunks, each of which is flushed.
    `cut` closes the connection before the end of the body, `hang` keeps it open until the client
    disconnects."""

    status: int = 200
    body: Union[Any, list[bytes]] = None
    headers: Optional[dict[str, str]] = None
    cut: bool = False
    hang: bool = False


class StubServer:
    """A server that responds with the results of `respond` and records the requests."""

    def __init__(self, respond: Callable[[Request], StubResponse]) -> None:
        self.requests: list[Request] = []
        self.disconnects = threading.Semaphore(
            0
        )  # One for each client that left a hanging response.
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def reply(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.command, self.path, headers, self.rfile.read(length))
                stub.requests.append(request)
                self.send(respond(request))

            def send(self, response: StubResponse) -> None:
                body = response.body
                chunks = body if isinstance(body, list) and _are_bytes(body) else None
                self.send_response(response.status)
                for name, value in (response.headers or {}).items():
                    self.send_header(name, value)
                if chunks is None:
                    content = b"" if body is None else json.dumps(body).encode()
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)
                    return
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for chunk in chunks:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                    self.wfile.flush()
                if response.hang:
                    self.rfile.read(1)
                    stub.disconnects.release()
                if response.cut or response.hang:
                    self.close_connection = True
                else:
                    self.wfile.write(b"0\r\n\r\n")

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = reply

            def log_message(self, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        # Some tests disconnect early.
        self._http.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def _are_bytes(chunks: list[Any]) -> bool:
    return all(isinstance(chunk, bytes) for chunk in chunks)


@pytest.fixture
def start_stub() -> Iterator[Callable[..., StubServer]]:
    """Starts a stub server with these responses, in order; the last one repeats."""
    stubs: list[StubServer] = []

    def start(*responses: StubResponse) -> StubServer:
        queue = deque(responses)
        stub = StubServer(lambda _: queue.popleft() if len(queue) > 1 else queue[0])
        stubs.append(stub)
        return stub

    yield start
    for stub in stubs:
        stub.close()


WORKFLOWS = [
    {
        "name": "my-workflow",
        "inputs": {"query": "string"},
        "steps": [{"type": "TextOperation.Uppercase", "input": "{{ inputs.query }}"}],
        "outputs": {"result": "{{ steps.uppercase.output.text }}"},
    },
    {
        "name": "my-failing-workflow",
        "steps": [{"type": "Fail", "config": {"message": "boom"}}],
    },
]


@pytest.fixture(scope="session")
def deployments(server: Server) -> Iterator[Server]:
    """A server with the deployments `my-workflow` (input `query`, output `result`) and
    `my-failing-workflow`."""
    for definition in WORKFLOWS:
        response = httpx.post(
            f"{server.url}/workflows", json=definition, headers={"X-API-KEY": server.key}
        )
        assert response.status_code == 201, response.text
    yield server


EXAMPLES = ROOT / "clients/testing/examples.md"


def snippets(readme: Path) -> list[str]:
    """The Python snippets of a page, in order."""
    found = re.findall(r"^```python\n(.*?)^```$", readme.read_text(), re.M | re.S)
    assert found, f"{readme} has no snippets"
    return found


async def run_snippet(text: str, namespace: dict[str, Any]) -> None:
    """Runs a snippet, which can contain a top-level `await`."""
    code = compile(text, "snippet", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(code, namespace)
    if inspect.isawaitable(result):
        await result


MANAGEMENT = ROOT / "clients/testing/management.md"
CLIENTS = ROOT / "docs/clients.md"


@dataclass
class Example:
    """A documented request, with its body if there is one, and its response."""

    method: str
    path: str
    body: Any
    response: Any


def examples(page: Path = MANAGEMENT) -> dict[str, Example]:
    """The documented requests of a page by title."""
    found: dict[str, Example] = {}
    for part in page.read_text().split("\n### ")[1:]:
        title, _, text = part.partition("\n")
        call = re.search(r"^`(\w+) (\S+)`$", text, re.M)
        blocks = dict(re.findall(r"^(Request|Response):\n\n```json\n(.*?)^```$", text, re.M | re.S))
        if call and "Response" in blocks:
            body = json.loads(blocks.get("Request", "null"))
            found[title] = Example(call[1], call[2], body, json.loads(blocks["Response"]))
    assert found, f"{page} has no examples"
    return found


def documented_server() -> StubServer:
    """A stub server that accepts the documented requests only, with the documented responses."""
    known = [
        (example.method, re.sub(r"\{\w+\}", r"[^/?]+", example.path), example.response)
        for example in examples().values()
    ]

    def respond(request: Request) -> StubResponse:
        path = request.path.partition("?")[0]
        for method, pattern, body in known:
            if method == request.method and re.fullmatch(pattern, path):
                return StubResponse(200, body)
        return StubResponse(501, {"message": f"no example for {request.method} {path}"})

    return StubServer(respond)
