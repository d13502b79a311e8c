/**
 * Twenty tasks that users of the SDKs of OpenAI, Stripe and Temporal try first, written as they
 * would write them, against the real server.
 */

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { inspect } from "node:util";

import {
  BadRequestError,
  Client,
  ExecutionFailedError,
  NotFoundError,
  RequestTimeoutError,
  throwIfFailed,
  WaitTimeoutError,
  WebhookVerificationError,
} from "stepwell";

import { startServer, startStub, type Server } from "./servers.js";

let server: Server;
let client: Client;

before(async () => {
  server = await startServer();
  client = new Client({ apiKey: server.key, baseUrl: server.url });
  await client.workflows.create({
    name: "greet",
    configuration: {
      inputs: { name: "string" },
      steps: [
        { type: "Template", config: { template: "Hello, {{ inputs.name }}!" } },
        { id: "shout", type: "TextOperation.Uppercase" },
      ],
    },
  });
  await client.workflows.create({
    name: "sleep",
    configuration: { steps: [{ type: "Delay", config: { for: "1h" } }] },
  });
  await client.workflows.create({
    name: "broken",
    configuration: {
      steps: [{ id: "check", type: "Fail", config: { message: "no stock", code: "STOCK_EMPTY" } }],
    },
  });
  for (const name of ["greet", "sleep", "broken"]) await client.workflows.activate(name);
});

after(async () => {
  await server.stop();
});

test("1. execute a workflow and use its result", async () => {
  const execution = await client.workflows.execute("greet", { name: "Ada" });
  assert.equal(execution.status, "completed");
  assert.deepEqual(execution.result, { text: "HELLO, ADA!" });
});

test("2. a typed result", async () => {
  interface Greeting {
    text: string;
  }
  const { result } = await client.workflows.execute<Greeting>("greet", { name: "Grace" });
  assert.equal(result.text.length, 13);
});

test("3. run several at once", async () => {
  const names = ["a", "b", "c", "d"];
  const executions = await Promise.all(
    names.map((name) => client.workflows.execute("greet", { name })),
  );
  assert.deepEqual(
    executions.map((execution) => execution.result.text),
    ["HELLO, A!", "HELLO, B!", "HELLO, C!", "HELLO, D!"],
  );
});

test("4. iterate over a list", async () => {
  let count = 0;
  for await (const execution of client.executions.list({ workflow: "greet", pageSize: 2 })) {
    assert.equal(execution.workflowName, "greet");
    count += 1;
  }
  assert.equal(count, 6);
});

test("5. the next page", async () => {
  const page = await client.executions.list({
    workflow: "greet",
    status: "completed",
    pageSize: 4,
  });
  assert.deepEqual([page.items.length, page.totalItems], [4, 6]);
  assert.ok(page.hasNextPage());
  const next = await page.nextPage();
  assert.deepEqual([next.items.length, next.hasNextPage()], [2, false]);
});

test("6. a wrong option", async () => {
  // @ts-expect-error the option is misspelt; plain JavaScript gets the error below
  const call = client.executions.list({ stauts: "failed" });
  await assert.rejects(
    call,
    new TypeError("executions.list: unknown option `stauts`; did you mean `status`?"),
  );
});

test("7. a wrong definition", async () => {
  const error = await client.workflows
    .create({ name: "wrong", configuration: { steps: [{ type: "Delay", config: {} }] } })
    .catch((error: unknown) => error);
  assert.ok(error instanceof BadRequestError);
  assert.equal(error.code, "INVALID_WORKFLOW_CONFIG");
  assert.equal(error.details[0]?.path, "configuration.steps[0].config");
  assert.ok(error.requestId);
});

test("8. catch a failed run", async () => {
  try {
    await client.workflows.execute("broken");
    assert.fail("it did not fail");
  } catch (error) {
    if (!(error instanceof ExecutionFailedError)) throw error;
    assert.deepEqual([error.code, error.step, error.message], ["STOCK_EMPTY", "check", "no stock"]);
    assert.equal(error.execution.status, "failed");
  }
});

test("9. time out one call", async (t) => {
  const slow = await startStub(() => ({ hang: true }));
  t.after(() => slow.stop());
  const impatient = new Client({ apiKey: "k", baseUrl: slow.url, maxRetries: 0 });
  await assert.rejects(impatient.me({ timeout: 50 }), RequestTimeoutError);
  await assert.rejects(
    impatient.me({ signal: AbortSignal.timeout(50) }),
    (error: Error) => error.name === "TimeoutError",
  );
});

test("10. start, then wait for the end", async () => {
  const { id } = await client.workflows.start("sleep");
  const error = await client.executions.wait(id, { timeout: 100 }).catch((e: unknown) => e);
  assert.ok(error instanceof WaitTimeoutError && error.executionId === id);
  const waiting = client.executions.wait(id);
  await client.executions.cancel(id);
  const ended = await waiting;
  assert.equal(ended.status, "cancelled");
  assert.throws(() => throwIfFailed(ended), ExecutionFailedError);
});

test("11. stream events, and continue after a break", async () => {
  const { id } = await client.workflows.start("greet", { name: "Ada" });
  let last: string | undefined;
  const seen: string[] = [];
  for await (const event of client.executions.events(id)) {
    last = event.id;
    if (event.event === "step") seen.push(`${event.step.name} ${event.step.status}`);
    if (seen.length === 2) break; // The program stops here …
  }
  for await (const event of client.executions.events(id, { after: last })) {
    // … and continues here.
    if (event.event === "step") seen.push(`${event.step.name} ${event.step.status}`);
  }
  assert.deepEqual(seen, [
    "template running",
    "template completed",
    "shout running",
    "shout completed",
  ]);
});

test("12. retry after 502", async (t) => {
  const flaky = await startStub(({ headers }) => ({
    status: flaky.requests.length < 3 ? 502 : 202,
    json: { data: { execution_id: headers["idempotency-key"], status: "running" } },
  }));
  t.after(() => flaky.stop());
  const patient = new Client({ baseUrl: flaky.url, maxRetries: 5, retryPolicy: { baseDelay: 5 } });
  const started = await patient.workflows.start("wf_00000000000000000000000001", {});
  const keys = flaky.requests.map(({ headers }) => headers["idempotency-key"]);
  assert.deepEqual(keys, [started.id, started.id, started.id]);
});

test("13. send a request twice without a second effect", async () => {
  const options = { idempotencyKey: "order-17" };
  const first = await client.workflows.start("greet", { name: "Ada" }, options);
  const second = await client.workflows.start("greet", { name: "Ada" }, options);
  assert.equal(second.id, first.id);
});

test("14. print the client and a key", async () => {
  const key = await client.keys.create({ name: "ci", role: "developer" });
  const shown = [inspect(client), JSON.stringify(client), inspect(key), JSON.stringify(key)];
  for (const text of shown) assert.ok(!text.includes(key.secret.reveal()), text);
  const ci = new Client({ apiKey: key.secret, baseUrl: server.url });
  assert.equal((await ci.me()).keyName, "ci");
});

test("15. the raw response, its request id and its rate limit", async () => {
  const key = await client.keys.create({
    name: "limited",
    scopes: ["read:workflows"],
    rateLimits: { requestsPerMinute: 600 },
  });
  const limited = new Client({ apiKey: key.secret, baseUrl: server.url });
  const { data, response, requestId, rateLimit } = await limited.me().withResponse();
  assert.deepEqual([data.keyName, response.status, typeof requestId], ["limited", 200, "string"]);
  assert.deepEqual([rateLimit?.limit, rateLimit?.remaining], [600, 599]);
  const raw = await client.me().asResponse();
  assert.equal(((await raw.json()) as { status: string }).status, "success");
});

test("16. other options for some calls, hooks and a logger", async () => {
  const lines: string[] = [];
  const observed = new Client({
    apiKey: server.key,
    baseUrl: server.url,
    logger: { debug: (line) => lines.push(line), info: (line) => lines.push(line) },
    onRequest: ({ headers }) => headers.set("X-Request-Source", "tests"),
    onResponse: ({ request, status }) => lines.push(`${request.method} ${status}`),
  });
  await observed.withOptions({ timeout: 60_000, maxRetries: 0 }).me();
  assert.match(lines[0] ?? "", /^me: GET \/api\/v1\/auth\/me, attempt 1: status 200, \d+ ms$/);
  assert.equal(lines[1], "GET 200");
});

test("17. check the signature of a webhook", async () => {
  const { secret } = await client.webhooks.create({
    url: "https://example.com/hooks",
    events: ["execution.completed"],
  });
  assert.ok(secret);
  // What the server sends:
  const timestamp = new Date().toISOString();
  const data = { execution_id: "exec_1", status: "completed" };
  const body = JSON.stringify({ id: "evt_1", type: "execution.completed", timestamp, data });
  const key = Buffer.from(secret.reveal().replace("whsec_", ""), "base64");
  const sent = String(Math.floor(Date.now() / 1000));
  const signature = createHmac("sha256", key).update(`evt_1.${sent}.${body}`).digest("base64");
  const headers = {
    "webhook-id": "evt_1",
    "webhook-timestamp": sent,
    "webhook-signature": `v1,${signature}`,
  };
  const event = await client.webhooks.verify(body, headers, secret);
  assert.deepEqual([event.type, event.data.id], ["execution.completed", "exec_1"]);
  await assert.rejects(
    client.webhooks.verify(`${body} `, headers, secret),
    WebhookVerificationError,
  );
});

test("18. rerun from a step", async () => {
  const first = await client.workflows.execute("greet", { name: "Ada" });
  const rerun = await client.executions.rerun(first.id, {
    fromStep: "shout",
    input: { text: "again" },
  });
  const ended = await client.executions.wait(rerun.id);
  assert.deepEqual(ended.result, { text: "AGAIN" });
  assert.deepEqual(
    ended.steps.map((step) => step.reused),
    [true, false],
  );
});

test("18a. sub-workflow", async () => {
  const caller = await client.workflows.create({
    name: "caller",
    configuration: {
      steps: [{ id: "call", type: "SubWorkflow", workflow: "greet", input: { name: "Ada" } }],
    },
  });
  await client.workflows.activate(caller.id);
  const { id } = await client.workflows.execute("caller");
  const execution = await client.executions.get(id);
  const { items } = await client.executions.list({ parentExecutionId: id });
  assert.equal(items.length, 1);
  assert.equal(items[0]?.id, execution.steps[0]?.childExecutionId);
  assert.equal(items[0]?.parentExecutionId, id);
  const child = await client.executions.get(items[0]?.id ?? "");
  assert.equal(child.parentStep, "call");
  const rows = await client.dataflow.listExecutions(child.workflowId, { parentExecutionId: id });
  assert.equal(rows.items.length, 1);
  const whole = await client.dataflow.getExecution(child.workflowId, child.id);
  assert.equal(whole.parentStepId, "call");
  assert.equal(whole.parentExecutionId, rows.items[0]?.parentExecutionId);
});

test("19. preview and create a schedule", async () => {
  const berlin = { timezone: "Europe/Berlin", count: 2 };
  const { nextExecutions } = await client.schedules.preview("0 9 * * 1", berlin);
  assert.equal(nextExecutions.length, 2);
  assert.ok(nextExecutions[0] && nextExecutions[0].time > new Date());
  const schedule = await client.schedules.create("greet", {
    name: "Mondays",
    scheduleType: "cron",
    cronExpression: "0 9 * * 1",
    timezone: "Europe/Berlin",
    parameters: { name: "Monday" },
  });
  assert.deepEqual(schedule.nextExecution, nextExecutions[0].time);
  const { id } = await client.schedules.trigger(schedule.id);
  assert.deepEqual((await client.executions.wait(id)).result, { text: "HELLO, MONDAY!" });
});

test("20. release tags and templates", async () => {
  const release = await client.releases.create("greet", {
    name: "greet",
    inputs: { name: "string" },
    steps: [{ type: "Template", config: { template: "Bye, {{ inputs.name }}!" } }],
  });
  const tag = await client.releaseTags.set("greet", "stable", { 1: 90, [release.number]: 10 });
  assert.deepEqual(tag.traffic, [
    { release: 1, weight: 90 },
    { release: 2, weight: 10 },
  ]);
  await client.releaseTags.set("greet", "stable", 1);
  assert.equal((await client.releaseTags.get("greet", "stable")).traffic.length, 1);

  await client.templates.create({ name: "receipt", body: "Total: {{ total }} €" });
  assert.equal((await client.templates.preview("receipt", { total: 7 })).rendered, "Total: 7 €");
  await client.templates.delete("receipt");
  await assert.rejects(client.templates.get("receipt"), NotFoundError);
});
