"""Starts the configurations of examples/deployment on free ports and sends requests through them.

run.py BINARY [PART…]: needs nginx, haproxy, apache2, caddy, promtool, openssl, buildah and hadolint.
Parts are the names of the proxies, `prometheus`, `systemd` and `container`.
"""

import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

from container import check_container

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples" / "deployment"
TESTS = pathlib.Path(__file__).resolve().parent
DOCS = TESTS.parents[1] / "docs"
APACHE_MODULES = "/usr/lib/apache2/modules"
START_SECONDS = 30
TOO_LARGE = 17 << 20


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def replace_all(text, replacements):
    """Replaces texts that must all occur: an example that changes must not lose its test."""
    for old, new in replacements.items():
        assert old in text, f"the example has no {old!r}"
        text = text.replace(old, new)
    return text


class Server:
    def __init__(self, binary, folder):
        data = folder / "data"
        self.log = (folder / "stepwell.log").open("w")
        variables = {k: v for k, v in os.environ.items() if not k.startswith("STEPWELL")}
        variables["STEPWELL__API__TRUSTED_PROXIES"] = '["127.0.0.1", "::1"]'
        command = [binary, "serve", "--port", "0", "--data-dir", str(data)]
        self.process = subprocess.Popen(command, stderr=self.log, env=variables, cwd=folder)
        wait_until(lambda: (data / "server.json").exists(), self.process, "stepwell")
        url = json.loads((data / "server.json").read_text())["url"]
        self.address = url.removeprefix("http://")
        self.key = (data / "admin.key").read_text().strip()


def wait_until(is_ready, process, name):
    deadline = time.monotonic() + START_SECONDS
    while not is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"{name} did not start")
        time.sleep(0.05)


def accepts(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def create_certificate(folder):
    """A certificate of localhost, its key, and both in one file."""
    pem, key, both = folder / "stepwell.pem", folder / "stepwell.key", folder / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", pem],
        check=True, capture_output=True)
    both.write_text(pem.read_text() + key.read_text())
    return pem, key, both


def nginx(folder, port, address, certificate):
    pem, key, _ = certificate
    proxy = folder / "nginx-proxy.conf"
    shutil.copy(EXAMPLES / "nginx-proxy.conf", proxy)
    site = replace_all((EXAMPLES / "nginx.conf").read_text(), {
        "127.0.0.1:8080": address, "listen 443": f"listen 127.0.0.1:{port}", "workflows.example.com;": "localhost;",
        "/etc/ssl/stepwell.pem": str(pem), "/etc/ssl/stepwell.key": str(key),
        "/etc/nginx/stepwell-proxy.conf": str(proxy)})
    paths = "".join(f"{name}_temp_path {folder}/{name};\n" for name in
                    ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
    config = folder / "nginx.conf"
    config.write_text(f"daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;\n"
                      f"events {{}}\nhttp {{\naccess_log off;\n{paths}{site}}}\n")
    return ["nginx", "-c", str(config), "-p", str(folder)]


def haproxy(folder, port, address, certificate):
    config = folder / "haproxy.cfg"
    config.write_text(replace_all((EXAMPLES / "haproxy.cfg").read_text(), {
        "127.0.0.1:8080": address, "bind :443": f"bind 127.0.0.1:{port}",
        "/etc/ssl/stepwell-with-key.pem": str(certificate[2])}))
    return ["haproxy", "-db", "-f", str(config)]


def apache(folder, port, address, certificate):
    pem, key, _ = certificate
    site = replace_all((EXAMPLES / "apache.conf").read_text(), {
        "http://127.0.0.1:8080": f"http://{address}", "*:443": f"127.0.0.1:{port}",
        "ServerName workflows.example.com": "ServerName localhost",
        "/etc/ssl/stepwell.pem": str(pem), "/etc/ssl/stepwell.key": str(key)})
    names = ["mpm_event", "authz_core", "ssl", "headers", "proxy", "proxy_http"]
    modules = "".join(f"LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n" for name in names)
    config = folder / "apache.conf"
    config.write_text(f"ServerRoot {folder}\nServerName localhost\nPidFile {folder}/apache.pid\n"
                      f"DefaultRuntimeDir {folder}\nMutex file:{folder} default\nErrorLog {folder}/apache.log\n"
                      f"{modules}Listen 127.0.0.1:{port}\n{site}")
    return ["apache2", "-DFOREGROUND", "-f", str(config)]


def caddy(folder, port, address, certificate):
    pem, key, _ = certificate
    text = replace_all((EXAMPLES / "Caddyfile").read_text(), {
        "127.0.0.1:8080": address,
        "workflows.example.com {": "{\n\tadmin off\n\tauto_https disable_redirects\n}\n"
                                   f"https://localhost:{port} {{\n\ttls {pem} {key}"})
    config = folder / "Caddyfile"
    config.write_text(text)
    return ["caddy", "run", "--config", str(config), "--adapter", "caddyfile"]


class Client:
    """Requests through a proxy, below a path."""

    def __init__(self, port, prefix, certificate, key):
        self.port, self.prefix, self.key = port, prefix, key
        self.context = ssl.create_default_context(cafile=str(certificate[0]))
        self.base = f"https://localhost:{port}{prefix}"

    def open(self, method, path, body=None, headers=None):
        connection = http.client.HTTPSConnection("localhost", self.port, context=self.context, timeout=60)
        headers = {"X-API-KEY": self.key, "Content-Type": "application/json", **(headers or {})}
        connection.request(method, self.prefix + path, body=body, headers=headers)
        return connection.getresponse()

    def send(self, method, path, body=None, headers=None):
        response = self.open(method, path, body, headers)
        return response, response.read()

    def path_of(self, location):
        assert location.startswith(self.base + "/"), f"{location} is not below {self.base}"
        return location.removeprefix(self.base)


def create_workflow(client, name, steps):
    response, body = client.send("POST", "/workflows", json.dumps({"name": name, "steps": steps}))
    assert response.status == 201, (response.status, body)
    path = client.path_of(response.headers["Location"])
    response, body = client.send("GET", path)
    assert response.status == 200, (response.status, body)
    return path


def check_execution(client, name):
    path = create_workflow(client, f"{name} echo", [{"type": "Echo", "input": "x"}])
    response, body = client.send("POST", f"{path}/execute?wait=true", "{}")
    assert response.status == 200 and json.loads(body)["status"] == "COMPLETED", (response.status, body)


def check_stream(client, name):
    """The first event arrives while the execution waits, not together with the last."""
    steps = [{"type": "Delay", "config": {"for": "2s"}}]
    path = create_workflow(client, f"{name} delay", steps)
    response, body = client.send("POST", f"{path}/execute", "{}")
    assert response.status == 202, (response.status, body)
    execution = client.path_of(response.headers["Location"])
    response = client.open("GET", f"{execution}/events")
    assert response.headers["Content-Type"].startswith("text/event-stream"), response.headers
    arrivals = [time.monotonic() for line in response if line.startswith(b"event:")]
    assert len(arrivals) >= 2 and arrivals[-1] - arrivals[0] > 0.5, f"the stream is buffered: {arrivals}"


def check_large_body(client):
    # Sent with 100-continue as curl does, and without.
    for expect in [[], ["-H", "Expect:"]]:
        command = ["curl", "-sS", "--cacert", client.certificate, "-o", "-", "-w", "\n%{http_code}", "--data-binary",
                   "@" + client.large, "-H", f"X-API-KEY: {client.key}", "-H", "Content-Type: application/json",
                   *expect, f"{client.base}/workflows"]
        output = subprocess.run(command, capture_output=True, text=True, check=False)
        body, _, status = output.stdout.rpartition("\n")
        assert status == "413", (expect, output)
        assert json.loads(body)["error"]["code"], body


def check_links(client):
    response, _ = client.send("GET", "/")
    assert response.status == 302 and response.headers["Location"] == "docs", response.headers
    response, body = client.send("GET", "/docs")
    assert response.status == 200 and b"fetch('openapi.json')" in body, response.status
    _, body = client.send("GET", "/openapi.json")
    assert json.loads(body)["servers"][0]["url"] == client.base + "/", json.loads(body)["servers"]
    # What a client states about itself is not used.
    forged = {"X-Forwarded-Prefix": "/forged", "X-Forwarded-Host": "forged.example"}
    _, body = client.send("GET", "/openapi.json", headers=forged)
    assert json.loads(body)["servers"][0]["url"] == client.base + "/", json.loads(body)["servers"]


def check_proxy(name, configure, server, folder, certificate):
    folder = folder / name
    folder.mkdir(mode=0o755)
    port = free_port()
    log = (folder / "output.log").open("w")
    command = configure(folder, port, server.address, certificate)
    variables = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    process = subprocess.Popen(command, stdout=log, stderr=log, env=variables)
    try:
        wait_until(lambda: accepts(port), process, name)
        for prefix in ["", "/stepwell"]:
            client = Client(port, prefix, certificate, server.key)
            client.certificate, client.large = str(certificate[0]), str(folder.parent / "large")
            wait_until(lambda: client.send("GET", "/readyz")[0].status == 200, process, name)
            check_execution(client, f"{name}{prefix}")
            check_stream(client, f"{name}{prefix}")
            check_large_body(client)
            check_links(client)
            print(f"  {name} {prefix or '/'}: create, execute, stream, 413 and links are correct")
    except BaseException:
        for text in [folder / "output.log", folder / f"{name}.log"]:
            if text.exists():
                print(text.read_text()[-3000:], file=sys.stderr)
        raise
    finally:
        process.terminate()
        process.wait(timeout=START_SECONDS)


def check_prometheus(server, folder):
    host, port = server.address.split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    connection.request("GET", "/metrics", headers={"X-API-KEY": server.key})
    metrics = connection.getresponse().read()
    checked = subprocess.run(["promtool", "check", "metrics"], input=metrics, capture_output=True, check=False)
    findings = checked.stdout + checked.stderr
    assert checked.returncode == 0 and not findings.strip(), findings.decode()
    for file in [EXAMPLES / "prometheus.yml", EXAMPLES / "alerts.yml", TESTS / "alerts_test.yml"]:
        shutil.copy(file, folder)
    (folder / "stepwell.key").write_text(server.key)
    promtool("check", "config", folder / "prometheus.yml")
    promtool("check", "rules", folder / "alerts.yml")
    promtool("test", "rules", folder / "alerts_test.yml")
    check_alerts(metrics)


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def check_alerts(metrics):
    """The alerts use what the server exports, and each one is tested and documented."""
    known = set(re.findall(rb"^# TYPE (\S+)", metrics, re.M))
    rules = (EXAMPLES / "alerts.yml").read_bytes()
    expressions = b"\n".join(re.findall(rb"^ +expr: (.*)", rules, re.M))
    used = {re.sub(rb"_bucket$", b"", name) for name in re.findall(rb"\b(?:stepwell|process)_[a-z_]+", expressions)}
    assert used and used <= known, used - known
    for name, labels in re.findall(rb'((?:stepwell|process)_[a-z_]+)\{([^}]*)\}', expressions):
        for label in re.findall(rb'(\w+)=', labels):
            series = re.compile(rb"^" + name + rb"\{[^}]*\b" + label + rb"=", re.M)
            assert label == b"job" or series.search(metrics), f"{name} has no label {label}"
    alerts = set(re.findall(rb"alert: (\w+)", rules))
    tests = (TESTS / "alerts_test.yml").read_bytes()
    tested = {name for name, after in re.findall(rb"alertname: (\w+)(.*?)(?=alertname:|\Z)", tests, re.S)
              if b"exp_labels" in after}
    assert tested == alerts, tested ^ alerts
    documented = set(re.findall(r"^\| `(\w+)` \|", (DOCS / "operations.md").read_text().split("## Alerts")[1], re.M))
    assert documented == {name.decode() for name in alerts}, documented
    print(f"  prometheus: metrics, configuration, {len(alerts)} alerts and their {len(used)} families are correct")


def check_unit(binary, folder):
    unit = replace_all((EXAMPLES / "stepwell.service").read_text(), {"/usr/local/bin/stepwell": binary})
    file = folder / "stepwell.service"
    file.write_text(unit)
    verified = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True, check=False)
    findings = [line for line in verified.stderr.splitlines() if "stepwell.service" in line]
    assert verified.returncode == 0 and not findings, verified.stderr
    print("  systemd: the unit is correct")


def check_image(binary, folder):
    hadolint = TESTS.parents[1] / "target" / "hadolint-venv" / "bin" / "hadolint"
    linted = subprocess.run([hadolint, EXAMPLES / "Dockerfile"], capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout + linted.stderr
    check_container(binary, folder)


def main():
    binary = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        # The workers of nginx and Apache may run as other users.
        folder.chmod(0o755)
        (folder / "large").write_bytes(b" " * TOO_LARGE)
        certificate = create_certificate(folder)
        server = Server(binary, folder)
        try:
            proxies = {"nginx": nginx, "haproxy": haproxy, "apache": apache, "caddy": caddy}
            others = {
                "prometheus": lambda: check_prometheus(server, folder),
                "systemd": lambda: check_unit(binary, folder),
                "container": lambda: check_image(binary, folder),
            }
            for part in sys.argv[2:] or [*proxies, *others]:
                if part in proxies:
                    check_proxy(part, proxies[part], server, folder, certificate)
                else:
                    others[part]()
        finally:
            server.process.terminate()
            server.process.wait(timeout=START_SECONDS)


if __name__ == "__main__":
    main()
