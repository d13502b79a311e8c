"""Settings, the banner, signals, and readers of the log."""

import http.client
import os
import signal
import subprocess

from harness import START_SECONDS, check, expect, expect_equal, expect_in, wait_until


def refused_start(context, settings, **options):
    """What a start prints that the settings prevent."""
    server = context.prepare_server(settings, **options).spawn()
    try:
        code = server.process.wait(5)
    except subprocess.TimeoutExpired:
        code = None
    expect(code is not None, f"the server starts with {settings}")
    expect_equal(code, 2, f"the exit code with {settings} ({server.log})")
    return server.log


def expect_refused(context, setting, value, allowed):
    printed = refused_start(context, {setting: value})
    for part in [setting, "STEPWELL__" + setting.upper().replace(".", "__"), allowed]:
        expect_in(part, printed, "the error")


@check
def a_wrong_log_level_is_refused(context):
    """`log.level=inof` stops the start with the place, a suggestion and what is allowed."""
    expect_refused(context, "log.level", "inof", "did you mean `info`")
    expect_in("debug", refused_start(context, {"log.level": "inof"}), "the error")


@check
def impossible_numbers_are_refused(context):
    """Numbers with which the server cannot work stop the start; the error has the place and the range."""
    for setting in ["engine.max_active", "api.heartbeat_seconds", "api.max_body_bytes"]:
        expect_refused(context, setting, 0, " to ")


@check
def wrong_types_show_how_to_write_the_value(context):
    """A boolean or a list in another notation is refused with an example of the right one."""
    expect_refused(context, "api.metrics_public", "yes", "true or false")
    expect_refused(context, "api.trusted_proxies", "a,b", '["a", "b"]')


@check
def problems_in_the_file_have_a_line(context):
    """A wrong value or unknown setting in the file is refused with file, line and a suggestion."""
    for text, parts in [("[log]\n\nlevel = 'inof'\n", ["line 3", "info"]),
                        ("[engine]\nmax_active = 0\n", ["line 2", "engine.max_active"]),
                        ("[log]\nlevle = 'info'\n", ["line 2", "did you mean `log.level`"])]:
        file = context.write("wrong.toml", text)
        printed = refused_start(context, {}, arguments=["--config", str(context.folder / file)])
        for part in ["wrong.toml", *parts]:
            expect_in(part, printed, "the error")


@check
def every_wrong_setting_is_named(context):
    """If several settings are wrong, the error names all of them."""
    printed = refused_start(context, {"log.level": "inof", "engine.max_active": 0, "api.heartbeat_seconds": 0})
    for setting in ["log.level", "engine.max_active", "api.heartbeat_seconds"]:
        expect_in(setting, printed, "the error")


@check
def nearly_right_variables_get_a_suggestion(context):
    """An environment variable that is nearly a setting is reported with the name to use."""
    server = context.start_server({}, variables={"STEPWELL_PORT": "1234", "STEPWELL_LOG_LEVEL": "debug"})
    found = wait_until(lambda: "STEPWELL__LOG__LEVEL" in server.log and server.log, "the log has suggestions", 5)
    expect_in("did you mean STEPWELL__SERVER__PORT", found, "the log")
    expect_in("STEPWELL_PORT", found, "the log")


@check
def the_banner_reports_open_access(context):
    """Without keys on all networks, the start warns that every client is an admin, and of the missing TLS."""
    server = context.start_server({"api.auth_required": False}, arguments=["--host", "0.0.0.0"])
    found = wait_until(lambda: "WARN" in server.log and server.log, "the start has a warning", 5)
    expect_in("without a key", found, "the log")
    expect_in("0.0.0.0", found, "the log")
    expect_in("TLS", found, "the log")
    local = context.start_server()
    local.client.get("/readyz").require(200)
    expect("WARN" not in local.log, f"a warning on loopback with keys: {local.log}")


@check
def the_banner_reports_a_missing_key_file(context):
    """If `admin.key` does not exist, the banner shows that, and how to create another key."""
    server = context.start_server()
    wait_until(lambda: "admin.key" in server.log, "the first banner names the file", 5)
    server.stop()
    (server.data / "admin.key").unlink()
    server.log_file.unlink()
    server.start()
    found = wait_until(lambda: "Admin key" in server.log and server.log, "the banner", 5)
    expect_in("does not exist", found, "the banner")
    expect_in("keys create", found, "the banner")


def configured(context, text, **options):
    """A server with a configuration file, whose content can be replaced."""
    file = context.folder / context.write("stepwell.toml", text)
    return context.start_server({}, arguments=["--config", str(file)], **options), file


@check
def sighup_reloads_the_configuration(context):
    """SIGHUP applies what can be changed at once, and logs what changed and what needs a restart."""
    server, file = configured(context, "[log]\nlevel = 'info'\n[api]\nmax_wait_seconds = 300\n[store]\nreaders = 4\n")
    workflow = server.client.create([{"type": "Delay", "config": {"for": "1h"}}])
    file.write_text("[log]\nlevel = 'debug'\n[api]\nmax_wait_seconds = 1\n[store]\nreaders = 5\n")
    server.signal(signal.SIGHUP)
    found = wait_until(lambda: (server.process.poll() is not None or "store.readers" in server.log) and server.log,
                       "the log reports the reload", 5)
    server.expect_alive("SIGHUP")
    expect_in("log.level", found, "the log")
    expect_in("api.max_wait_seconds", found, "the log")
    expect_in("restart", found, "the log (store.readers)")
    # The new limit applies: the wait ends after 1 s, not after 30.
    server.client.timeout = 15
    server.client.post(f"/workflows/{workflow}/execute?wait=true&timeout=30s").require(202)


@check
def sighup_with_a_wrong_file_changes_nothing(context):
    """SIGHUP with an invalid configuration is logged as an error, and the server continues as before."""
    server, file = configured(context, "[api]\nmax_wait_seconds = 300\n")
    file.write_text("[api]\nmax_wait_seconds = 300\nheartbeat_seconds = 0\n")
    server.signal(signal.SIGHUP)
    found = wait_until(lambda: (server.process.poll() is not None or "ERROR" in server.log) and server.log,
                       "the log has an error", 5)
    server.expect_alive("SIGHUP")
    expect_in("api.heartbeat_seconds", found, "the log")


@check
def signals_end_nothing(context):
    """SIGHUP, SIGUSR1 and SIGUSR2 interrupt neither a waiting request nor an execution."""
    server = context.start_server()
    workflow = server.client.create([{"type": "Delay", "config": {"for": "1500ms"}}, {"type": "Echo", "input": "x"}])
    connection = http.client.HTTPConnection(server.client.address, timeout=30)
    context.cleanups.callback(connection.close)
    headers = {"Authorization": f"Bearer {server.key}", "Content-Type": "application/json"}
    connection.request("POST", f"/workflows/{workflow}/execute?wait=true", "{}", headers)
    wait_until(lambda: server.client.get(f"/workflows/{workflow}/executions").json["executions"], "it has started")
    for number in [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2]:
        server.signal(number)
    try:
        response = connection.getresponse()
        status = response.status
    except OSError as error:
        status = f"no response ({error}), exit code {server.process.wait(START_SECONDS)}"
    expect_equal(status, 200, "the response to the request that waited during the signals")
    server.expect_alive("SIGHUP, SIGUSR1 and SIGUSR2")


def send_many(server, requests):
    """Requests that are logged one by one at the level `trace`, each with a short timeout."""
    server.client.timeout = 10
    for number in range(requests):
        try:
            server.client.get("/workflows?limit=1").require(200)
        except OSError as error:
            expect(False, f"request {number + 1} of {requests} has no response: {error!r}")


def server_with_pipe(context):
    """A server whose log is a pipe, and the end of the pipe to read from."""
    reader, writer = os.pipe()
    server = context.start_server({"log.level": "trace"}, stderr=writer)
    os.close(writer)
    return server, reader


@check
def a_stalled_log_reader_changes_nothing(context):
    """If the reader of the log stalls, requests and executions continue, and the lost lines are counted."""
    server, reader = server_with_pipe(context)
    context.cleanups.callback(os.close, reader)
    send_many(server, 800)
    workflow = server.client.create([{"type": "Echo", "input": "x"}])
    expect_equal(server.client.run(workflow)["status"], "COMPLETED", "the status of an execution")
    server.client.get("/readyz").require(200)
    metrics = server.client.get("/metrics").require(200).text
    expect_in("stepwell_log_lines_dropped_total", metrics, "/metrics")
    expect_equal(server.stop(), 0, "the exit code")


@check
def a_departed_log_reader_changes_nothing(context):
    """If the reader of the log is gone, requests continue, and the server still ends with 0."""
    server, reader = server_with_pipe(context)
    os.close(reader)
    send_many(server, 50)
    server.expect_alive("the end of its log reader")
    expect_equal(server.stop(), 0, "the exit code after SIGTERM")
