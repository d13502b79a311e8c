/** Workflows and executions of the management API, against the real server. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import * as stepwell from "stepwell";

import { collect, thrown } from "./checks.js";
import { inOrder, startServer, startStub, type Server } from "./servers.js";

const STEPS = [
  { id: "shout", type: "TextOperation.Uppercase", input: "{{ inputs.text }}" },
  { id: "turn", type: "TextOperation.Reverse" },
];
const GREET = { inputs: { text: "string" }, steps: STEPS };
const SLOW = { steps: [{ type: "Delay", config: { for: "1h" } }] };
const FAILING = { steps: [{ id: "stop", type: "Fail", config: { message: "boom" } }] };

let server: Server;
let client: stepwell.Client;

before(async () => {
  server = await startServer();
  client = new stepwell.Client({ apiKey: server.key, baseUrl: server.url });
});

after(async () => {
  await server.stop();
});

async function active(configuration: Record<string, unknown>): Promise<string> {
  const { id } = await client.workflows.create({ name: "greet", configuration });
  await client.workflows.activate(id);
  return id;
}

test("workflows", async () => {
  const created = await client.workflows.create({
    name: "Greeting",
    type: "onboarding",
    description: "Upper case",
    configuration: { definition: GREET, my_own: { snake_name: 1 } },
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
  const { definition, inputSchema } = await client.workflows.definition(created.id);
  assert.deepEqual(definition["steps"], STEPS);
  assert.ok(inputSchema);

  const asleep = client.workflows.execute(created.id, { text: "a" });
  assert.equal((await thrown(asleep, stepwell.ConflictError)).code, "WORKFLOW_INACTIVE");
  const activated = await client.workflows.activate(created.id);
  assert.deepEqual([activated.status, typeof activated.activatedAt], ["active", "string"]);
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

  const wrong = client.workflows.create({ name: "w", configuration: { steps: [{}] } });
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
    sortOrder: "asc" as const,
  };
  const first = await client.workflows.list(filters);
  assert.deepEqual(
    first.items.map((row) => row.id),
    ids.slice(0, 2),
  );
  const { page, totalItems, totalPages, nextCursor } = first.pagination;
  assert.deepEqual([page, totalItems, totalPages], [1, 5, 3]);
  const second = await client.workflows.list({ ...filters, page: 2 });
  const same = await client.workflows.list({ ...filters, cursor: nextCursor ?? "" });
  assert.deepEqual([same.items, same.pagination.page], [second.items, null]);
  const all = await collect(client.workflows.iter({ metadata: { my_batch: "lists" } }));
  assert.deepEqual(
    all.map((row) => row.id),
    [...ids].reverse(),
  );
  // A label can have the name of a parameter.
  assert.deepEqual((await client.workflows.list({ metadata: { status: "x" } })).items, []);
  await thrown(client.workflows.list({ sortBy: "colour" }), stepwell.BadRequestError);
});

test("executing", async () => {
  const id = await active(GREET);
  const done = await client.workflows.execute(id, { text: "abc" }, { timeoutSeconds: 20 });
  assert.deepEqual([done.status, done.result], ["completed", { text: "CBA" }]);
  const started = await client.workflows.executeAsync(
    id,
    { text: "x" },
    { metadata: { my_id: "u-1" } },
  );
  const ended = await client.executions.wait(started.executionId, { timeout: 20_000 });
  assert.equal(stepwell.throwIfFailed(ended), ended);
  assert.deepEqual(
    ended.steps.map((step) => [step.name, step.status, step.output]),
    [
      ["shout", "completed", undefined],
      ["turn", "completed", undefined],
    ],
  );
  const shown = await client.executions.get(started.executionId, { includeIo: true });
  assert.deepEqual(shown.steps[0]?.output, { text: "X" });
  const rows = await collect(client.executions.iter({ workflowId: id }));
  assert.deepEqual(
    rows.map((row) => row.executionId),
    [started.executionId, done.executionId],
  );
  const page = await client.executions.list({
    workflowId: id,
    status: ["completed", "failed"],
    startDate: new Date(Date.now() - 86_400_000),
    metadata: { my_id: "u-1" },
  });
  assert.deepEqual([page.pagination.totalItems, page.items[0]?.metadata], [1, { my_id: "u-1" }]);
  assert.equal((await client.workflows.get(id)).stats.runsSuccess, 2);

  const failed = await thrown(
    client.workflows.execute(await active(FAILING)),
    stepwell.ExecutionNotCompletedError,
  );
  assert.deepEqual(
    [failed.status, failed.code, failed.step, failed.failure?.code],
    [500, "WORKFLOW_EXECUTION_ERROR", "stop", "USER_DEFINED_ERROR"],
  );
  const execution = await client.executions.get(failed.executionId ?? "");
  assert.deepEqual(execution.error, failed.failure);
  assert.throws(() => stepwell.throwIfFailed(execution), { name: "ExecutionFailedError" });
  const late = client.workflows.execute(await active(SLOW), {}, { timeoutSeconds: 0.1 });
  const { status, executionId } = await thrown(late, stepwell.ExecutionNotCompletedError);
  assert.equal(status, 504);
  assert.equal((await client.executions.get(executionId ?? "")).status, "timed_out");
});

test("control and reruns", async () => {
  const slow = await active(SLOW);
  const { executionId } = await client.workflows.executeAsync(slow);
  assert.equal((await client.executions.pause(executionId)).status, "paused");
  assert.equal((await client.executions.resume(executionId)).status, "running");
  await thrown(client.executions.wait(executionId, { timeout: 50 }), stepwell.WaitTimeoutError);
  assert.equal((await client.executions.cancel(executionId, { reason: "x" })).status, "cancelled");
  await thrown(client.executions.cancel(executionId), stepwell.ConflictError);
  await client.workflows.executeAsync(slow);
  const { cancelledExecutions } = await client.workflows.delete(slow, { cancelRunning: true });
  assert.equal(cancelledExecutions, 1);

  const first = await client.workflows.execute(await active(GREET), { text: "abc" });
  const whole = await client.executions.rerun(first.executionId, { parameters: { text: "xy" } });
  assert.equal(whole.rerunOf, first.executionId);
  assert.deepEqual((await client.executions.wait(whole.executionId)).result, { text: "YX" });
  const again = { fromStep: "turn", input: { text: "12" } };
  const part = await client.executions.rerun(first.executionId, again);
  const ended = await client.executions.wait(part.executionId);
  assert.deepEqual(
    [ended.result, ended.steps.map((s) => s.reused)],
    [{ text: "21" }, [true, false]],
  );
  const all = client.executions.rerun(first.executionId, { fromFailed: true });
  assert.equal((await thrown(all, stepwell.ConflictError)).code, "INVALID_STATE");
});

test("events and logs", async () => {
  const id = await active(GREET);
  const { executionId } = await client.workflows.executeAsync(id, { text: "abc" });
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
  const { items, pagination } = await client.executions.logs(executionId);
  assert.deepEqual(
    items.map((line) => line.message.startsWith("completed after ")),
    [true, true],
  );
  assert.equal(pagination.totalItems, 2);
  assert.deepEqual(await collect(client.executions.iterLogs(executionId)), items);
});

test("step types", async () => {
  const found = await collect(client.workflows.iterStepTypes());
  const names = found.map(({ type }) => type);
  assert.deepEqual(
    names,
    (await client.stepTypes()).map(({ type }) => type),
  );
  const { items } = await client.workflows.listStepTypes({ category: "Text", pageSize: 100 });
  assert.deepEqual(
    items,
    found.filter(({ category }) => category === "Text"),
  );
  const reverse = await client.workflows.getStepType("TextOperation.Reverse");
  assert.ok(items.some(({ type }) => type === reverse.type));
  const { effect, defaultInput, isSource } = reverse;
  assert.deepEqual([effect, defaultInput, isSource], ["pure", "text", false]);
  // Schemas and examples keep their names.
  const http = await client.workflows.getStepType("HttpRequest");
  assert.match(JSON.stringify(http.configurationSchema), /"\w+_\w+":/);
  await thrown(client.workflows.getStepType("No/Such"), stepwell.NotFoundError);
});

test("execute polls a long execution", async () => {
  const data = { execution_id: "exec_1", workflow_id: "wf_1", status: "running", steps: [] };
  const response = (status: string) => ({ json: { status: "success", data: { ...data, status } } });
  const stub = await startStub(
    inOrder(response("running"), response("running"), response("completed")),
  );
  const patient = new stepwell.Client({ baseUrl: stub.url });
  assert.equal((await patient.workflows.execute("wf_1")).status, "completed");
  assert.deepEqual(
    stub.requests.map((request) => request.method),
    ["POST", "GET", "GET"],
  );
  await stub.stop();
});

test("what is repeated", async () => {
  const stub = await startStub(() => ({ status: 503, json: { message: "later", errors: [] } }));
  const retries = { maxRetries: 3, baseDelay: 1, maxDelay: 2 };
  const again = new stepwell.Client({ baseUrl: stub.url, retries });
  const calls: [() => Promise<unknown>, number][] = [
    [() => again.workflows.get("w"), 4],
    [() => again.workflows.create({ name: "w" }), 4],
    [() => again.workflows.execute("w"), 4],
    [() => again.executions.cancel("e"), 4],
    [() => collect(again.executions.iter()), 4],
    [() => again.workflows.update("w", {}), 1],
    [() => again.workspaces.update("w", {}), 1],
    [() => again.workflows.delete("w"), 1],
  ];
  for (const [call, times] of calls) {
    const before = stub.requests.length;
    await thrown(call(), stepwell.UnavailableError);
    assert.equal(stub.requests.length - before, times);
  }
  await stub.stop();
});
