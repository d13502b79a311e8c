"""Sets the wall clock of the real server back (libfaketime; the monotonic clock stays true).

Whatever waits for a length of time must not wait longer: a delay, the pause before a retry, a
time-out, an interval schedule, each in a running server; and a delay of a server that had a wrong
clock and was killed.

Usage: run.py PATH_OF_THE_SERVER
"""

import glob
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

# How much later than its length a wait may end on a busy machine, in seconds.
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
        # Replaced as a whole, so that the server never reads half of it.
        new = self.folder / "clock.new"
        new.write_text(offset + "\n")
        new.rename(self.clock)

    def start(self) -> None:
        libraries = glob.glob(LIBRARIES)
        if not libraries:
            sys.exit(f"{LIBRARIES} is not there: install the package faketime")
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

    def execute(self, workflow: str) -> str:
        begun = self.call("POST", f"{workflow}/execute", {})
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
    server.set_clock("+3h")
    server.start()
    execution = server.execute(server.workflow("restart", steps=delay("8s")))
    time.sleep(1)
    server.kill()
    server.set_clock("+0s")
    server.start()
    until(8 + LATE, "the delay is over", lambda: server.status(execution) == "COMPLETED")
    server.kill()


def main() -> None:
    for test in (in_a_running_server, after_a_restart):
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
