"""What the tests of the Python clients share: a real server, a start_stub one, and README snippets.

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


@dataclass
class Server:
    """A server to be used: its address and a key with scope `admin`."""

    url: str
    key: str


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server with an empty store."""
    binary = os.environ.get("STEPWELL_BIN") or str(ROOT / "target/debug/stepwell")
    folder = tmp_path_factory.mktemp("data")
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [binary, "serve", "--port", "0", "--data-dir", str(folder)],
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        found = folder / "server.json"
        deadline = time.monotonic() + 30
        while not (found.exists() and _ready(found)):
            told = f"the server did not start: {(folder / 'log').read_text()}"
            assert process.poll() is None and time.monotonic() < deadline, told
            time.sleep(0.02)
        url = json.loads(found.read_text())["url"]
        yield Server(url, (folder / "admin.key").read_text().strip())
    finally:
        process.terminate()
        process.wait(30)
        log.close()


def _ready(found: Path) -> bool:
    try:
        url = json.loads(found.read_text())["url"]
        return httpx.get(url + "/healthz", timeout=2).status_code < 500
    except (ValueError, KeyError, httpx.HTTPError):
        return False


@dataclass
class Request:
    """A request that a start_stub server got."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class StubResponse:
    """What a start_stub server says. Of several chunks each is flushed; `cut` ends without the
    chunk that ends the body, `hang` holds the connection until the client has left."""

    status: int = 200
    body: Union[Any, list[bytes]] = None
    headers: Optional[dict[str, str]] = None
    cut: bool = False
    hang: bool = False


class StubServer:
    """A server that answers as `answer` says, and keeps what it was asked."""

    def __init__(self, answer: Callable[[Request], StubResponse]) -> None:
        self.requests: list[Request] = []
        self.left = threading.Semaphore(0)  # One for each client that left a hanging answer.
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def reply(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.command, self.path, headers, self.rfile.read(length))
                stub.requests.append(request)
                self.send(answer(request))

            def send(self, said: StubResponse) -> None:
                streamed = isinstance(said.body, list) and all(
                    isinstance(chunk, bytes) for chunk in said.body
                )
                body = (
                    b""
                    if said.body is None
                    else json.dumps(said.body).encode()
                    if not streamed
                    else b""
                )
                self.send_response(said.status)
                for name, value in (said.headers or {}).items():
                    self.send_header(name, value)
                if streamed:
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    for chunk in said.body:
                        self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                        self.wfile.flush()
                    if said.hang:
                        self.rfile.read(1)
                        stub.left.release()
                    if said.cut or said.hang:
                        self.close_connection = True
                    else:
                        self.wfile.write(b"0\r\n\r\n")
                else:
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = reply

            def log_message(self, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        # Clients that leave early are part of the tests.
        self._http.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def start_stub() -> Iterator[Callable[..., StubServer]]:
    """Makes a stub that gives these answers, one after the other; the last for ever."""
    stubs: list[StubServer] = []

    def make(*answers: StubResponse) -> StubServer:
        left = deque(answers)
        stub = StubServer(lambda _: left.popleft() if len(left) > 1 else left[0])
        stubs.append(stub)
        return stub

    yield make
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
        made = httpx.post(
            f"{server.url}/workflows", json=definition, headers={"X-API-KEY": server.key}
        )
        assert made.status_code == 201, made.text
    yield server


EXAMPLES = ROOT / "clients/testing/examples.md"


def snippets(readme: Path) -> list[str]:
    """The Python snippets of a page, in order."""
    found = re.findall(r"^```python\n(.*?)^```$", readme.read_text(), re.M | re.S)
    assert found, f"{readme} has no snippets"
    return found


async def run_snippet(text: str, space: dict[str, Any]) -> None:
    """Runs a snippet, which may `await` at its top."""
    code = compile(text, "snippet", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(code, space)
    if inspect.isawaitable(result):
        await result


MANAGEMENT = ROOT / "clients/testing/management.md"
CLIENTS = ROOT / "docs/clients.md"


@dataclass
class Example:
    """A printed request, with its body if it has one, and its answer."""

    method: str
    path: str
    body: Any
    answer: Any


def examples(page: Path = MANAGEMENT) -> dict[str, Example]:
    """The printed requests of a page by their titles."""
    found: dict[str, Example] = {}
    for part in page.read_text().split("\n### ")[1:]:
        title, _, text = part.partition("\n")
        call = re.search(r"^`(\w+) (\S+)`$", text, re.M)
        said = dict(re.findall(r"^(Request|StubResponse):\n\n```json\n(.*?)^```$", text, re.M | re.S))
        if call and "StubResponse" in said:
            body = json.loads(said.get("Request", "null"))
            found[title] = Example(call[1], call[2], body, json.loads(said["StubResponse"]))
    assert found, f"{page} has no examples"
    return found


def documented_server() -> StubServer:
    """A server that knows the printed requests only, and gives the printed answers."""
    known = [
        (example.method, re.sub(r"\{\w+\}", r"[^/?]+", example.path), example.answer)
        for example in examples().values()
    ]

    def answer(request: Request) -> StubResponse:
        path = request.path.partition("?")[0]
        for method, pattern, said in known:
            if method == request.method and re.fullmatch(pattern, path):
                return StubResponse(200, said)
        return StubResponse(501, {"message": f"nothing is printed for {request.method} {path}"})

    return StubServer(answer)
