"""Receives deliveries and verifies them with the published Python library of Standard Webhooks."""

import http.server
import json
import queue
import sys
import threading
import urllib.request

from standardwebhooks import WebhookVerificationError

base, key, page = sys.argv[1:4]
# The code of the documentation is tested.
documented: dict = {}
for block in open(page, encoding="utf-8").read().split("```python\n")[1:]:
    exec(block.split("```")[0], documented)
received: "queue.Queue[tuple[dict[str, str], str]]" = queue.Queue()


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        received.put(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def call(method: str, path: str, body: object = None) -> dict:
    data = None if body is None else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    request = urllib.request.Request(base + path, data, headers, method=method)
    with urllib.request.urlopen(request) as response:
        return json.load(response)["data"] if path.startswith("/api/") else {}


def is_genuine(secret: str, headers: dict, body: str) -> bool:
    by_hand = documented["is_genuine"](secret, headers, body.encode())
    try:
        assert documented["event_of"](secret, headers, body.encode()) == json.loads(body)
        assert by_hand
        return True
    except WebhookVerificationError:
        assert not by_hand
        return False


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/hook"
hook = call("POST", "/api/v1/webhooks", {"url": url, "events": ["*"]})
path, secret = f"/api/v1/webhooks/{hook['id']}", hook["secret"]

text = "Gr\u00fc\u00dfe \U0001f680 \u2028"
steps = [{"type": "StaticTextInput", "input": text}]
call("POST", "/workflows", {"name": "verify-python", "steps": steps})
headers, body = received.get(timeout=20)
assert json.loads(body)["type"] == "workflow.created", body
assert is_genuine(secret, headers, body)
assert not is_genuine(secret, headers, body + " ")
assert not is_genuine(secret, {**headers, "webhook-id": "msg_other"}, body)
assert not is_genuine("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", headers, body)

# During a rotation both the old and the new secret verify.
new = call("POST", f"{path}/rotate_secret", {"overlap_seconds": 600})["secret"]
call("POST", f"{path}/test")
headers, body = received.get(timeout=20)
assert json.loads(body)["type"] == "webhook.test", body
assert is_genuine(secret, headers, body) and is_genuine(new, headers, body)
seed = "whsec_abcdefghijklmnopqrstuvwxyz"
call("POST", f"{path}/rotate_secret", {"secret": seed, "overlap_seconds": 0})
call("POST", f"{path}/test")
headers, body = received.get(timeout=20)
# With and without the padding.
assert is_genuine(seed, headers, body) and is_genuine(seed + "==", headers, body)
assert not is_genuine(new, headers, body)
call("DELETE", path)
print("standardwebhooks (Python): every delivery verified")
