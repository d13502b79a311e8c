/** Every call against the real server. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

import * as stepwell from "stepwell";

import { collect, thrown } from "./checks.js";
import { startServer, type Server } from "./servers.js";

const GREET = {
  name: "greet",
  inputs: { text: "string" },
  metadata: { snake_label: "x" },
  steps: [
    { type: "TextOperation.Uppercase", input: "{{ inputs.text }}" },
    { type: "TextOperation.Reverse" },
  ],
};
const SLOW = { name: "slow", steps: [{ type: "Delay", config: { for: "1h" } }] };

let server: Server;
let client: stepwell.Client;

before(async () => {
  server = await startServer();
  client = new stepwell.Client({ apiKey: server.key, baseUrl: `${server.url}/` });
  await client.createWorkflow({
    name: "my-workflow",
    inputs: { query: "string" },
    steps: [{ type: "TextOperation.Uppercase", input: "{{ inputs.query }}" }],
    outputs: { result: "{{ steps.uppercase.output.text }}" },
  });
  await client.createWorkflow({
    name: "my-failing-workflow",
    steps: [{ type: "Fail", config: { message: "boom" } }],
  });
});

after(async () => {
  await server.stop();
});

test("workflows", async () => {
  const { workflowId } = await client.createWorkflow(GREET);
  const workflow = await client.getWorkflow(workflowId);
  assert.deepEqual([workflow.name, workflow.release, workflow.status], ["greet", 1, "active"]);
  assert.deepEqual(workflow.definition, GREET);
  assert.deepEqual(workflow.metadata, { snake_label: "x" });
  assert.deepEqual(
    workflow.steps.map((step) => step.stepId),
    ["uppercase", "reverse"],
  );
  const changed = await client.updateWorkflow(
    workflowId,
    "name: g\nsteps: [{type: Echo, input: hi}]",
  );
  assert.equal(changed.release, 2);

  const ids: string[] = [];
  for (let n = 0; n < 3; n += 1) ids.push((await client.createWorkflow(GREET)).workflowId);
  const page = await client.listWorkflows({ limit: 2, status: "active" });
  assert.deepEqual(
    page.workflows.map((row) => row.workflowId),
    [ids[2], ids[1]],
  );
  const next = await client.listWorkflows({ limit: 2, cursor: page.nextCursor ?? "" });
  assert.equal(next.workflows[0]?.workflowId, ids[0]);
  const all = (await collect(client.iterWorkflows({ limit: 2 }))).map((row) => row.workflowId);
  assert.equal(new Set(all).size, all.length);
  for (const id of [workflowId, ...ids]) assert.ok(all.includes(id));

  await client.deleteWorkflow(workflowId);
  const gone = await thrown(client.getWorkflow(workflowId), stepwell.NotFoundError);
  assert.deepEqual(
    [gone.status, gone.code, gone.name],
    [404, "WORKFLOW_NOT_FOUND", "NotFoundError"],
  );
  assert.ok(gone.requestId);
});

test("executions", async () => {
  const { workflowId } = await client.createWorkflow(GREET);
  const done = await client.run(workflowId, { text: "abc" }, { timeout: 20_000 });
  assert.equal(stepwell.throwIfFailed(done), done);
  assert.deepEqual(
    [done.status, done.output, done.input],
    ["COMPLETED", { text: "CBA" }, { text: "abc" }],
  );
  assert.deepEqual(
    done.tasks.map((task) => [task.stepId, task.output]),
    [
      ["uppercase", { text: "ABC" }],
      ["reverse", { text: "CBA" }],
    ],
  );
  const { executionId } = await client.execute(workflowId, { text: "x" });
  const waited = await client.wait(workflowId, executionId, { timeout: 20_000 });
  assert.deepEqual(waited.output, { text: "X" });
  const lines = await client.logs(workflowId, executionId);
  assert.ok(lines.length > 0 && lines.every((line) => line.message.startsWith("completed after ")));
  const listed = await collect(
    client.iterExecutions(workflowId, { status: "COMPLETED", limit: 1 }),
  );
  assert.deepEqual(
    listed.map((row) => row.executionId),
    [executionId, done.executionId],
  );
  const none = await client.listExecutions(workflowId, { status: ["FAILED", "CANCELLED"] });
  assert.deepEqual(none, { executions: [], nextCursor: null });
  const stats = await client.workflowStats(workflowId);
  assert.deepEqual([stats.total, stats.completed, stats.timedOut], [2, 2, 0]);
});

test("a failed execution is data until throwIfFailed", async () => {
  const { workflowId } = await client.createWorkflow({
    name: "f",
    steps: [{ type: "Fail", config: { message: "boom" } }],
  });
  const execution = await client.run(workflowId);
  assert.equal(execution.error?.stepId, "fail");
  assert.throws(() => stepwell.throwIfFailed(execution), {
    name: "ExecutionFailedError",
    message: /boom/,
  });
});

test("control", async () => {
  const { workflowId } = await client.createWorkflow(SLOW);
  const { executionId } = await client.execute(workflowId);
  assert.equal((await client.pause(workflowId, executionId)).status, "PAUSED");
  assert.equal((await client.resume(workflowId, executionId)).status, "RUNNING");
  const wait = client.wait(workflowId, executionId, { timeout: 100 });
  assert.equal((await thrown(wait, stepwell.WaitTimeoutError)).executionId, executionId);
  await thrown(client.run(workflowId, undefined, { timeout: 200 }), stepwell.WaitTimeoutError);
  const signal = AbortSignal.timeout(100);
  const stopped: unknown = await client
    .wait(workflowId, executionId, { signal })
    .catch((e: unknown) => e);
  assert.equal(stopped, signal.reason);
  const cancelled = await client.cancel(workflowId, executionId, { reason: "enough" });
  assert.equal(cancelled.status, "CANCELLED");
  const ended = await thrown(client.cancel(workflowId, executionId), stepwell.ConflictError);
  assert.equal(ended.code, "EXECUTION_ENDED");
});

test("events", async () => {
  const { workflowId } = await client.createWorkflow(GREET);
  const { executionId } = await client.execute(workflowId, { text: "abc" });
  const events = await collect(client.events(workflowId, executionId));
  const last = events.at(-1);
  assert.ok(last?.event === "status" && last.status === "COMPLETED");
  assert.deepEqual(last.output, { text: "CBA" });
  const settled = events.flatMap((event) => (event.event === "progress" ? [event.completed] : []));
  assert.deepEqual(settled, [1, 2]);
  const middle = events[Math.floor(events.length / 2)]?.sequence ?? 0;
  const later = await collect(client.events(workflowId, executionId, { after: middle }));
  assert.deepEqual(
    later,
    events.filter((event) => event.sequence > middle),
  );
  assert.deepEqual(
    await collect(client.events(workflowId, executionId, { after: last.sequence })),
    [],
  );
  for await (const event of client.events(workflowId, executionId)) {
    assert.equal(event.executionId, executionId);
    break;
  }
  const none = collect(client.events(workflowId, `ex-${"0".repeat(26)}`));
  await thrown(none, stepwell.NotFoundError);
});

test("idempotency and problems", async () => {
  const { workflowId } = await client.createWorkflow(GREET);
  const options = { idempotencyKey: "ts-once" };
  const first = await client.execute(workflowId, { text: "x" }, options);
  assert.deepEqual(await client.execute(workflowId, { text: "x" }, options), first);
  const other = client.execute(workflowId, { text: "y" }, options);
  assert.equal((await thrown(other, stepwell.BadRequestError)).code, "IDEMPOTENCY_KEY_REUSED");
  const bad = client.createWorkflow({ name: "x", steps: [{ type: "NoSuchStep" }] });
  const { code, details } = await thrown(bad, stepwell.BadRequestError);
  assert.deepEqual([code, details[0]?.path], ["INVALID_WORKFLOW", "steps[0].type"]);
});

test("secrets", async () => {
  const { workflowId } = await client.createWorkflow({
    name: "secret",
    steps: [
      {
        type: "HttpRequest",
        config: { url: "http://127.0.0.1:9/", headers: { "X-Token": "{{ secrets.STRIPE_KEY }}" } },
      },
    ],
  });
  const without = await client.run(workflowId);
  const passed = await client.run(workflowId, undefined, { secrets: { STRIPE_KEY: "sk_test_1" } });
  assert.equal(without.error?.code, "SECRET_UNAVAILABLE");
  assert.ok(passed.error && passed.error.code !== "SECRET_UNAVAILABLE");
});

test("keys and step types", async () => {
  const expiresAt = new Date(Date.now() + 86_400_000);
  const created = await client.createApiKey({
    name: "reader",
    scopes: ["read:workflows"],
    expiresAt,
  });
  assert.ok(Math.abs(Date.parse(created.expiresAt ?? "") - expiresAt.getTime()) < 1000);
  const reader = new stepwell.Client({ apiKey: created.secret, baseUrl: server.url });
  assert.deepEqual((await reader.me()).scopes, ["read:workflows"]);
  const refused = await thrown(reader.createWorkflow(GREET), stepwell.ForbiddenError);
  assert.match(refused.message, /write:workflows/);
  await thrown(reader.listApiKeys(), stepwell.ForbiddenError);
  const page = await client.listApiKeys({ sortBy: "name", sortOrder: "asc", pageSize: 100 });
  assert.ok(page.items.some((key) => key.id === created.id));
  assert.equal(page.pagination.totalItems, page.items.length);
  await client.revokeApiKey(created.id);
  assert.equal((await thrown(reader.me(), stepwell.AuthenticationError)).code, "REVOKED_TOKEN");
  assert.match(await client.webhookSigningSecret(), /^whsec_/);
  const types = await client.stepTypes();
  const reverse = types.find((type) => type.type === "TextOperation.Reverse");
  assert.equal(reverse?.effect, "pure");
  assert.ok(reverse && "inputSchema" in reverse);
  assert.equal((await client.definitionSchema())["type"], "object");
});

test("deployments", async () => {
  const workflowDeploymentName = "my-workflow";
  const listed = [{ name: "query", type: "STRING", value: "hi" }];
  for (const inputs of [listed, [{ name: "query", value: "hi" }], { query: "hi" }]) {
    const { data } = await client.executeWorkflow({ workflowDeploymentName, inputs });
    assert.ok(data.state === "FULFILLED");
    assert.deepEqual(
      data.outputs.map(({ name, type, value }) => ({ name, type, value: value as unknown })),
      [{ name: "result", type: "STRING", value: "HI" }],
    );
  }
  const failed = await client.executeWorkflow({
    workflowDeploymentName: "my-failing-workflow",
    inputs: [],
  });
  assert.ok(failed.data.state === "REJECTED" && failed.data.error.code === "USER_DEFINED_ERROR");

  const eventTypes: ("WORKFLOW" | "NODE")[] = ["WORKFLOW", "NODE"];
  const stream = client.executeWorkflowStream({
    workflowDeploymentName,
    inputs: listed,
    eventTypes,
  });
  const events = await collect(stream);
  const states = events.map((event) => `${event.type} ${event.data.state}`);
  assert.equal(states[0], "WORKFLOW INITIATED");
  assert.equal(states.at(-1), "WORKFLOW FULFILLED");
  assert.ok(states.includes("NODE INITIATED") && states.includes("NODE FULFILLED"));
  for (const event of events) if (event.type === "NODE") assert.ok(event.data.nodeId);

  const { executionId } = await client.executeWorkflowAsync({
    workflowDeploymentName,
    inputs: listed,
  });
  for (;;) {
    const { status, outputs } = await client.workflowExecutionStatus(executionId);
    if (status === "FULFILLED") {
      assert.deepEqual(outputs, { result: "HI" });
      break;
    }
    assert.notEqual(status, "REJECTED");
  }
  const nowhere = { workflowDeploymentName: "no-such-workflow", inputs: [] };
  const missing = await thrown(client.executeWorkflow(nowhere), stepwell.APIError);
  assert.match(missing.message, /no-such-workflow/);
  await thrown(collect(client.executeWorkflowStream(nowhere)), stepwell.APIError);
});

test("parts are streamed", async () => {
  const text = "one two \u2713 \u{1f389}";
  const workflowDeploymentName = "my-pieces";
  await client.createWorkflow({
    name: workflowDeploymentName,
    inputs: { text: "string" },
    steps: [
      {
        type: "StreamText",
        input: "{{ inputs.text }}",
        config: { chunk: "graphemes", pause: "20ms" },
      },
    ],
    outputs: { result: "{{ steps.stream_text.output.text }}" },
  });
  const pieces: string[] = [];
  const arrived: number[] = [];
  const request = { workflowDeploymentName, inputs: { text }, externalId: "ts-pieces" };
  for await (const event of client.executeWorkflowStream(request)) {
    assert.equal(event.externalId, "ts-pieces");
    if (event.type !== "WORKFLOW" || !event.data.output) continue;
    arrived.push(Date.now());
    if (event.data.output.state === "STREAMING") pieces.push(event.data.output.delta ?? "");
    else assert.equal(event.data.output.value, text);
  }
  assert.deepEqual(pieces, [...text]);
  assert.ok((arrived.at(-1) ?? 0) - (arrived[0] ?? 0) >= 18 * (pieces.length - 1));
  const taken = await thrown(client.executeWorkflow(request), stepwell.BadRequestError);
  assert.equal(taken.code, "EXTERNAL_ID_TAKEN");

  // Leaving early does not stop the execution.
  let executionId = "";
  for await (const event of client.executeWorkflowStream({
    workflowDeploymentName,
    inputs: { text },
  })) {
    executionId = event.executionId;
    break;
  }
  for (;;) {
    const { status, outputs } = await client.workflowExecutionStatus(executionId);
    if (status === "FULFILLED") {
      assert.deepEqual(outputs, { result: text });
      break;
    }
    assert.notEqual(status, "REJECTED");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

test("actuals", async () => {
  const client = new stepwell.Client({ apiKey: server.key, baseUrl: server.url });
  const request = { workflowDeploymentName: "my-workflow", inputs: { query: "a" } };
  const { executionId } = await client.executeWorkflow(request);
  await client.submitWorkflowExecutionActuals({
    actuals: [{ executionId, outputName: "result", value: "Expected output" }],
  });
  await client.submitWorkflowExecutionActuals({
    executionId,
    actuals: [{ outputType: "STRING", outputKey: "result", quality: 0.5, desiredOutputValue: "x" }],
  });
  const unknown = client.submitWorkflowExecutionActuals({
    executionId: "00000000-0000-7000-8000-000000000000",
    actuals: [{ outputType: "STRING", outputKey: "result", quality: 0.5 }],
  });
  await thrown(unknown, stepwell.APIError);
});

const echoWorkflow = (text: string): Record<string, unknown> => ({
  name: "ts-releases",
  metadata: { snake_label: "x" },
  steps: [{ type: "Echo", input: text }],
  outputs: { echo: "{{ steps.echo.output }}" },
});

test("releases and tags", async () => {
  const { workflowId } = await client.createWorkflow(echoWorkflow("one"));
  const options = { releaseTags: ["beta"], idempotencyKey: "ts-release" };
  const second = await client.createRelease(workflowId, echoWorkflow("two"), options);
  assert.deepEqual([second.number, second.definition], [2, echoWorkflow("two")]);
  assert.deepEqual(await client.createRelease(workflowId, echoWorkflow("two"), options), second);
  const first = await client.listReleases(workflowId, { pageSize: 1 });
  const { nextCursor, totalItems } = first.pagination;
  assert.deepEqual([first.items[0]?.number, first.items.length, totalItems], [2, 1, 2]);
  assert.ok(nextCursor);
  const rest = await client.listReleases(workflowId, { pageSize: 1, cursor: nextCursor });
  assert.deepEqual([rest.items[0]?.number, rest.pagination.nextCursor], [1, null]);
  const numbers = async (sortOrder: "asc" | "desc"): Promise<number[]> =>
    (await collect(client.iterReleases(workflowId, { sortOrder }))).map(({ number }) => number);
  assert.deepEqual(
    [await numbers("desc"), await numbers("asc")],
    [
      [2, 1],
      [1, 2],
    ],
  );

  const tag = await client.putReleaseTag(workflowId, "stable", 1);
  assert.deepEqual([tag.name, tag.traffic], ["stable", [{ release: 1, weight: 1 }]]);
  assert.deepEqual(await client.getReleaseTag(workflowId, "stable"), tag);
  const tags = await client.listReleaseTags(workflowId, { page: 2, pageSize: 2 });
  assert.deepEqual([tags.items, tags.pagination.totalItems], [[tag], 3]);
  const names = (await collect(client.iterReleaseTags(workflowId))).map(({ name }) => name);
  assert.deepEqual(names, ["LATEST", "beta", "stable"]);
  const runOutput = async (releaseTag?: string, externalId?: string): Promise<unknown> => {
    const { data } = await client.executeWorkflow({
      workflowDeploymentName: "ts-releases",
      inputs: [],
      ...(releaseTag ? { releaseTag } : {}),
      ...(externalId ? { externalId } : {}),
    });
    assert.ok(data.state === "FULFILLED");
    return data.outputs[0]?.value as unknown;
  };
  assert.deepEqual(
    [await runOutput(), await runOutput("stable"), await runOutput("beta")],
    ["two", "one", "two"],
  );
  const shared = await client.putReleaseTag(workflowId, "stable", { 1: 50, 2: 50 });
  assert.deepEqual(shared.traffic, [
    { release: 1, weight: 50 },
    { release: 2, weight: 50 },
  ]);
  const outputs = new Set<unknown>();
  for (let n = 0; n < 40; n += 1) outputs.add(await runOutput("stable", `ts-${n}`));
  assert.deepEqual([...outputs].sort(), ["one", "two"]);

  const wrong = await thrown(
    client.putReleaseTag(workflowId, "stable", 7),
    stepwell.BadRequestError,
  );
  assert.match(JSON.stringify([wrong.message, wrong.details]), /7/);
  await thrown(client.putReleaseTag(workflowId, "stable", {}), stepwell.BadRequestError);
  await thrown(client.createRelease(workflowId, { steps: [] }), stepwell.BadRequestError);
  await thrown(client.getReleaseTag(workflowId, "no-such-tag"), stepwell.NotFoundError);
  await thrown(client.listReleases(`wf-${"0".repeat(26)}`), stepwell.NotFoundError);
  await thrown(client.workflowQuality(`wf-${"0".repeat(26)}`), stepwell.NotFoundError);
});

test("actuals are listed and totalled", async () => {
  const { workflowId } = await client.createWorkflow({
    ...echoWorkflow("one"),
    name: "ts-quality",
    outputs: { echo: { snake_key: 1 } },
  });
  const workflowDeploymentName = "ts-quality";
  const { executionId } = await client.executeWorkflow({ workflowDeploymentName, inputs: [] });
  assert.deepEqual((await client.listActuals(executionId)).items, []);
  await client.submitWorkflowExecutionActuals({
    executionId,
    actuals: [
      { outputKey: "echo", quality: 0.5, desiredOutputValue: { snake_key: 1 } },
      { outputName: "echo", value: "other", metadata: { by_whom: "u" } },
    ],
  });
  const actuals = await collect(client.iterActuals(executionId));
  const last = await client.listActuals(executionId, { sortOrder: "desc", pageSize: 1 });
  assert.deepEqual(last.items, actuals.slice(-1));
  assert.equal(last.pagination.totalItems, actuals.length);
  assert.deepEqual(
    actuals.map((actual) => [actual.outputName, actual.quality, actual.matched]),
    [
      ["echo", 0.5, true],
      ["echo", null, false],
    ],
  );
  assert.deepEqual(actuals[0]?.desiredOutputValue, { snake_key: 1 });
  assert.deepEqual(actuals[1]?.metadata, { by_whom: "u" });
  const sum = { count: 2, meanQuality: 0.5, exactMatchRate: 0.5 };
  const { releases, tags, ...total } = await client.workflowQuality(workflowId);
  assert.deepEqual([total, releases], [sum, [{ release: 1, ...sum }]]);
  assert.ok(Array.isArray(tags));
  const unknown = "00000000-0000-7000-8000-000000000000";
  await thrown(client.listActuals(unknown), stepwell.NotFoundError);
});

/** The lines that a module prints. */
async function printedLines(t: TestContext, run: () => Promise<unknown>): Promise<string[]> {
  process.env["STEPWELL_URL"] = server.url;
  process.env["STEPWELL_API_KEY"] = server.key;
  const lines: string[] = [];
  const log = t.mock.method(console, "log", (...parts: unknown[]) => {
    lines.push(
      parts.map((part) => (typeof part === "string" ? part : JSON.stringify(part))).join(" "),
    );
  });
  await run();
  log.mock.restore();
  return lines;
}

test("the example runs unchanged", async (t) => {
  type Example = typeof import("./example_snippet.js");
  let example: Example | undefined;
  const output = await printedLines(t, async () => {
    example = await import("./example_snippet.js");
  });
  assert.ok(example?.response.data.state === "FULFILLED");
  assert.equal(example.response.data.outputs[0]?.value, "PROCESS THIS");
  const node = output[1]?.split(" ")[1] ?? "";
  assert.deepEqual(output, [
    "Workflow state: INITIATED",
    `Node ${node} INITIATED`,
    `Node ${node} FULFILLED`,
    "Workflow state: STREAMING",
    "Workflow state: FULFILLED",
  ]);
  const [actual] = (await client.listActuals(example.response.executionId)).items;
  assert.deepEqual(
    [actual?.outputName, actual?.desiredOutputValue, actual?.matched],
    ["result", "Expected output", false],
  );
});

test("the snippets of the README run unchanged", async (t) => {
  const output = await printedLines(t, () => import("./readme_snippets.js"));
  for (const part of [
    '{"text":"RETAW EHT OT NWOD"}',
    "INVALID_WORKFLOW",
    "Workflow state: FULFILLED",
    "FULFILLED NWOD",
    "text null true",
    "2 0.9 1",
    "nwod",
    'stable [{"release":1,"weight":1}]',
    '["read:workflows"]',
    "true one execution",
    'completed {"text":"NWOD"}',
    "reverse completed 2",
    '{"text":"21"}',
    "PRECONDITION_FAILED",
    '{"text":"THGIN DOOG"}',
    "developer 50",
    "stopped",
    "reader revoked",
  ]) {
    assert.ok(output.includes(part), `${part} in\n${output.join("\n")}`);
  }
  for (const end of [' admin workflow.updated ["description"]', '"reader"]']) {
    assert.ok(
      output.some((line) => line.endsWith(end)),
      `${end} in\n${output.join("\n")}`,
    );
  }
});

test("the snippet of docs/clients.md runs", async (t) => {
  const output = await printedLines(t, () => import("./page_snippet.js"));
  assert.deepEqual([output[0], output.at(-1)], ['{"text":"HELLO"}', "completed"]);
});

test("the package has both module formats and the name in docs/clients.md", () => {
  const folder = fileURLToPath(new URL("../../", import.meta.url));
  const options = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const output = execFileSync("npm", options, { cwd: folder, encoding: "utf8" });
  const [pack] = JSON.parse(output) as { filename: string; files: { path: string }[] }[];
  assert.ok(pack);
  const page = readFileSync(join(folder, "../../docs/clients.md"), "utf8");
  assert.ok(page.includes(`npm install ./clients/typescript/${pack.filename} `), pack.filename);
  const files = pack.files.map(({ path }) => path);
  for (const format of ["esm", "cjs"]) {
    for (const name of ["index.js", "index.d.ts"]) {
      assert.ok(files.includes(`dist/${format}/${name}`), `${format}/${name}`);
    }
  }
  assert.ok(files.every((path) => !path.includes("test")));
});

test("the package is also a CommonJS module", () => {
  const required = createRequire(import.meta.url)("stepwell") as typeof stepwell;
  assert.equal(typeof required.Client, "function");
  assert.notEqual(required.Client, stepwell.Client);
});
