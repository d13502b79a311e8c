"""Sets the wall clock of the real server (libfaketime; the monotonic clock stays true).

Durations must keep their length: a delay, the pause before a retry, a timeout, an interval schedule,
in a running server whose clock is set back and in one that had a wrong clock and was killed.
Deliveries are not given up because the clock was set forward, while a server runs or between two.

Usage: run.py PATH_OF_THE_SERVER
"""

import glob
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

# The allowed delay of the end of a wait on a busy machine, in seconds.
LATE = 6
LIBRARIES = "/usr/lib/*/faketime/libfaketimeMT.so.1"


class Server:
    def __init__(self, binary: str, folder: Path) -> None:
        self.binary, self.folder = binary, folder
        self.clock = folder / "clock"
        self.data = folder / "data"
        self.log = (folder / "server.log").open("ab")
        self.process: subprocess.Popen[bytes] | None = None

    def set_clock(self, offset: str) -> None:
        # Replaced atomically, so that the server never reads a part of it.
        new = self.folder / "clock.new"
        new.write_text(offset + "\n")
        new.rename(self.clock)

    def start(self) -> None:
        libraries = glob.glob(LIBRARIES)
        if not libraries:
            sys.exit(f"{LIBRARIES} is missing: run `make setup`")
        (self.data / "server.json").unlink(missing_ok=True)
        environment = {
            **os.environ,
            "LD_PRELOAD": libraries[0],
            "FAKETIME_TIMESTAMP_FILE": str(self.clock),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        command = [self.binary, "serve", "--host", "127.0.0.1", "--port", "0"]
        command += ["--data-dir", str(self.data)]
        self.process = subprocess.Popen(
            command, env=environment, stdout=self.log, stderr=subprocess.STDOUT
        )
        until(60, "the server is ready", self.is_ready)

    def is_ready(self) -> bool:
        try:
            info = json.loads((self.data / "server.json").read_text())
            self.url = info["url"].rstrip("/")
            self.key = (self.data / "admin.key").read_text().strip()
            return self.call("GET", "/readyz") is not None
        except (OSError, ValueError):
            return False

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def call(self, method: str, path: str, body: object = None) -> dict:
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"x-api-key": self.key, "content-type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=20) as response:
            return json.loads(response.read())

    def workflow(self, name: str, **definition: object) -> str:
        made = self.call("POST", "/workflows", {"name": name, **definition})
        return f"/workflows/{made['workflow_id']}"

    def execute(self, workflow: str, **start: object) -> str:
        begun = self.call("POST", f"{workflow}/execute", start)
        return f"{workflow}/executions/{begun['execution_id']}"

    def status(self, execution: str) -> str:
        return self.call("GET", execution)["status"]


def until(seconds: float, what: str, holds) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def delay(length: str) -> list[dict]:
    return [{"id": "wait", "type": "Delay", "config": {"for": length}}]


def in_a_running_server(server: Server) -> None:
    retry = {"max_attempts": 2, "initial": "4s", "jitter": 0, "on": ["INVALID_JSON"]}
    failing = [{"id": "wait", "type": "Json.Parse", "input": {"text": "{{ execution.id }}"}, "retry": retry}]
    server.set_clock("+0s")
    server.start()
    quick = server.workflow("quick", steps=[{"type": "StaticTextInput", "input": "x"}])
    workflow = quick.removeprefix("/workflows/")
    schedule = {
        "name": "often",
        "schedule_type": "interval",
        "interval_value": 2,
        "interval_unit": "seconds",
    }
    expected = []
    for name, seconds, status, definition in [
        ("delay", 4, "COMPLETED", {"steps": delay("4s")}),
        ("short", 1.5, "COMPLETED", {"steps": delay("1500ms")}),
        ("retry", 4, "FAILED", {"steps": failing}),
        ("timeout", 5, "FAILED", {"steps": delay("1h"), "timeout": "5s"}),
    ]:
        begun = server.execute(server.workflow(name, **definition))
        expected.append((name, begun, time.monotonic() + seconds, status))
    path = f"/api/v1/workflows/{workflow}/schedules"
    server.call("POST", path, schedule)
    time.sleep(1)
    server.set_clock("-1h")
    for name, execution, end, status in expected:
        left = end - time.monotonic() + LATE
        until(left, f"{name} is {status}", lambda: server.status(execution) == status)
    fired = len(server.call("GET", f"{quick}/executions")["executions"])
    more = lambda: len(server.call("GET", f"{quick}/executions")["executions"]) >= fired + 3
    until(6 + LATE, "the schedule fires every 2 seconds", more)
    server.kill()


def after_a_restart(server: Server) -> None:
    retry = {"max_attempts": 2, "initial": "7s", "jitter": 0, "on": ["INVALID_JSON"]}
    failing = [{"id": "wait", "type": "Json.Parse", "input": {"text": "{{ execution.id }}"}, "retry": retry}]
    # Killed at several moments between two heartbeats.
    for lived in (0.7, 3.5, 6.0):
        server.set_clock("+3h")
        server.start()
        expected = []
        for name, seconds, status, definition in [
            ("delay", 8, "COMPLETED", {"steps": delay("8s")}),
            ("retry", 7, "FAILED", {"steps": failing}),
            ("timeout", 9, "FAILED", {"steps": delay("1h"), "timeout": "9s"}),
        ]:
            workflow = server.workflow(f"{name} {lived}", **definition)
            begun = time.monotonic()
            expected.append((name, server.execute(workflow), begun, seconds, status))
        time.sleep(lived)
        server.kill()
        server.set_clock("+0s")
        server.start()
        waiting = expected
        while waiting:
            now = time.monotonic()
            over = [one for one in waiting if server.status(one[1]) == one[4]]
            for name, _, begun, seconds, _ in over:
                took = time.monotonic() - begun
                assert took >= seconds, f"{name} after {lived} s: {took:.1f} s is too early"
            waiting = [one for one in waiting if one not in over]
            for name, _, begun, seconds, _ in waiting:
                assert now - begun < seconds + LATE, f"{name} after {lived} s: not in time"
            time.sleep(0.02)
        server.kill()


class Refusing(http.server.BaseHTTPRequestHandler):
    """A receiver that fails."""

    calls: list[float] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.calls.append(time.monotonic())
        self.send_response(500)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def deliveries(server: Server) -> None:
    receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{receiver.server_port}/"
    calls = Refusing.calls
    server.set_clock("-50h")
    server.start()
    quick = server.workflow("quick", steps=[{"type": "StaticTextInput", "input": "x"}])
    server.execute(quick, webhook_url=url)
    until(LATE, "the first attempt", lambda: len(calls) >= 1)
    server.set_clock("-25h")
    until(10 + LATE, "tried again in a running server", lambda: len(calls) >= 4)
    took = calls[3] - calls[0]
    assert took >= 0.8 + 1.6 + 3.2, f"four attempts within {took} s"
    server.kill()
    server.set_clock("+0s")
    server.start()
    until(16 + LATE, "tried again after a restart", lambda: len(calls) >= 6)
    server.kill()
    receiver.shutdown()


def main() -> None:
    for test in (in_a_running_server, after_a_restart, deliveries):
        with tempfile.TemporaryDirectory() as folder:
            server = Server(sys.argv[1], Path(folder))
            try:
                test(server)
            finally:
                server.kill()
                log = (Path(folder) / "server.log").read_text(errors="replace")
            errors = [line for line in log.splitlines() if "ERROR" in line]
            assert not errors, "\n".join(errors)
            print(f"{test.__name__}: passed")


if __name__ == "__main__":
    main()
