/** Retries, timeouts, errors and broken streams, against a stub server. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { inspect } from "node:util";

import {
  APIError,
  BadRequestError,
  Client,
  ConflictError,
  ConnectionFailedError,
  NotFoundError,
  RateLimitError,
  RequestTimeoutError,
  ServerError,
  UnexpectedResponseError,
} from "stepwell";

import {
  DATAFLOW_USER_DATA,
  decodeFields,
  encodeFields,
  VELLUM_USER_DATA,
} from "../src/core/field-names.js";
import { LineSplitter } from "../src/core/lines.js";
import { DEFAULT_POLICY, retryDelay } from "../src/core/retry.js";
import { collect, thrown } from "./checks.js";
import {
  inOrder,
  type StubResponse,
  BUSY,
  EXECUTION,
  OK,
  QUICK,
  startClient,
  WORKFLOW,
} from "./servers.js";

test("POSTs are retried with the same key", async (t) => {
  const { stub, client } = await startClient(t, inOrder(BUSY, { status: 429 }, OK, OK));
  assert.deepEqual(await client.dataflow.execute("wf-1", { snake_key: 1 }), {
    executionId: "ex-1",
  });
  const keys = stub.requests.map((request) => request.headers["idempotency-key"]);
  assert.equal(keys.length, 3);
  assert.equal(new Set(keys).size, 1);
  assert.match(String(keys[0]), /^[0-9a-f]{32}$/);
  assert.equal(stub.requests[0]?.body, '{"input":{"snake_key":1}}');
  assert.equal(stub.requests[0]?.headers["x-api-key"], "k");
  await client.dataflow.execute("wf-1");
  assert.notEqual(stub.requests[3]?.headers["idempotency-key"], keys[0]);
});

test("which requests are retried", async (t) => {
  const definition = { name: "n", steps: [] };
  const failed = (code: string) => ({ status: "error", message: "m", errors: [{ code }] });
  const cases: [number, (c: Client) => PromiseLike<unknown>, number, unknown?][] = [
    ...[408, 500, 502, 503, 504].flatMap((status): typeof cases => [
      [status, (c) => c.workflows.get(WORKFLOW), 4],
      [status, (c) => c.dataflow.execute("w"), 4],
      [status, (c) => c.workflows.update(WORKFLOW, {}), 1],
      [status, (c) => c.keys.update("k", {}), 1],
      [status, (c) => c.workflows.delete(WORKFLOW), 1],
    ]),
    [503, (c) => c.vellum.executeWorkflow({ inputs: [], workflowDeploymentName: "w" }), 4],
    [503, (c) => collect(c.executions.events(EXECUTION)), 4],
    [503, (c) => collect(c.executions.list()), 4],
    [503, (c) => c.releaseTags.set(WORKFLOW, "t", 1), 4],
    [503, (c) => c.releases.create(WORKFLOW, definition), 4],
    [503, (c) => c.dataflow.updateWorkflow("w", definition), 1],
    // The server rejected these before it did anything.
    [429, (c) => c.executions.pause(EXECUTION), 4],
    [429, (c) => c.workflows.update(WORKFLOW, {}), 4],
    [429, (c) => c.workflows.delete(WORKFLOW), 4],
    [429, (c) => c.keys.update("k", { name: "n" }), 4],
    [409, (c) => c.dataflow.execute("w"), 1],
    [400, (c) => c.workflows.get(WORKFLOW), 1],
    // An execution that failed or timed out is a result.
    [500, (c) => c.workflows.start(WORKFLOW), 1, failed("WORKFLOW_EXECUTION_ERROR")],
    [504, (c) => c.workflows.start(WORKFLOW), 1, failed("EXECUTION_TIMEOUT")],
    [504, (c) => c.workflows.start(WORKFLOW), 4, failed("TIMEOUT")],
  ];
  for (const [status, call, requests, json] of cases) {
    const { stub, client } = await startClient(t, () => ({ status, json }));
    const error = await thrown(call(client), APIError);
    assert.equal(error.status, status);
    assert.equal(stub.requests.length, requests, `${status} ${call}`);
  }
});

test("lost connections are retried", async (t) => {
  const { stub, client } = await startClient(t, inOrder({ cut: true }, OK));
  assert.deepEqual(await client.dataflow.execute("w"), { executionId: "ex-1" });
  assert.equal(stub.requests.length, 2);
  const noServer = new Client({ baseUrl: "http://127.0.0.1:9", retryPolicy: QUICK });
  await assert.rejects(noServer.me(), ConnectionFailedError);
});

test("a request in progress is retried", async (t) => {
  // 409 with `Retry-After`: another node still handles the request with this key.
  const busy: StubResponse = {
    status: 409,
    headers: { "Retry-After": "0" },
    json: { error: { code: "IDEMPOTENCY_IN_PROGRESS", message: "in progress" } },
  };
  const { stub, client } = await startClient(t, inOrder(busy, OK, busy));
  assert.deepEqual(await client.dataflow.execute("w"), { executionId: "ex-1" });
  await assert.rejects(client.workflows.update(WORKFLOW, {}), ConflictError);
  assert.equal(stub.requests.length, 3);
});

test("a secret that no header can contain is not shown", async () => {
  const client = new Client({ apiKey: "k", baseUrl: "http://127.0.0.1:9", maxRetries: 0 });
  for (const value of ["sk_live_a\n", "sk_live_a\r\nb", "sk_live_\u043a", "sk_live_a\0"]) {
    for (const secrets of [{ TOKEN: value }, { [value]: "TOKEN" }]) {
      const calls = [
        client.dataflow.execute("w", undefined, { secrets }),
        client.dataflow.run("w", undefined, { secrets }),
        client.workflows.execute(WORKFLOW, undefined, { secrets }),
        client.workflows.start(WORKFLOW, undefined, { secrets }),
        client.executions.rerun(EXECUTION, { secrets }),
      ];
      for (const call of calls) {
        const error = await thrown(call, TypeError);
        assert.match(error.message, /secret/);
        assert.ok(!inspect(error).includes("sk_live"));
      }
    }
  }
  const invalidKey = client.dataflow.execute("w", undefined, { idempotencyKey: "a\nb" });
  assert.match((await thrown(invalidKey, TypeError)).message, /idempotencyKey/);
});

test("a secret in a malformed response is not shown", async (t) => {
  const { client } = await startClient(t, () => ({ chunks: ['{"data":{"secret":sk_live_a}}'] }));
  const error = await thrown(client.keys.create({ name: "n" }), UnexpectedResponseError);
  assert.ok(!inspect(error).includes("sk_live"), inspect(error));
});

test("timeouts of executing a deployment", async (t) => {
  const { stub } = await startClient(t, () => ({ hang: true }));
  const { vellum } = new Client({ apiKey: "k", baseUrl: stub.url, timeout: 50, maxRetries: 0 });
  const request = { workflowDeploymentName: "w", inputs: [] };
  await thrown(vellum.executeWorkflowAsync(request), RequestTimeoutError);
  const options = { timeout: 50 };
  await thrown(vellum.executeWorkflow(request, options), RequestTimeoutError);
  await thrown(vellum.executeWorkflowStream(request, options).next(), RequestTimeoutError);
  // It waits longer by default than the client's timeout.
  const signal = AbortSignal.timeout(200);
  const waiting = vellum.executeWorkflow(request, { signal, timeout: undefined });
  assert.equal(await waiting.catch((error: unknown) => error), signal.reason);
});

test("Retry-After", async (t) => {
  const header = { "Retry-After": "1" };
  const { client } = await startClient(t, inOrder({ status: 503, headers: header }, OK));
  const started = Date.now();
  await client.dataflow.execute("w");
  assert.ok(Date.now() - started >= 990);
  const far = await startClient(t, () => ({ status: 429, headers: { "Retry-After": "3600" } }));
  const { retryAfter } = await thrown(far.client.dataflow.execute("w"), RateLimitError);
  assert.equal(retryAfter, 3_600_000);
  assert.equal(far.stub.requests.length, 1);
});

test("delays", () => {
  const policy = { ...DEFAULT_POLICY, baseDelay: 1000, maxDelay: 3000 };
  const soon = new Date(Date.now() + 20_000).toUTCString();
  const cases: [number, string | undefined, [number, number] | undefined][] = [
    [1, undefined, [750, 1000]],
    [2, undefined, [1500, 2000]],
    [3, undefined, [2250, 3000]],
    [1, "0", [0, 0]],
    [1, "7.5", [7500, 7500]],
    [1, "61", undefined],
    [1, "nonsense", [750, 1000]],
    [1, "-3", [0, 0]],
    [1, soon, [10_000, 21_000]],
    [1, "Thu, 01 Jan 1970 00:00:00 GMT", [0, 0]],
  ];
  for (const [attempts, header, expected] of cases) {
    const found = retryDelay(
      policy,
      attempts,
      new Headers(header ? { "retry-after": header } : {}),
    );
    if (!expected) assert.equal(found, undefined, `${attempts} ${header}`);
    else
      assert.ok(found !== undefined && found >= expected[0] && found <= expected[1], `${header}`);
  }
});

test("timeouts and signals", async (t) => {
  const { stub, client } = await startClient(t, () => ({ chunks: ['{"a":'], hang: true }));
  await assert.rejects(client.me({ timeout: 50 }), RequestTimeoutError);
  assert.equal(stub.requests.length, 4, "timeouts of a GET are retried");
  const once = client.withOptions({ maxRetries: 0, timeout: 50 });
  await assert.rejects(once.me(), RequestTimeoutError);
  assert.equal(stub.requests.length, 5);
  const reason = new Error("enough");
  await assert.rejects(client.me({ signal: AbortSignal.abort(reason) }), (e) => e === reason);
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 50);
  await assert.rejects(client.me({ signal: controller.signal }), (e) => e === reason);
  for (const timeout of [0, -1, Number.NaN, "5" as unknown as number]) {
    await assert.rejects(client.me({ timeout }), /timeout must be a number of milliseconds/);
  }
});

test("a timeout longer than a timer does not fire at once", async (t) => {
  const { client } = await startClient(t, inOrder(OK));
  const accepted = await client.dataflow.execute("w", undefined, { timeout: 2 ** 31 });
  assert.equal(accepted.executionId, "ex-1");
});

test("error bodies of all APIs", async (t) => {
  const detail = { path: "a.b", message: "must", expected: "x", found: "y" };
  const cases: [unknown, string, unknown[]][] = [
    [{ error: { code: "A", message: "no", details: [detail], request_id: "r" } }, "A", [detail]],
    [
      {
        status: "error",
        message: "no",
        errors: [{ code: "B", detail: "must", field: "f" }],
        request_id: "r",
      },
      "B",
      [{ path: "f", message: "must" }],
    ],
    [{ detail: "no", code: "C", request_id: "r" }, "C", []],
  ];
  for (const [json, code, details] of cases) {
    const { client } = await startClient(t, () => ({ status: 400, json }));
    await assert.rejects(client.me(), (error) => {
      assert.ok(error instanceof BadRequestError);
      assert.deepEqual([error.code, error.message, error.requestId], [code, "no", "r"]);
      assert.deepEqual(error.details, details);
      return true;
    });
  }
  const proxy = await startClient(t, () => ({ status: 502, chunks: ["<html>"] }));
  await assert.rejects(
    proxy.client.me(),
    (e) => e instanceof ServerError && e.message === "<html>",
  );
  for (const chunks of [["<html>"], [], ["[]"], ['{"other":1}']]) {
    const unexpected = await startClient(t, () => ({ chunks }));
    await assert.rejects(unexpected.client.me(), UnexpectedResponseError, String(chunks));
  }
});

test("paths are escaped", async (t) => {
  const { stub, client } = await startClient(t, () => ({ status: 404 }));
  await assert.rejects(client.dataflow.getExecution("a/b", "../c?d"));
  assert.equal(stub.requests[0]?.path, "/workflows/a%2Fb/executions/..%2Fc%3Fd");
});

test("addresses and keys", async (t) => {
  const { stub } = await startClient(t, () => ({ status: 404 }));
  const apiKey = " sk_live_a\n"; // Read from a file, with a line end.
  for (const ending of ["", "/", "/api/v1", "/api/v1/"]) {
    const client = new Client({ apiKey, baseUrl: stub.url + ending });
    await assert.rejects(client.me(), NotFoundError);
  }
  assert.ok(stub.requests.every(({ path }) => path === "/api/v1/auth/me"));
  const { headers } = stub.requests[0] ?? {};
  const { version } = createRequire(import.meta.url)("stepwell/package.json") as {
    version: string;
  };
  assert.deepEqual(
    [headers?.["x-api-key"], headers?.["user-agent"]],
    ["sk_live_a", `stepwell-typescript/${version}`],
  );
  for (const baseUrl of ["localhost:8080", "ftp://example.com", "http://", "127.0.0.1:80"]) {
    assert.throws(() => new Client({ baseUrl }), /TypeError: baseUrl must be a URL such as/);
  }
  for (const key of ["sk_live_a\r\nb", "sk_live_ключ", "sk_live_a b"]) {
    assert.throws(
      () => new Client({ apiKey: key }),
      (error) => error instanceof TypeError && !error.message.includes("sk_live"),
    );
  }
});

test("the key does not follow a redirect", async (t) => {
  const other = await startClient(t, () => ({ json: {} }));
  const headers = { Location: other.stub.url };
  const { client } = await startClient(t, () => ({ status: 307, headers }));
  await assert.rejects(client.me(), ConnectionFailedError);
  assert.equal(other.stub.requests.length, 0);
});

test("names", () => {
  const response = {
    workflow_id: 1,
    output: { a_b: 1 },
    tasks: [{ step_id: "x_y", input: [{ c_d: 1 }] }],
    a_b_c: 1,
    _first: 2,
    created_at: "2026-01-31T09:00:00.123000Z",
    started_at: null,
  };
  assert.deepEqual(decodeFields(response, DATAFLOW_USER_DATA), {
    workflowId: 1,
    output: { a_b: 1 },
    tasks: [{ stepId: "x_y", input: [{ c_d: 1 }] }],
    aBC: 1,
    _first: 2,
    createdAt: new Date("2026-01-31T09:00:00.123Z"),
    startedAt: null,
  });
  const request = {
    workflowDeploymentName: "w",
    tag: undefined,
    metadata: { userId: 1 },
    inputs: [{ value: { aB: 1 } }],
  };
  assert.deepEqual(encodeFields(request, VELLUM_USER_DATA), {
    workflow_deployment_name: "w",
    metadata: { userId: 1 },
    inputs: [{ value: { aB: 1 } }],
  });
});

test("lines are independent of the chunks", () => {
  const text = "one\r\n\n✓ \u2028 🎉\nrest";
  const bytes = new TextEncoder().encode(text);
  for (let size = 1; size <= bytes.length; size += 1) {
    const lines = new LineSplitter();
    const found: string[] = [];
    for (let at = 0; at < bytes.length; at += size)
      found.push(...lines.feed(bytes.subarray(at, at + size)));
    assert.deepEqual([...found, lines.flush()], ["one", "", "✓ \u2028 🎉", "rest"], `${size}`);
  }
});
