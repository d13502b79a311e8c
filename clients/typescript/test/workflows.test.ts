/** Workflows and executions, against the real server. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import * as stepwell from "stepwell";

import { collect, thrown } from "./checks.js";
import { inOrder, startServer, startStub, type Server } from "./servers.js";

const STEPS: stepwell.Step[] = [
  { id: "shout", type: "TextOperation.Uppercase", input: "{{ inputs.text }}" },
  { id: "turn", type: "TextOperation.Reverse" },
];
const GREET: stepwell.Configuration = { inputs: { text: "string" }, steps: STEPS };
const SLOW: stepwell.Configuration = { steps: [{ type: "Delay", config: { for: "1h" } }] };
const FAILING: stepwell.Configuration = {
  steps: [{ id: "stop", type: "Fail", config: { message: "boom" } }],
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

async function active(configuration: stepwell.Configuration): Promise<string> {
  const { id } = await client.workflows.create({ name: "greet", configuration });
  await client.workflows.activate(id);
  return id;
}

test("workflows", async () => {
  const created = await client.workflows.create({
    name: "Greeting",
    type: "onboarding",
    description: "Upper case",
    configuration: {
      definition: { inputs: { text: "string" }, steps: STEPS },
      my_own: { snake_name: 1 },
    },
    integrations: [{ id: "int_zendesk" }],
    metadata: { my_label: "x" },
  });
  assert.match(created.id, /^wf_/);
  assert.deepEqual([created.status, created.type, created.release], ["inactive", "onboarding", 1]);
  assert.deepEqual(created.configuration["my_own"], { snake_name: 1 });
  assert.deepEqual(created.metadata, { my_label: "x" });
  assert.deepEqual(created.integrations, [
    { id: "int_zendesk", required: false, status: "pending" },
  ]);
  assert.deepEqual([created.stats.runsTotal, created.activatedAt], [0, null]);
  assert.deepEqual(await client.workflows.get(created.id), created);
  const { definition, inputSchema } = await client.workflows.getDefinition(created.id);
  assert.deepEqual(definition.steps, STEPS);
  assert.ok(inputSchema);

  const asleep = client.workflows.execute(created.id, { text: "a" });
  assert.equal((await thrown(asleep, stepwell.ConflictError)).code, "WORKFLOW_INACTIVE");
  const activated = await client.workflows.activate(created.id);
  assert.deepEqual([activated.status, activated.activatedAt instanceof Date], ["active", true]);
  const changed = await client.workflows.update(created.id, { metadata: { my_label: "y" } });
  assert.deepEqual([changed.metadata, changed.name], [{ my_label: "y" }, "Greeting"]);
  const late = client.workflows.update(created.id, { name: "l" }, { ifVersion: created.version });
  const stale = await thrown(late, stepwell.PreconditionFailedError);
  assert.deepEqual([stale.status, stale.code], [412, "PRECONDITION_FAILED"]);
  const { version } = changed;
  const now = await client.workflows.update(created.id, { name: "n" }, { ifVersion: version });
  assert.equal(now.name, "n");
  assert.equal((await client.workflows.deactivate(created.id)).status, "inactive");
  const kept = client.workflows.delete(created.id, { ifVersion: created.version });
  await thrown(kept, stepwell.PreconditionFailedError);
  assert.equal((await client.workflows.delete(created.id)).deleted, true);
  await thrown(client.workflows.get(created.id), stepwell.NotFoundError);

  const wrong = client.workflows.create({
    name: "w",
    configuration: { steps: [{} as stepwell.Step] },
  });
  const { code, details } = await thrown(wrong, stepwell.BadRequestError);
  assert.equal(code, "INVALID_WORKFLOW_CONFIG");
  assert.equal(details[0]?.path, "configuration.steps[0].type");
});

test("lists", async () => {
  const ids: string[] = [];
  for (let n = 0; n < 5; n += 1) {
    const metadata = { my_batch: "lists", n: String(n) };
    const created = { name: `l-${n}`, configuration: { steps: STEPS.slice(1) }, metadata };
    ids.push((await client.workflows.create(created)).id);
  }
  const filters = {
    metadata: { my_batch: "lists" },
    pageSize: 2,
    sortBy: "name",
    sortOrder: "asc",
  } as const;
  const first = await client.workflows.list(filters);
  assert.deepEqual(
    first.items.map((row) => row.id),
    ids.slice(0, 2),
  );
  const { page, totalItems, totalPages, nextCursor } = first;
  assert.deepEqual([page, totalItems, totalPages], [1, 5, 3]);
  const second = await client.workflows.list({ ...filters, page: 2 });
  const same = await client.workflows.list({ ...filters, cursor: nextCursor ?? "" });
  assert.deepEqual([same.items, same.page], [second.items, null]);
  const all = await collect(client.workflows.list({ metadata: { my_batch: "lists" } }));
  assert.deepEqual(
    all.map((row) => row.id),
    [...ids].reverse(),
  );
  // A label can have the name of a parameter.
  assert.deepEqual((await client.workflows.list({ metadata: { status: "x" } })).items, []);
  await thrown(client.workflows.list({ sortBy: "colour" as "name" }), stepwell.BadRequestError);
});

test("workflows by name", async () => {
  const { id } = await client.workflows.create({ name: "By name / 1", configuration: GREET });
  assert.equal((await client.workflows.activate("By name / 1")).id, id);
  const done = await client.workflows.execute("By name / 1", { text: "ab" });
  assert.equal(done.workflowId, id);
  const page = await client.executions.list({ workflow: "By name / 1" });
  assert.deepEqual(
    page.items.map((row) => row.id),
    [done.id],
  );
  for (const form of [id, id.replace("_", "-"), id.toUpperCase().replace("WF", "wf")]) {
    assert.equal((await client.workflows.get(form)).id, id);
  }
  const missing = await thrown(client.workflows.get("No such workflow"), stepwell.NotFoundError);
  assert.match(missing.message, /No such workflow/);
  const empty = await thrown(client.workflows.get(""), TypeError);
  assert.match(
    empty.message,
    /workflows.get: an id or a name must be a string, not an empty string/,
  );
});

test("executing", async () => {
  const id = await active(GREET);
  const done = await client.workflows.execute<{ text: string }>(id, { text: "abc" });
  assert.deepEqual([done.status, done.result.text, done.ended], ["completed", "CBA", true]);
  const metadata = { my_id: "u-1" };
  const started = await client.workflows.start(id, { text: "x" }, { metadata });
  const ended = await client.executions.wait(started.id, { timeout: 20_000 });
  assert.equal(stepwell.throwIfFailed(ended), ended);
  assert.deepEqual(
    ended.steps.map((step) => [step.name, step.status, step.output]),
    [
      ["shout", "completed", undefined],
      ["turn", "completed", undefined],
    ],
  );
  const shown = await client.executions.get(started.id, { includeIo: true });
  assert.deepEqual(shown.steps[0]?.output, { text: "X" });
  const rows = await collect(client.executions.list({ workflow: id }));
  assert.deepEqual(
    rows.map((row) => row.id),
    [started.id, done.id],
  );
  const page = await client.executions.list({
    workflow: id,
    status: ["completed", "failed"],
    startDate: new Date(Date.now() - 86_400_000),
    metadata,
  });
  assert.deepEqual([page.totalItems, page.items[0]?.metadata], [1, metadata]);
  assert.equal((await client.workflows.get(id)).stats.runsSuccess, 2);
});

test("executions that do not complete", async () => {
  const failing = await active(FAILING);
  for (const options of [{}, { timeout: 20_000 }]) {
    const call = client.workflows.execute(failing, {}, options);
    const failed = await thrown(call, stepwell.ExecutionFailedError);
    assert.deepEqual(
      [failed.code, failed.step, failed.failure?.code, failed.execution.status],
      ["USER_DEFINED_ERROR", "stop", "USER_DEFINED_ERROR", "failed"],
    );
    const execution = await client.executions.get(failed.executionId);
    assert.deepEqual(failed.execution, execution);
    assert.throws(() => stepwell.throwIfFailed(execution), stepwell.ExecutionFailedError);
  }
  const slow = await active(SLOW);
  const late = client.workflows.execute(slow, {}, { executionTimeout: 100 });
  const stopped = await thrown(late, stepwell.ExecutionFailedError);
  assert.equal(stopped.execution.status, "timed_out");
  const patience = client.workflows.execute(slow, {}, { timeout: 150 });
  const { executionId, timeout } = await thrown(patience, stepwell.WaitTimeoutError);
  assert.equal(timeout, 150);
  assert.equal((await client.executions.get(executionId)).status, "running");

  // Without the scope for reading executions, the error has what the response shows.
  const key = await client.keys.create({ name: "executor", scopes: ["execute:workflows"] });
  const executor = new stepwell.Client({ apiKey: key.secret, baseUrl: server.url });
  const failed = await thrown(executor.workflows.execute(failing), stepwell.ExecutionFailedError);
  assert.match(failed.executionId, /^exec_/);
  assert.deepEqual([failed.step, failed.execution.status], ["stop", "failed"]);
});

test("control and reruns", async () => {
  const slow = await active(SLOW);
  const { id: executionId } = await client.workflows.start(slow);
  assert.deepEqual(await client.executions.pause(executionId), {
    id: executionId,
    status: "paused",
  });
  assert.equal((await client.executions.resume(executionId)).status, "running");
  await thrown(client.executions.wait(executionId, { timeout: 50 }), stepwell.WaitTimeoutError);
  const waiting = client.executions.wait(executionId);
  assert.equal((await client.executions.cancel(executionId, { reason: "x" })).status, "cancelled");
  assert.equal((await waiting).status, "cancelled");
  await thrown(client.executions.cancel(executionId), stepwell.ConflictError);
  await client.workflows.start(slow);
  const { cancelledExecutions } = await client.workflows.delete(slow, { cancelRunning: true });
  assert.equal(cancelledExecutions, 1);

  const first = await client.workflows.execute(await active(GREET), { text: "abc" });
  const whole = await client.executions.rerun(first.id, { parameters: { text: "xy" } });
  assert.equal(whole.rerunOf, first.id);
  assert.deepEqual((await client.executions.wait(whole.id)).result, { text: "YX" });
  const again = { fromStep: "turn", input: { text: "12" } };
  const part = await client.executions.rerun(first.id, again);
  const ended = await client.executions.wait(part.id);
  assert.deepEqual(
    [ended.result, ended.steps.map((s) => s.reused)],
    [{ text: "21" }, [true, false]],
  );
  const all = client.executions.rerun(first.id, { fromFailed: true });
  assert.equal((await thrown(all, stepwell.ConflictError)).code, "INVALID_STATE");
});

test("events and logs", async () => {
  const id = await active(GREET);
  const { id: executionId } = await client.workflows.start(id, { text: "abc" });
  const events = await collect(client.executions.events(executionId));
  const last = events.at(-1);
  assert.ok(last?.event === "status" && last.status === "completed");
  assert.deepEqual(last.result, { text: "CBA" });
  const steps = events.flatMap((event) => (event.event === "step" ? [event] : []));
  assert.deepEqual([steps.at(-1)?.settledSteps, steps.at(-1)?.totalSteps], [2, 2]);
  const middle = events[Math.floor(events.length / 2)]?.sequence ?? 0;
  assert.deepEqual(
    await collect(client.executions.events(executionId, { after: middle })),
    events.filter((event) => event.sequence > middle),
  );
  const { sequence } = last;
  assert.deepEqual(await collect(client.executions.events(executionId, { after: sequence })), []);
  const { items, totalItems } = await client.executions.logs(executionId);
  assert.deepEqual(
    items.map((line) => line.message.startsWith("completed after ")),
    [false, true, false, true],
  );
  assert.equal(items[0]?.message, "attempt 1 started");
  assert.equal(totalItems, 4);
  assert.deepEqual(await collect(client.executions.logs(executionId)), items);
});

test("step types", async () => {
  const found = await collect(client.stepTypes.list());
  const { items } = await client.stepTypes.list({ category: "Text", pageSize: 100 });
  assert.deepEqual(
    items,
    found.filter(({ category }) => category === "Text"),
  );
  const reverse = await client.stepTypes.get("TextOperation.Reverse");
  assert.ok(items.some(({ type }) => type === reverse.type));
  const { effect, defaultInput, isSource } = reverse;
  assert.deepEqual([effect, defaultInput, isSource], ["pure", "text", false]);
  // Schemas and examples keep their names.
  const http = await client.stepTypes.get("HttpRequest");
  assert.match(JSON.stringify(http.configurationSchema), /"\w+_\w+":/);
  await thrown(client.stepTypes.get("No/Such"), stepwell.NotFoundError);
  assert.equal((await client.stepTypes.definitionSchema())["type"], "object");
});

test("keys", async () => {
  const expiresAt = new Date(Math.ceil(Date.now() / 1000 + 86_400) * 1000);
  const created = await client.keys.create({
    name: "reader",
    scopes: ["read:workflows"],
    expiresAt,
  });
  assert.deepEqual(created.expiresAt, expiresAt);
  const reader = new stepwell.Client({ apiKey: created.secret, baseUrl: server.url });
  assert.deepEqual((await reader.me()).scopes, ["read:workflows"]);
  const refused = await thrown(
    reader.workflows.create({ name: "n", configuration: GREET }),
    stepwell.PermissionDeniedError,
  );
  assert.match(refused.message, /write:workflows/);
  await thrown(reader.keys.list(), stepwell.PermissionDeniedError);
  const page = await client.keys.list({ sortBy: "name", sortOrder: "asc", pageSize: 100 });
  assert.ok(page.items.some((key) => key.id === created.id));
  assert.equal(page.totalItems, page.items.length);
  await client.keys.revoke(created.id);
  assert.equal((await thrown(reader.me(), stepwell.AuthenticationError)).code, "REVOKED_TOKEN");
  assert.match((await client.webhooks.signingSecret()).reveal(), /^whsec_/);
});
