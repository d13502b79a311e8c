"""What the checks are built from: servers in temporary folders, requests, the command line, receivers."""

import collections
import concurrent.futures
import contextlib
import http.client
import http.server
import json
import os
import pathlib
import signal
import subprocess
import threading
import time
import urllib.parse

START_SECONDS = 30
# Long enough for a debug build on a busy machine; checks end as soon as the condition holds.
WAIT_SECONDS = 30

CHECKS = []


class Failure(AssertionError):
    """The rule of a check does not hold."""


def check(function):
    """Registers a function that takes a `Context` as a check; its docstring states the rule."""
    assert function.__doc__, f"{function.__name__} has no docstring"
    CHECKS.append(function)
    return function


def expect(condition, message):
    if not condition:
        raise Failure(message)


def expect_equal(found, expected, what):
    expect(found == expected, f"{what} is {shorten(found)}, expected {shorten(expected)}")


def expect_in(part, text, what):
    expect(part in text, f"{what} has no {part!r}: {shorten(text)}")


def shorten(value, length=600):
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= length else f"{text[:length]}… ({len(text)} characters)"


def wait_until(probe, what, seconds=WAIT_SECONDS):
    """Calls `probe` until it returns something true, which is returned."""
    deadline = time.monotonic() + seconds
    while True:
        result = probe()
        if result:
            return result
        if time.monotonic() > deadline:
            raise Failure(f"not within {seconds} s: {what}")
        time.sleep(0.02)


class Response:
    def __init__(self, call, status, headers, text):
        self.call, self.status, self.headers, self.text = call, status, headers, text

    @property
    def json(self):
        try:
            return json.loads(self.text)
        except ValueError:
            raise Failure(f"{self.call} returned {self.status} without JSON: {shorten(self.text)}") from None

    def require(self, *statuses):
        wanted = " or ".join(map(str, statuses))
        expect(self.status in statuses, f"{self.call} returned {self.status}, expected {wanted}: {shorten(self.text)}")
        return self


class Client:
    """Requests to one server with one key."""

    def __init__(self, url, key, timeout=60):
        self.url, self.key, self.timeout = url, key, timeout
        self.address = urllib.parse.urlsplit(url).netloc

    def open(self, method, path, body=None, headers=None):
        """The connection and the response, whose body is not read yet."""
        connection = http.client.HTTPConnection(self.address, timeout=self.timeout)
        content = body if body is None or isinstance(body, (bytes, str)) else json.dumps(body)
        headers = {"Content-Type": "application/json", **(headers or {})}
        if self.key is not None:
            headers.setdefault("Authorization", f"Bearer {self.key}")
        if isinstance(content, str):
            content = content.encode()
        connection.request(method, path, body=content, headers=headers)
        return connection, connection.getresponse()

    def send(self, method, path, body=None, headers=None):
        connection, response = self.open(method, path, body, headers)
        with contextlib.closing(connection):
            text = response.read().decode()
        return Response(f"{method} {path}", response.status, response.headers, text)

    def get(self, path, **options):
        return self.send("GET", path, **options)

    def post(self, path, body=None, **options):
        return self.send("POST", path, body, **options)

    def put(self, path, body=None, **options):
        return self.send("PUT", path, body, **options)

    def delete(self, path, **options):
        return self.send("DELETE", path, **options)

    # The dataflow API.

    def create(self, steps, name="behaviour", **fields):
        """The id of a new workflow, which is active."""
        return self.post("/workflows", {"name": name, "steps": steps, **fields}).require(201).json["workflow_id"]

    def refuse(self, steps, **fields):
        """The problems for which a definition is rejected."""
        response = self.post("/workflows", {"name": "rejected", "steps": steps, **fields}).require(400)
        return response.json["error"]["details"]

    def start(self, workflow, values=None, headers=None, **fields):
        body = {"input": values or {}, **fields}
        response = self.post(f"/workflows/{workflow}/execute", body, headers=headers).require(202)
        return response.json["execution_id"]

    def run(self, workflow, values=None, headers=None, **fields):
        """An execution that has ended, with the configurations of its steps."""
        body = {"input": values or {}, **fields}
        path = f"/workflows/{workflow}/execute?wait=true&timeout=60s"
        execution = self.post(path, body, headers=headers).require(200).json
        return self.execution(workflow, execution["execution_id"])

    def execution(self, workflow, execution):
        return self.get(f"/workflows/{workflow}/executions/{execution}").require(200).json

    def wait_for_status(self, workflow, execution, *statuses):
        def probe():
            found = self.execution(workflow, execution)
            return found if found["status"] in statuses else None
        return wait_until(probe, f"the execution is {' or '.join(statuses)}")

    # The management API.

    def data(self, method, path, body=None, statuses=(200, 201, 202)):
        return self.send(method, f"/api/v1{path}", body).require(*statuses).json["data"]


def task(execution, step):
    found = [task for task in execution["tasks"] if task["step_id"] == step]
    expect(len(found) == 1, f"there are {len(found)} tasks `{step}` in {shorten(execution)}")
    return found[0]


def output_of(execution):
    expect_equal(execution["status"], "COMPLETED", f"the status ({shorten(execution.get('error'))})")
    return execution["output"]


class Output:
    """What a command printed, and its exit code."""

    def __init__(self, arguments, code, out, err):
        self.call, self.code, self.out, self.err = f"stepwell {' '.join(arguments)}", code, out, err

    def require(self, *codes):
        wanted = " or ".join(map(str, codes or (0,)))
        expect(self.code in (codes or (0,)),
               f"`{self.call}` ended with {self.code}, expected {wanted}: {shorten(self.err + self.out)}")
        return self

    @property
    def json(self):
        try:
            return json.loads(self.out)
        except ValueError:
            raise Failure(f"`{self.call}` printed no JSON: {shorten(self.out)}") from None


class Server:
    """A server on its own data folder, with settings such as `{"api.max_wait_seconds": 5}`."""

    def __init__(self, binary, folder, settings=None, arguments=(), variables=None, stderr=None):
        self.binary, self.folder, self.data = binary, pathlib.Path(folder), pathlib.Path(folder) / "data"
        self.arguments, self.stderr = list(arguments), stderr
        self.variables = {**clean_environment(), **(variables or {})}
        for name, value in (settings or {}).items():
            text = value if isinstance(value, str) else json.dumps(value)
            self.variables["STEPWELL__" + name.upper().replace(".", "__")] = text
        self.log_file = self.folder / "server.log"
        self.process = None

    def spawn(self):
        """Starts the process; it may end again because a setting is wrong."""
        (self.data / "server.json").unlink(missing_ok=True)
        command = [self.binary, "serve", "--port", "0", "--data-dir", str(self.data), *self.arguments]
        with open(self.log_file, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=self.stderr or log, env=self.variables,
                cwd=self.folder)
        return self

    def start(self):
        self.spawn()
        file = self.data / "server.json"

        def is_ready():
            expect(self.process.poll() is None, f"the server ended at its start: {shorten(self.log)}")
            return file.exists() and file.read_text().endswith("}")
        wait_until(is_ready, "the server starts", START_SECONDS)
        self.url = json.loads(file.read_text())["url"].rstrip("/")
        key = self.data / "admin.key"
        if key.exists():
            self.key = key.read_text().strip()
        self.client = Client(self.url, self.key)
        return self

    @property
    def log(self):
        return self.log_file.read_text(encoding="utf-8") if self.log_file.exists() else ""

    def kill(self):
        self.process.kill()
        self.process.wait()

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, seconds=START_SECONDS):
        """Stops the server in order; the exit code."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process and self.process.returncode

    def expect_alive(self, after):
        expect(self.process.poll() is None, f"the server ended after {after}, with {self.process.returncode}")
        self.client.get("/readyz").require(200)


def clean_environment():
    """The environment without settings and proxies of the machine."""
    return {name: value for name, value in os.environ.items()
            if not name.startswith("STEPWELL") and not name.lower().endswith("_proxy")}


Received = collections.namedtuple("Received", "method path headers body")


class Receiver:
    """An HTTP service that records requests and responds with the given statuses, then with 200."""

    def __init__(self, statuses=()):
        self.statuses, self.requests = list(statuses), []
        # If set to an event, responses wait for it.
        self.hold = None
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                headers = {name.lower(): value for name, value in self.headers.items()}
                receiver.requests.append(Received(self.command, self.path, headers, body.decode()))
                if receiver.hold is not None:
                    receiver.hold.wait(WAIT_SECONDS)
                content = json.dumps({"status": status}).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Shared:
    """A server with default settings for all checks that need no other."""

    def __init__(self, binary, folder):
        self.server, self.lock = Server(binary, folder), threading.Lock()

    def get(self):
        with self.lock:
            if self.server.process is None:
                self.server.start()
        return self.server


class Context:
    """What one check uses. Everything it starts ends with the check."""

    def __init__(self, binary, folder, shared):
        self.binary, self.folder, self.shared = binary, pathlib.Path(folder), shared
        self.cleanups = contextlib.ExitStack()
        self.servers = 0

    @property
    def client(self):
        """Requests to the shared server."""
        return self.shared.get().client

    def prepare_server(self, settings=None, **options):
        self.servers += 1
        folder = self.folder / f"server{self.servers}"
        folder.mkdir()
        server = Server(self.binary, folder, settings, **options)
        self.cleanups.callback(server.stop)
        return server

    def start_server(self, settings=None, **options):
        return self.prepare_server(settings, **options).start()

    def receiver(self, statuses=()):
        receiver = Receiver(statuses)
        self.cleanups.callback(receiver.close)
        return receiver

    def write(self, name, content):
        """A file in the folder in which commands run."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return name

    def command(self, *arguments, server=None, variables=None, local=False):
        """Runs the command line, against the shared server unless another or none is given."""
        environment = {**clean_environment(), "NO_COLOR": "1", **(variables or {})}
        if not local:
            server = server or self.shared.get()
            environment |= {"STEPWELL_SERVER": server.url, "STEPWELL_API_KEY": server.key}
        arguments = [str(argument) for argument in arguments]
        done = subprocess.run([self.binary, *arguments], capture_output=True, text=True, env=environment,
                              cwd=self.folder, stdin=subprocess.DEVNULL, timeout=120, check=False)
        return Output(arguments, done.returncode, done.stdout, done.stderr)


def start_many(client, workflow, count, connections=8):
    """Starts executions over kept connections."""
    def start(share):
        connection = http.client.HTTPConnection(client.address, timeout=60)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {client.key}"}
        with contextlib.closing(connection):
            for _ in range(share):
                connection.request("POST", f"/workflows/{workflow}/execute", b"{}", headers)
                response = connection.getresponse()
                text = response.read()
                expect(response.status == 202, f"execute returned {response.status}: {text!r}")
    shares = [count // connections + (n < count % connections) for n in range(connections)]
    with concurrent.futures.ThreadPoolExecutor(connections) as pool:
        list(pool.map(start, shares))
