"""The command line: reruns, schedules, releases, lists, `apply`, `diff`, completion, names."""

import json
import subprocess

from harness import check, expect, expect_equal, expect_in

# Steps that show which of them ran again, and with which input.
STEPS = [
    {"id": "greet", "type": "Template", "config": {"template": "Hello {{ inputs.name }}"}},
    {"id": "shout", "type": "TextOperation.Uppercase", "input": {"text": "{{ steps.greet.output.text }}"}},
    {"id": "end", "type": "TextOperation.Concat", "config": {"suffix": "!"}},
]


def apply_definition(context, name, file="definition.json", **fields):
    content = {"name": name, "inputs": {"name": {"type": "string", "default": "Ada"}}, "steps": STEPS, **fields}
    context.write(file, content)
    return context.command("apply", file, "--json").require().json["items"][0]


def create(context, name, **fields):
    return context.client.create(STEPS, name=name, inputs={"name": {"type": "string", "default": "Ada"}}, **fields)


def text_of(output):
    return json.loads(output.out)["text"]


@check
def rerun_from_the_start(context):
    """`executions rerun -i NAME=VALUE` runs all steps with the same input, in which this field is changed."""
    client = context.client
    execution = client.run(create(context, "cli rerun"), {"name": "Ada"})["execution_id"]
    again = context.command("executions", "rerun", execution, "-i", "name=Bob", "--wait").require()
    expect_equal(text_of(again), "HELLO BOB!", "the output")


@check
def rerun_from_a_step(context):
    """`executions rerun --from-step` runs this step with edited input and those after it; others are reused."""
    client = context.client
    workflow = create(context, "cli rerun from step")
    execution = client.run(workflow, {"name": "Ada"})["execution_id"]
    again = context.command(
        "executions", "rerun", execution, "--from-step", "shout", "-i", "text=edited", "--wait").require()
    expect_equal(text_of(again), "EDITED!", "the output")
    newest = client.get(f"/workflows/{workflow}/executions?limit=1").json["executions"][0]["execution_id"]
    shown = context.command("executions", "show", newest, "--json").require().json
    reused = [task["step_id"] for task in shown["tasks"] if task.get("reused")]
    expect_equal(reused, ["greet"], "the reused steps")
    expect_equal(shown["rerun_of"], execution, "the original")


@check
def schedules_are_created_and_updated(context):
    """`schedules create` and `schedules update` manage a schedule, which can be named by its name."""
    create(context, "cli schedules")
    context.command(
        "schedules", "create", "cli schedules", "cli nightly", "--cron", "30 2 * * *", "--timezone",
        "Europe/Berlin", "-i", "name=Bob").require()

    def shown():
        data = context.command("schedules", "show", "cli nightly", "--json").require().json["data"]
        return data["cron_expression"], data["timezone"], data["parameters"]
    expect_equal(shown(), ("30 2 * * *", "Europe/Berlin", {"name": "Bob"}), "the schedule")
    context.command("schedules", "update", "cli nightly", "--cron", "0 5 * * *").require()
    expect_equal(shown(), ("0 5 * * *", "Europe/Berlin", {"name": "Bob"}), "the schedule after the update")


@check
def releases_and_tags(context):
    """`releases list`, `tags set`, `tags list`, and `execute --release-tag` manage and use releases."""
    client = context.client
    workflow = create(context, "cli releases")
    text = [{"type": "StaticTextInput", "input": "two"}]
    client.put(f"/workflows/{workflow}", {"name": "cli releases", "steps": text}).require(200)
    releases = context.command("releases", "list", "cli releases", "--json").require().json["items"]
    expect_equal(len(releases), 2, "the number of releases")
    context.command("tags", "set", "cli releases", "production", "1").require()
    expect_in("production", context.command("tags", "list", "cli releases").require().out, "the list of tags")
    newest = context.command("execute", "cli releases", "--wait").require()
    expect_equal(text_of(newest), "two", "the output without a tag")
    tagged = context.command(
        "execute", "cli releases", "--release-tag", "production", "-i", "name=Ada", "--wait").require()
    expect_equal(text_of(tagged), "HELLO ADA!", "the output with a tag")


@check
def workflows_are_activated(context):
    """`workflows activate` and `deactivate` decide whether a workflow, named by its name, can be executed."""
    create(context, "cli active")
    context.command("workflows", "deactivate", "cli active").require()
    refused = context.command("workflows", "execute", "cli active", "--wait").require(1)
    expect_in("active", refused.err, "the error")
    context.command("workflows", "activate", "cli active").require()
    context.command("workflows", "execute", "cli active", "--wait").require()


@check
def executions_of_all_workflows_are_listed(context):
    """`executions list` needs no workflow, and filters by --status and --since."""
    server = context.start_server()
    client = server.client
    good = client.run(client.create(STEPS, inputs={"name": "string"}), {"name": "Ada"})["execution_id"]
    failing = [{"id": "parse", "type": "Json.Parse", "input": "{{ inputs.text }}"}]
    bad = client.run(client.create(failing, inputs={"text": "string"}), {"text": "{"})["execution_id"]

    def listed(*filters):
        items = context.command("executions", "list", *filters, "--json", server=server).require().json["items"]
        return [item["execution_id"] for item in items]
    expect_equal(listed(), [bad, good], "all executions")
    expect_equal(listed("--status", "FAILED"), [bad], "the failed executions")
    expect_equal(listed("--since", "1h", "--status", "COMPLETED,FAILED"), [bad, good], "the executions of an hour")
    expect_equal(listed("--since", "2030-01-01"), [], "the executions of the future")


@check
def input_is_given_by_field(context):
    """`-i NAME=VALUE` gives single fields of the input: JSON values as such, everything else as text."""
    workflow = context.client.create([{"type": "Echo", "input": "{{ inputs }}"}], name="cli input", inputs={
        "a": "number", "b": "string", "c": "object"})
    done = context.command("workflows", "execute", workflow, "-i", "a=1.5", "-i", "b=one two", "-i", 'c={"d": [1]}',
                           "--wait").require()
    expect_equal(done.json, {"a": 1.5, "b": "one two", "c": {"d": [1]}}, "the input")


@check
def apply_is_idempotent(context):
    """`apply` creates a workflow or updates the one of the same name, and changes nothing the second time."""
    client = context.client
    created = apply_definition(context, "cli apply")
    expect_equal(created["result"], "created", "the first result")
    workflow = created.get("id") or created["workflow_id"]
    again = apply_definition(context, "cli apply")
    expect_equal(again["result"], "unchanged", "the second result")
    changed = apply_definition(context, "cli apply", steps=STEPS[:2])
    expect_equal(changed["result"], "updated", "the result after a change")
    found = client.get("/api/v1/workflows?page_size=100").json["data"]["items"]
    same = [item for item in found if item["name"] == "cli apply"]
    expect_equal(len(same), 1, "the number of workflows with the name")
    releases = client.data("GET", f"/workflows/{workflow}/releases")["items"]
    expect_equal(len(releases), 2, "the number of releases")


@check
def apply_validates_before_it_writes(context):
    """`apply FILE…` takes several files and writes nothing if one is invalid, and nothing with --dry-run."""
    context.write("flows/good.json", {"name": "cli apply good", "steps": STEPS[:1], "inputs": {"name": "string"}})
    context.write("flows/bad.json", {"name": "cli apply bad", "steps": [{"type": "NoSuchType"}]})
    failed = context.command("apply", "flows/good.json", "flows/bad.json").require(1)
    expect_in("NoSuchType", failed.err + failed.out, "the output")
    context.command("workflows", "show", "cli apply good").require(3)
    context.command("apply", "flows/good.json", "--dry-run").require()
    context.command("workflows", "show", "cli apply good").require(3)
    context.command("apply", "flows/good.json").require()
    context.command("workflows", "show", "cli apply good").require()


@check
def diff_prints_what_differs(context):
    """`workflows diff` prints each place that differs and ends with 1; without a difference with 0."""
    create(context, "cli diff")
    same = {"name": "cli diff", "inputs": {"name": {"type": "string", "default": "Ada"}}, "steps": STEPS}
    context.write("same.json", same)
    context.command("workflows", "diff", "same.json").require(0)
    steps = json.loads(json.dumps(STEPS).replace("Hello", "Bye"))
    context.write("changed.json", {**same, "steps": steps})
    changed = context.command("workflows", "diff", "changed.json").require(1)
    expect_in("steps[0].config.template", changed.out, "the output")
    expect("Hello" in changed.out and "Bye" in changed.out, f"not both values: {changed.out}")
    expect("steps[1]" not in changed.out, f"a place that does not differ: {changed.out}")


@check
def completion_of_shells(context):
    """`completion` prints a script for bash, zsh and fish; bash completes commands with it."""
    for shell in ["bash", "zsh", "fish"]:
        script = context.command("completion", shell, local=True).require().out
        expect_in("rerun", script, f"the script for {shell}")
    context.write("completion.bash", context.command("completion", "bash", local=True).out)
    program = ('source ./completion.bash; COMP_WORDS=(stepwell exec); COMP_CWORD=1; COMP_LINE="stepwell exec"; '
               'COMP_POINT=13; _stepwell stepwell exec stepwell; echo "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, cwd=context.folder, check=False)
    expect_in("executions", done.stdout, f"the completions of `exec` ({done.stderr})")


@check
def lists_have_one_json_shape(context):
    """With --json, every list is an object with `items` and `next`."""
    workflow = create(context, "cli lists")
    context.client.run(workflow)
    lists = [["workflows", "list"], ["executions", "list", "cli lists"], ["schedules", "list"],
             ["webhooks", "list"], ["keys", "list"], ["workspaces", "list"], ["audit"],
             ["releases", "list", "cli lists"], ["tags", "list", "cli lists"]]
    for arguments in lists:
        found = context.command(*arguments, "--json").require().json
        expect(isinstance(found, dict) and isinstance(found.get("items"), list) and "next" in found,
               f"`{' '.join(arguments)} --json` is not a list with items and next: {str(found)[:200]}")


@check
def lists_continue(context):
    """The `next` of a list is the `--cursor` of the next call."""
    client = context.client
    workflow = create(context, "cli pages")
    expected = [client.run(workflow)["execution_id"] for _ in range(3)][::-1]
    first = context.command("executions", "list", "cli pages", "--limit", 2, "--json").require().json
    expect(first.get("next"), f"the list has no `next`: {str(first)[:200]}")
    second = context.command(
        "executions", "list", "cli pages", "--limit", 2, "--cursor", first["next"], "--json").require().json
    found = [item["execution_id"] for item in first["items"] + second["items"]]
    expect_equal(found, expected, "the executions of both pages")
    expect_equal(second["next"], None, "`next` of the last page")


@check
def names_work_instead_of_ids(context):
    """Schedules, webhooks and keys are accepted by name (webhooks by URL); an ambiguous name lists the ids."""
    client = context.client
    workflow = create(context, "cli names")
    schedule = {"schedule_type": "cron", "cron_expression": "0 0 1 1 *"}
    client.data("POST", f"/workflows/{workflow}/schedules", {**schedule, "name": "cli named"})
    context.command("schedules", "pause", "cli named").require()
    twins = [client.data("POST", f"/workflows/{workflow}/schedules", {**schedule, "name": "cli twins"})["id"]
             for _ in range(2)]
    refused = context.command("schedules", "pause", "cli twins").require(2)
    expect(all(twin in refused.err for twin in twins), f"the error does not list the ids: {refused.err}")
    url = "http://127.0.0.1:9/cli"
    client.data("POST", "/webhooks", {"url": url, "events": ["execution.failed"]})
    expect_in(url, context.command("webhooks", "show", url).require().out, "the webhook")
    context.command("keys", "create", "cli key", "--scope", "read:workflows").require()
    context.command("keys", "revoke", "cli key").require()
