"""Links behind proxies and below a sub-path, bodies that are too large, caches, and proxies of the environment."""

import contextlib
import http.client
import http.server
import json
import socket
import threading
import time
import urllib.parse

from harness import Client, check, expect, expect_equal, expect_in, wait_until

STEPS = [{"type": "StaticTextInput", "input": "x"}]
PUBLIC = "https://workflows.example.com/stepwell"
FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "workflows.example.com",
             "X-Forwarded-Prefix": "/stepwell"}
MAX_BODY = 1 << 20


def location(client, path, body, headers=None):
    return client.post(path, body, headers=headers).require(201, 202).headers["Location"]


def expect_links(client, base, headers=None):
    """The links of all APIs start with `base`."""
    created = location(client, "/workflows", {"name": "links", "steps": STEPS}, headers)
    expect(created.startswith(f"{base}/workflows/wf-"), f"Location of a workflow is {created}, not below {base}")
    path = created.removeprefix(base)
    started = location(client, f"{path}/execute", {}, headers)
    expect(started.startswith(f"{created}/executions/ex-"), f"Location of an execution is {started}")
    servers = client.get("/openapi.json", headers=headers).json["servers"]
    expect_equal(servers[0]["url"].rstrip("/"), base, "the server in the OpenAPI description")
    location(client, "/workflows", {"name": "a second one", "steps": STEPS}, headers)
    page = client.get("/v1/workflow-deployments?limit=1", headers=headers).require(200).json
    prefix = urllib.parse.urlsplit(base).path
    expect(page["next"].startswith(f"{prefix}/v1/workflow-deployments?"), f"`next` is {page['next']}")


@check
def the_public_url_decides_links(context):
    """`api.public_url` is the base of Location, of the servers of /openapi.json and of links to pages."""
    client = context.start_server({"api.public_url": PUBLIC}).client
    expect_links(client, PUBLIC)
    forged = {"X-Forwarded-Host": "forged.example", "X-Forwarded-Prefix": "/forged"}
    expect_links(client, PUBLIC, forged)


@check
def the_public_url_decides_links_for_approvers(context):
    """The signed link with which an approver decides without a key is below `api.public_url`."""
    client = context.start_server({"api.public_url": PUBLIC}).client
    client.start(client.create([{"type": "Approval", "config": {"title": "pay", "approvers": ["ada"]}}]))
    approvals = wait_until(lambda: client.data("GET", "/approvals")["items"], "the approval is requested")
    link = client.data("POST", f"/approvals/{approvals[0]['id']}/links", {"approver": "ada"})
    expect_equal(link.get("url"), PUBLIC + link["path"], "the URL of the link")
    client.send("GET", link["path"], headers={"Authorization": ""}).require(200)


@check
def trusted_proxies_decide_links(context):
    """X-Forwarded-Proto, -Host and -Prefix of trusted proxies are the base of links; those of others are ignored."""
    trusting = context.start_server({"api.trusted_proxies": ["127.0.0.1"]}).client
    expect_links(trusting, PUBLIC, FORWARDED)
    other = context.start_server({"api.trusted_proxies": ["10.1.0.0/16"]}).client
    created = location(other, "/workflows", {"name": "links", "steps": STEPS}, FORWARDED)
    expect(created.startswith("/workflows/"), f"headers of an unknown client decide Location: {created}")


@check
def links_of_a_trusted_network(context):
    """`api.trusted_proxies` takes networks, and the prefix alone is enough below a sub-path."""
    client = context.start_server({"api.trusted_proxies": ["127.0.0.0/8"]}).client
    prefix = {"X-Forwarded-Prefix": "/stepwell"}
    created = location(client, "/workflows", {"name": "links", "steps": STEPS}, prefix)
    expect_in("/stepwell/workflows/wf-", created, "Location")


class SubPath:
    """A proxy that serves a server below /stepwell/ only, and buffers responses."""

    def __init__(self, address):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                if not self.path.startswith("/stepwell/"):
                    self.send_error(404, "not below the sub-path")
                    return
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                kept = ["Authorization", "Content-Type"]
                headers = {name: self.headers[name] for name in kept if name in self.headers}
                headers |= {"X-Forwarded-Proto": "http", "X-Forwarded-Host": self.headers["Host"],
                            "X-Forwarded-Prefix": "/stepwell"}
                upstream = http.client.HTTPConnection(address, timeout=30)
                with contextlib.closing(upstream):
                    upstream.request(self.command, self.path.removeprefix("/stepwell"), body, headers)
                    response = upstream.getresponse()
                    content = response.read()
                self.send_response(response.status)
                for name in ["Content-Type", "Location"]:
                    if response.headers[name]:
                        self.send_header(name, response.headers[name])
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def follow(client, base, link):
    """The response at a link of a response to `base`."""
    return client.get(urllib.parse.urljoin(base, link).removeprefix(client.url))


@check
def everything_works_below_a_sub_path(context):
    """Below a sub-path, a client can follow every link, and `/` leads to the reference and its description."""
    server = context.start_server({"api.trusted_proxies": ["127.0.0.1"]})
    proxy = SubPath(server.client.address)
    context.cleanups.callback(proxy.server.server_close)
    context.cleanups.callback(proxy.server.shutdown)
    client = Client(proxy.url, server.key)
    created = client.post("/stepwell/workflows", {"name": "sub-path", "steps": STEPS}).require(201)
    workflow = created.headers["Location"]
    follow(client, f"{proxy.url}/stepwell/workflows", workflow).require(200)
    path = urllib.parse.urlsplit(workflow).path
    started = client.post(f"{path}/execute", {}).require(202).headers["Location"]
    follow(client, workflow, started).require(200)
    follow(client, started, started + "/events").require(200)
    client.post("/stepwell/workflows", {"name": "second", "steps": STEPS}).require(201)
    page = "/stepwell/v1/workflow-deployments?limit=1"
    follow(client, proxy.url + page, client.get(page).json["next"]).require(200)
    root = client.get("/stepwell/").require(302, 303, 307, 308)
    docs = urllib.parse.urljoin(f"{proxy.url}/stepwell/", root.headers["Location"])
    expect_equal(docs, f"{proxy.url}/stepwell/docs", "where `/` leads")
    expect_in("fetch('openapi.json')", follow(client, docs, docs).require(200).text, "the reference")
    description = client.get("/stepwell/openapi.json").require(200).json
    expect_equal(description["servers"][0]["url"].rstrip("/"), f"{proxy.url}/stepwell", "the server")


def send_large(address, key, header, chunks):
    """Sends a request whose body is too large, and keeps sending until it is complete, as proxies do."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=15) as connection:
        lines = ["POST /workflows HTTP/1.1", f"Host: {address}", f"Authorization: Bearer {key}",
                 "Content-Type: application/json", *header]
        started = time.monotonic()
        try:
            connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            for chunk in chunks:
                connection.sendall(chunk)
        except OSError as error:
            raise AssertionError(f"the connection is closed before the body is sent: {error}") from None
        response = http.client.HTTPResponse(connection)
        response.begin()
        if response.status == 100:
            response.begin()
        text = response.read()
        return response.status, text, time.monotonic() - started


def expect_clean_end(context, header, chunks):
    server = context.start_server({"api.max_body_bytes": MAX_BODY})
    for attempt in range(3):
        try:
            status, text, seconds = send_large(server.client.address, server.key, header, chunks)
        except (AssertionError, OSError, http.client.HTTPException) as error:
            expect(False, f"attempt {attempt + 1}: no response to a body that is too large: {error!r}")
        expect_equal(status, 413, f"the status of attempt {attempt + 1}")
        expect_equal(json.loads(text)["error"]["code"], "PAYLOAD_TOO_LARGE", "the code")
        expect(seconds < 5, f"the response took {seconds:.1f} s")


@check
def large_bodies_with_expect_end_cleanly(context):
    """A body above the limit with `Expect: 100-continue` gets 413 also if the client sends all of it."""
    body = [b" " * 65536] * 256
    expect_clean_end(context, ["Expect: 100-continue", f"Content-Length: {65536 * 256}"], body)


@check
def large_bodies_in_chunks_end_cleanly(context):
    """A chunked body above the limit gets 413 soon, whether the client sends all of it or pauses."""
    chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
    expect_clean_end(context, ["Transfer-Encoding: chunked"], [chunk] * 256 + [b"0\r\n\r\n"])
    expect_clean_end(context, ["Transfer-Encoding: chunked"], [chunk] * 32)


@check
def shared_caches_store_nothing_of_a_key(context):
    """Responses that depend on the key have `Cache-Control: no-store` and name the headers in `Vary`."""
    client = context.client
    for path in ["/workflows", "/api/v1/workflows", "/v1/workflow-deployments", "/workflows/wf-unknown"]:
        response = client.get(path)
        expect_in("no-store", response.headers["Cache-Control"] or "", f"Cache-Control of {path}")
        vary = ", ".join(response.headers.get_all("Vary") or []).lower()
        expect("authorization" in vary and "x-api-key" in vary, f"Vary of {path} is {vary!r}")


@check
def a_local_server_is_called_without_the_proxy(context):
    """The command line calls a server on this machine directly: its key never reaches a proxy of the environment."""
    receiver = context.receiver()
    proxies = {"http_proxy": receiver.url, "HTTP_PROXY": receiver.url, "ALL_PROXY": receiver.url}
    done = context.command("workflows", "list", "--json", variables=proxies)
    expect(not receiver.requests, f"the proxy got {receiver.requests[:1]}")
    done.require()
