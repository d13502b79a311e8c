"""A server of the binary under test, on its own folder."""

import json
import pathlib
import subprocess
import sys
import time
import urllib.request


class Server:
    """The server under test, on its own folder."""

    def __init__(self, binary: str, folder: pathlib.Path) -> None:
        self.folder = folder
        data = folder / "data"
        command = [binary, "serve", "--port", "0", "--data-dir", str(data)]
        self.log = folder / "server.log"
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=self.log.open("w"))
        deadline = time.monotonic() + 60
        while not ((data / "server.json").exists() and (data / "admin.key").exists()):
            if time.monotonic() > deadline or self.process.poll() is not None:
                sys.exit(f"the server does not start:\n{self.log.read_text()}")
            time.sleep(0.02)
        self.url = json.loads((data / "server.json").read_text())["url"].rstrip("/")
        self.key = (data / "admin.key").read_text().strip()

    def post(self, path: str, body: object) -> dict:
        headers = {"X-API-KEY": self.key, "Content-Type": "application/json"}
        text = json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, text, headers, method="POST")
        with urllib.request.urlopen(request) as response:
            return json.load(response)

    def operations(self) -> list[tuple[str, str]]:
        with urllib.request.urlopen(self.url + "/openapi.json") as response:
            paths = json.load(response)["paths"]
        return [(method.upper(), path) for path, item in paths.items() for method in item]
