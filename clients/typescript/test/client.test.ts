/** Options, pages, responses, hooks and secrets of the client, against a stub server. */

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { inspect } from "node:util";

import * as stepwell from "stepwell";

import { closest } from "../src/core/arguments.js";
import { collect, thrown } from "./checks.js";
import {
  BUSY,
  EXECUTION,
  inOrder,
  OK,
  QUICK,
  startClient,
  WORKFLOW,
  type ReceivedRequest,
  type Stub,
  type StubResponse,
} from "./servers.js";

/** A list of `total` items; with cursors it has no page numbers, as if requested with a cursor. */
function listOf(total: number, withCursors: boolean): (request: ReceivedRequest) => StubResponse {
  return ({ path }) => {
    const query = new URL(path, "http://localhost").searchParams;
    const pageSize = Number(query.get("page_size") ?? 10);
    const cursor = query.get("cursor");
    const page = Number(query.get("page") ?? 1);
    const start = cursor === null ? (page - 1) * pageSize : Number(cursor);
    const end = Math.min(total, start + pageSize);
    const ids = Array.from({ length: end - start }, (_, n) => start + n);
    const pagination = {
      page: cursor === null ? page : null,
      page_size: pageSize,
      total_items: total,
      total_pages: Math.ceil(total / pageSize),
      ...(withCursors ? { next_cursor: end < total ? String(end) : null } : {}),
    };
    const items = ids.map((n) => ({ id: String(n) }));
    return { json: { status: "success", data: { items, pagination } } };
  };
}

/** The queries of the requests, without the paths. */
const queries = (stub: Stub): string[] => stub.requests.map(({ path }) => path.split("?")[1] ?? "");

test("pages with numbers", async (t) => {
  const { stub, client } = await startClient(t, listOf(25, false));
  const first = await client.webhooks.list({ pageSize: 10 });
  assert.ok(first instanceof stepwell.Page);
  assert.deepEqual(
    [first.items.length, first.page, first.pageSize, first.totalItems, first.totalPages],
    [10, 1, 10, 25, 3],
  );
  assert.deepEqual([first.hasNextPage(), first.hasPreviousPage()], [true, false]);
  assert.throws(() => first.previousPage(), { name: "StepwellError", code: "NO_SUCH_PAGE" });
  const last = await (await first.nextPage()).nextPage();
  assert.deepEqual([last.items.length, last.page, last.hasNextPage()], [5, 3, false]);
  assert.throws(() => last.nextPage(), { code: "NO_SUCH_PAGE" });
  assert.equal((await last.previousPage()).page, 2);
  assert.equal(
    (await (await client.webhooks.list({ page: 3, pageSize: 5 })).previousPage()).page,
    2,
  );
  assert.deepEqual(queries(stub), [
    "page_size=10",
    "page_size=10&page=2",
    "page_size=10&page=3",
    "page_size=10&page=2",
    "page_size=5&page=3",
    "page_size=5&page=2",
  ]);
});

test("pages with cursors", async (t) => {
  const { client } = await startClient(t, listOf(25, true));
  const first = await client.workflows.list({ pageSize: 10 });
  const second = await first.nextPage();
  assert.deepEqual([second.page, second.items[0]?.id, second.nextCursor], [null, "10", "20"]);
  assert.deepEqual((await second.previousPage()).items, first.items);
  const unknown = await client.workflows.list({ cursor: "10" });
  assert.equal(unknown.hasPreviousPage(), false);
  const last = await second.nextPage();
  assert.deepEqual([last.items.length, last.nextCursor, last.hasNextPage()], [5, null, false]);
});

test("iterating over a list", async (t) => {
  for (const withCursors of [false, true]) {
    const { stub, client } = await startClient(t, listOf(250, withCursors));
    const all = (await collect(client.workflows.list())).map(({ id }) => Number(id));
    assert.deepEqual(
      all,
      Array.from({ length: 250 }, (_, n) => n),
    );
    assert.equal(stub.requests.length, 3);
    assert.equal(queries(stub)[0], "page_size=100");
    const pages = await collect(client.workflows.list({ pageSize: 50 }).iterPages());
    assert.deepEqual(
      pages.map(({ items }) => items.length),
      [50, 50, 50, 50, 50],
    );
    const rest = await collect(await client.workflows.list({ pageSize: 100, page: 2 }));
    assert.equal(rest.length, 150);
    for await (const { id } of client.workflows.list({ pageSize: 1 })) {
      assert.equal(id, "0");
      break;
    }
  }
});

test("unknown options are refused", async (t) => {
  const { stub, client } = await startClient(t, () => OK);
  const id = WORKFLOW;
  const any = (value: object): any => value;
  const cases: [() => PromiseLike<unknown>, string][] = [
    [() => client.executions.list(any({ statsu: "failed" })), "`statsu`; did you mean `status`?"],
    [() => client.executions.list(any({ page_size: 1 })), "`page_size`; did you mean `pageSize`?"],
    [() => client.executions.list(any({ workflowId: id })), "did you mean `workflow`?"],
    [() => client.executions.list(any({ limit: 5 })), "did you mean `pageSize`?"],
    [() => client.executions.list(any({ colour: 1 })), "the options are `timeout`, `signal`"],
    [
      () => client.executions.list(any({ maxRetries: 1 })),
      "use client.withOptions({ maxRetries: … })",
    ],
    [() => client.me(any({ timeuot: 1 })), "did you mean `timeout`?"],
    [() => client.me(any({ idempotencyKey: "k" })), "unknown option `idempotencyKey`"],
    [() => client.workflows.get(id, any({ timeOut: 1 })), "did you mean `timeout`?"],
    [() => client.workflows.create(any({ name: "n", config: {} })), "`config`"],
    [() => client.workflows.update(id, any({ nmae: "n" })), "did you mean `name`?"],
    [() => client.workflows.activate(id, any({ if_version: 1 })), "did you mean `ifVersion`?"],
    [() => client.workflows.execute(id, {}, any({ timeoutSeconds: 1 })), "`timeoutSeconds`"],
    [
      () => client.workflows.start(id, {}, any({ callbackURL: "u" })),
      "did you mean `callbackUrl`?",
    ],
    [() => client.executions.wait(EXECUTION, any({ timeot: 1 })), "did you mean `timeout`?"],
    [() => client.executions.events(EXECUTION, any({ from: 1 })).next(), "`from`"],
    [() => client.executions.rerun(EXECUTION, any({ from: "s" })), "did you mean `fromFailed`?"],
    [() => client.schedules.create(id, any({ cron: "@daily" })), "did you mean `cronExpression`?"],
    [() => client.schedules.pauseMany(any({ workflowID: "w" })), "did you mean"],
    [() => client.keys.create(any({ name: "n", scope: [] })), "did you mean `scopes`?"],
    [
      () => client.keys.create({ name: "n", rateLimits: any({ perSecond: 1 }) }),
      "`rateLimits.perSecond`",
    ],
    [() => client.webhooks.create(any({ url: "u", event: [] })), "did you mean `events`?"],
    [() => client.vellum.executeWorkflow(any({ input: [] })), "did you mean `inputs`?"],
    [() => client.dataflow.listWorkflows(any({ pageSize: 1 })), "did you mean `limit`?"],
    [() => client.dataflow.run("w", {}, any({ webhookURL: 1 })), "did you mean `webhookUrl`?"],
    [() => client.workflows.get(id, 5 as any), "options must be an object, not number"],
    [() => client.webhooks.verify("", {}, "whsec_x", any({ tolerence: 1 })), "`tolerance`"],
  ];
  for (const [call, message] of cases) {
    const error = await thrown(call(), TypeError);
    assert.ok(error.message.includes(message), error.message);
  }
  assert.equal(stub.requests.length, 0);
  const constructions: [object, string][] = [
    [{ api_key: "k" }, "unknown option `api_key`; did you mean `apiKey`?"],
    [{ retryPolicy: { maxRetries: 1 } }, "unknown option `retryPolicy.maxRetries`"],
    [{ maxRetries: -1 }, "maxRetries must be a whole number"],
    [{ timeout: "1s" }, "timeout must be a number"],
  ];
  for (const [options, message] of constructions) {
    assert.throws(
      () => new stepwell.Client(options),
      (error) => error instanceof TypeError && error.message.includes(message),
    );
  }
  assert.throws(() => client.withOptions(any({ apiKey: "k" })), /unknown option `apiKey`/);
});

test("suggestions", () => {
  const known = ["workflow", "status", "startDate", "pageSize"];
  const cases: [string, string | undefined][] = [
    ["statsu", "status"],
    ["start_date", "startDate"],
    ["startdate", "startDate"],
    ["workflows", "workflow"],
    ["x", undefined],
    ["somethingElse", undefined],
  ];
  for (const [name, expected] of cases) assert.equal(closest(name, known), expected, name);
});

test("a missing version is not ignored", async (t) => {
  const { stub, client } = await startClient(t, () => OK);
  const [row] = [{} as { version?: number }];
  const update = client.workflows.update(WORKFLOW, {}, { ifVersion: row?.version });
  assert.match((await thrown(update, TypeError)).message, /ifVersion must be the `version`/);
  assert.equal(stub.requests.length, 0);
});

test("withOptions", async (t) => {
  const { stub, client } = await startClient(t, () => BUSY);
  const other = client.withOptions({ maxRetries: 1, headers: { "X-Team": "a", Accept: null } });
  const third = other.withOptions({ headers: { "X-More": "b" } });
  await thrown(third.me(), stepwell.UnavailableError);
  assert.equal(stub.requests.length, 2);
  const { headers } = stub.requests[0] ?? {};
  assert.deepEqual(
    [headers?.["x-team"], headers?.["x-more"], headers?.["x-api-key"]],
    ["a", "b", "k"],
  );
  assert.notEqual(headers?.["accept"], "application/json");
  await thrown(client.me(), stepwell.UnavailableError);
  assert.equal(stub.requests.length, 6);
  assert.equal(stub.requests[5]?.headers["x-team"], undefined);
});

const LIMITS = {
  "X-Rate-Limit-Limit": "600",
  "X-Rate-Limit-Remaining": "599",
  "X-Rate-Limit-Reset": "1796024211",
};
const RATE_LIMIT = { limit: 600, remaining: 599, reset: new Date(1_796_024_211_000) };

test("responses", async (t) => {
  const headers = { ...LIMITS, "X-Request-Id": "r-1" };
  const json = { status: "success", data: { role: "admin" } };
  const { stub, client } = await startClient(t, () => ({ headers, json }));
  const call = client.me();
  assert.ok(call instanceof Promise && call instanceof stepwell.APIPromise);
  const { data, response, requestId, rateLimit } = await call.withResponse();
  assert.deepEqual([data.role, response.status, requestId], ["admin", 200, "r-1"]);
  assert.deepEqual(rateLimit, RATE_LIMIT);
  assert.deepEqual(await response.json(), json);
  const raw = await call.asResponse();
  assert.deepEqual([raw.headers.get("x-request-id"), await raw.json()], ["r-1", json]);
  assert.equal(stub.requests.length, 1);

  const unlimited = { ...LIMITS, "X-Rate-Limit-Limit": "2147483647" };
  const other = await startClient(t, () => ({ headers: unlimited, chunks: ["<html>"] }));
  const page = await other.client.me().asResponse();
  assert.equal(await page.text(), "<html>", "a body that cannot be decoded");
  const limited = await startClient(t, () => ({ status: 429, headers: LIMITS }));
  const error = await thrown(limited.client.me(), stepwell.RateLimitError);
  assert.deepEqual([error.rateLimit, error.headers.get("x-rate-limit-limit")], [RATE_LIMIT, "600"]);
  await thrown(limited.client.me().asResponse(), stepwell.RateLimitError);
  await thrown(limited.client.me().withResponse(), stepwell.RateLimitError);
  const empty = await startClient(t, () => ({ status: 204 }));
  assert.equal((await empty.client.keys.revoke("k").asResponse()).status, 204);
});

test("hooks and the logger", async (t) => {
  const { stub } = await startClient(t, inOrder(BUSY, { json: { data: {} }, headers: LIMITS }));
  const requests: stepwell.RequestInfo[] = [];
  const responses: stepwell.ResponseInfo[] = [];
  const lines: string[] = [];
  const client = new stepwell.Client({
    apiKey: "sk_live_a",
    baseUrl: stub.url,
    retryPolicy: QUICK,
    logger: {
      debug: (line) => lines.push(`debug ${line}`),
      info: (line) => lines.push(`info ${line}`),
    },
    onRequest: (request) => {
      requests.push(request);
      request.headers.set("X-Trace", `t-${request.attempt}`);
    },
    onResponse: (response) => responses.push(response),
  });
  await client.workflows.start(WORKFLOW, { secret: "in the body" });
  const path = `/api/v1/workflows/${WORKFLOW}/execute_async`;
  assert.deepEqual(
    requests.map((request) => [request.method, request.path, request.attempt]),
    [
      ["POST", path, 1],
      ["POST", path, 2],
    ],
  );
  assert.equal(requests[0]?.idempotencyKey, stub.requests[0]?.headers["idempotency-key"]);
  assert.deepEqual(
    stub.requests.map(({ headers }) => headers["x-trace"]),
    ["t-1", "t-2"],
  );
  const [first, second] = responses;
  assert.ok(first && second);
  assert.deepEqual([first.status, first.error?.name], [503, "UnavailableError"]);
  assert.ok(first.retryDelay !== undefined && first.retryDelay <= QUICK.maxDelay);
  assert.deepEqual(
    [second.status, second.error, second.retryDelay, second.rateLimit],
    [200, undefined, undefined, RATE_LIMIT],
  );
  assert.ok(second.duration > 0 && second.request === requests[1]);
  const masked = lines.map((line) => line.replace(/\d+ ms/g, "0 ms"));
  assert.deepEqual(masked, [
    `debug workflows.start: POST ${path}, attempt 1: status 503, 0 ms`,
    "info workflows.start: retry 1 in 0 ms: later",
    `debug workflows.start: POST ${path}, attempt 2: status 200, 0 ms`,
  ]);
  const shown = inspect([requests, responses, lines], { depth: 9, showHidden: true });
  assert.ok(!shown.includes("sk_live_a") && !shown.includes("in the body"));

  const failing = new stepwell.Client({
    baseUrl: stub.url,
    onResponse: () => {
      throw new RangeError("hook");
    },
  });
  await thrown(failing.me(), RangeError);
});

test("secrets are not shown", async (t) => {
  const data = { id: "apk_1", secret: "sk_live_a" };
  const { stub, client } = await startClient(t, () => ({ json: { status: "success", data } }));
  const key = await client.keys.create({ name: "n" });
  const { secret } = key;
  const texts = [
    inspect(key, { depth: 9, showHidden: true }),
    JSON.stringify(key),
    `${secret}`,
    secret + "",
    inspect(structuredClone({ ...secret })),
    Object.values(secret).join(),
  ];
  for (const text of texts) assert.ok(!text.includes("sk_live"), text);
  assert.equal(secret.reveal(), "sk_live_a");
  const other = new stepwell.Client({ apiKey: secret, baseUrl: stub.url });
  await other.webhooks.create({ url: "u", events: ["*"], secret: new stepwell.Secret("whsec_x") });
  const last = stub.requests.at(-1);
  assert.equal(last?.headers["x-api-key"], "sk_live_a");
  assert.equal((JSON.parse(last.body) as { secret: string }).secret, "whsec_x");
  await other.workflows.start(WORKFLOW, {}, { secrets: { A_B: new stepwell.Secret("s3") } });
  assert.equal(stub.requests.at(-1)?.headers["x-secret-a-b"], "s3");
  for (const shown of [
    inspect(other, { depth: 9, showHidden: true }),
    JSON.stringify(other),
    `${other}`,
  ]) {
    assert.ok(!shown.includes("sk_live") && shown.includes(stub.url), shown);
  }
  const hidden = inspect(other.workflows, { depth: 9, showHidden: true });
  assert.ok(!hidden.includes("sk_live"), hidden);
});

/** An execution whose status is the next of these, and a stream that ends at once. */
function waiting(t: TestContext, statuses: string[], stream: StubResponse) {
  return startClient(t, ({ path }) => {
    if (path.endsWith("/events")) return stream;
    const status = statuses.length > 1 ? statuses.shift() : statuses[0];
    return { json: { data: { execution_id: EXECUTION, status } } };
  });
}

test("wait uses the stream of events", async (t) => {
  const { stub, client } = await waiting(t, ["running", "running", "completed"], {
    chunks: [": heartbeat\n\n"],
  });
  assert.equal((await client.executions.wait(EXECUTION)).status, "completed");
  const paths = stub.requests.map(({ path }) => path.split("/").pop());
  assert.deepEqual(paths, [EXECUTION, "events", EXECUTION, "events", EXECUTION]);
  assert.equal(stub.requests[1]?.headers["last-event-id"], "9007199254740991");

  const broken = await waiting(t, ["queued", "failed"], { chunks: [":"], cut: true });
  assert.equal((await broken.client.executions.wait(EXECUTION)).status, "failed");

  const endless = await waiting(t, ["running"], { chunks: [":"], hang: true });
  const late = endless.client.executions.wait(EXECUTION, { timeout: 50 });
  const { executionId, timeout } = await thrown(late, stepwell.WaitTimeoutError);
  assert.deepEqual([executionId, timeout], [EXECUTION, 50]);
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  const aborted = endless.client.executions.wait(EXECUTION, { signal });
  assert.equal(await aborted.catch((error: unknown) => error), reason);
});

test("execute waits for a long execution", async (t) => {
  const { stub, client } = await waiting(t, ["running", "running", "completed"], { chunks: [":"] });
  assert.equal((await client.workflows.execute(WORKFLOW)).status, "completed");
  assert.deepEqual(
    stub.requests.map(({ method }) => method),
    ["POST", "GET", "GET", "GET"],
  );
});
