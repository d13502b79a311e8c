/** The dataflow API, against the real server. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import * as stepwell from "stepwell";

import { collect, thrown } from "./checks.js";
import { startServer, type Server } from "./servers.js";

const GREET: stepwell.Definition = {
  name: "greet",
  inputs: { text: "string" },
  metadata: { snake_label: "x" },
  steps: [
    { type: "TextOperation.Uppercase", input: "{{ inputs.text }}" },
    { type: "TextOperation.Reverse" },
  ],
};
const SLOW: stepwell.Definition = {
  name: "slow",
  steps: [{ type: "Delay", config: { for: "1h" } }],
};

let server: Server;
let client: stepwell.Client;

before(async () => {
  server = await startServer();
  client = new stepwell.Client({ apiKey: server.key, baseUrl: server.url });
});

after(async () => {
  await server.stop();
});

test("workflows", async () => {
  const { workflowId } = await client.dataflow.createWorkflow(GREET);
  const workflow = await client.dataflow.getWorkflow(workflowId);
  assert.deepEqual([workflow.name, workflow.release, workflow.status], ["greet", 1, "active"]);
  assert.deepEqual(workflow.definition, GREET);
  assert.deepEqual(workflow.metadata, { snake_label: "x" });
  assert.deepEqual(
    workflow.steps.map((step) => step.stepId),
    ["uppercase", "reverse"],
  );
  const changed = await client.dataflow.updateWorkflow(
    workflowId,
    "name: g\nsteps: [{type: Echo, input: hi}]",
  );
  assert.equal(changed.release, 2);

  const ids: string[] = [];
  for (let n = 0; n < 3; n += 1) ids.push((await client.dataflow.createWorkflow(GREET)).workflowId);
  const page = await client.dataflow.listWorkflows({ limit: 2, status: "active" });
  assert.deepEqual(
    page.items.map((row) => row.workflowId),
    [ids[2], ids[1]],
  );
  const next = await page.nextPage();
  assert.equal(next.items[0]?.workflowId, ids[0]);
  assert.deepEqual((await next.previousPage()).items, page.items);
  const all = (await collect(client.dataflow.listWorkflows({ limit: 2 }))).map(
    (row) => row.workflowId,
  );
  assert.equal(new Set(all).size, all.length);
  for (const id of [workflowId, ...ids]) assert.ok(all.includes(id));

  await client.dataflow.deleteWorkflow(workflowId);
  const gone = await thrown(client.dataflow.getWorkflow(workflowId), stepwell.NotFoundError);
  assert.deepEqual(
    [gone.status, gone.code, gone.name],
    [404, "WORKFLOW_NOT_FOUND", "NotFoundError"],
  );
  assert.ok(gone.requestId);
});

test("executions", async () => {
  const { workflowId } = await client.dataflow.createWorkflow(GREET);
  const done = await client.dataflow.run(workflowId, { text: "abc" }, { timeout: 20_000 });
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
  const { executionId } = await client.dataflow.execute(workflowId, { text: "x" });
  const waited = await client.dataflow.wait(workflowId, executionId, { timeout: 20_000 });
  assert.deepEqual(waited.output, { text: "X" });
  const lines = await client.dataflow.logs(workflowId, executionId);
  assert.equal(lines[0]?.message, "attempt 1 started");
  assert.ok(lines.at(-1)?.message.startsWith("completed after "));
  for (const task of (await client.dataflow.getExecution(workflowId, executionId)).tasks) {
    assert.deepEqual(
      task.attempts.map((one) => [one.attempt, one.status, one.startedAt instanceof Date]),
      [[1, "COMPLETED", true]],
    );
    assert.deepEqual(task.config, {});
  }
  const listed = await collect(
    client.dataflow.listExecutions(workflowId, { status: "COMPLETED", limit: 1 }),
  );
  assert.deepEqual(
    listed.map((row) => row.executionId),
    [executionId, done.executionId],
  );
  const none = await client.dataflow.listExecutions(workflowId, {
    status: ["FAILED", "CANCELLED"],
  });
  assert.deepEqual([none.items, none.nextCursor, none.hasNextPage()], [[], null, false]);
  const stats = await client.dataflow.workflowStats(workflowId);
  assert.deepEqual([stats.total, stats.completed, stats.timedOut], [2, 2, 0]);
});

test("a failed execution is returned", async () => {
  const { workflowId } = await client.dataflow.createWorkflow({
    name: "f",
    steps: [{ type: "Fail", config: { message: "boom" } }],
  });
  const { status, error } = await client.dataflow.run(workflowId);
  assert.deepEqual([status, error?.stepId, error?.message], ["FAILED", "fail", "boom"]);
});

test("control", async () => {
  const { workflowId } = await client.dataflow.createWorkflow(SLOW);
  const { executionId } = await client.dataflow.execute(workflowId);
  assert.equal((await client.dataflow.pause(workflowId, executionId)).status, "PAUSED");
  assert.equal((await client.dataflow.resume(workflowId, executionId)).status, "RUNNING");
  const wait = client.dataflow.wait(workflowId, executionId, { timeout: 100 });
  assert.equal((await thrown(wait, stepwell.WaitTimeoutError)).executionId, executionId);
  await thrown(
    client.dataflow.run(workflowId, undefined, { timeout: 200 }),
    stepwell.WaitTimeoutError,
  );
  const signal = AbortSignal.timeout(100);
  const stopped: unknown = await client.dataflow
    .wait(workflowId, executionId, { signal })
    .catch((e: unknown) => e);
  assert.equal(stopped, signal.reason);
  const cancelled = await client.dataflow.cancel(workflowId, executionId, { reason: "enough" });
  assert.equal(cancelled.status, "CANCELLED");
  const ended = await thrown(
    client.dataflow.cancel(workflowId, executionId),
    stepwell.ConflictError,
  );
  assert.equal(ended.code, "EXECUTION_ENDED");
});

test("events", async () => {
  const { workflowId } = await client.dataflow.createWorkflow(GREET);
  const { executionId } = await client.dataflow.execute(workflowId, { text: "abc" });
  const events = await collect(client.dataflow.events(workflowId, executionId));
  const last = events.at(-1);
  assert.ok(last?.event === "status" && last.status === "COMPLETED");
  assert.deepEqual(last.output, { text: "CBA" });
  const settled = events.flatMap((event) => (event.event === "progress" ? [event.completed] : []));
  assert.deepEqual(settled, [1, 2]);
  const middle = events[Math.floor(events.length / 2)]?.sequence ?? 0;
  const later = await collect(client.dataflow.events(workflowId, executionId, { after: middle }));
  assert.deepEqual(
    later,
    events.filter((event) => event.sequence > middle),
  );
  assert.deepEqual(
    await collect(client.dataflow.events(workflowId, executionId, { after: last.sequence })),
    [],
  );
  for await (const event of client.dataflow.events(workflowId, executionId)) {
    assert.equal(event.executionId, executionId);
    break;
  }
  const none = collect(client.dataflow.events(workflowId, `ex-${"0".repeat(26)}`));
  await thrown(none, stepwell.NotFoundError);
});

test("idempotency and problems", async () => {
  const { workflowId } = await client.dataflow.createWorkflow(GREET);
  const options = { idempotencyKey: "ts-once" };
  const first = await client.dataflow.execute(workflowId, { text: "x" }, options);
  assert.deepEqual(await client.dataflow.execute(workflowId, { text: "x" }, options), first);
  const other = client.dataflow.execute(workflowId, { text: "y" }, options);
  assert.equal((await thrown(other, stepwell.BadRequestError)).code, "IDEMPOTENCY_KEY_REUSED");
  const steps = [{ type: "NoSuchStep" }] as unknown as stepwell.Step[];
  const bad = client.dataflow.createWorkflow({ name: "x", steps });
  const { code, details } = await thrown(bad, stepwell.BadRequestError);
  assert.deepEqual([code, details[0]?.path], ["INVALID_WORKFLOW", "steps[0].type"]);
});

test("secrets", async () => {
  const { workflowId } = await client.dataflow.createWorkflow({
    name: "secret",
    steps: [
      {
        type: "HttpRequest",
        config: { url: "http://127.0.0.1:9/", headers: { "X-Token": "{{ secrets.STRIPE_KEY }}" } },
      },
    ],
  });
  const without = await client.dataflow.run(workflowId);
  const passed = await client.dataflow.run(workflowId, undefined, {
    secrets: { STRIPE_KEY: "sk_test_1" },
  });
  assert.equal(without.error?.code, "SECRET_UNAVAILABLE");
  assert.ok(passed.error && passed.error.code !== "SECRET_UNAVAILABLE");
});

test("step types", async () => {
  const types = await client.dataflow.stepTypes();
  const reverse = types.find((type) => type.type === "TextOperation.Reverse");
  assert.equal(reverse?.effect, "pure");
  assert.ok(reverse && "inputSchema" in reverse);
});
