/** Event streams and deployment streams that break, are left early or are large. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createContext, runInContext } from "node:vm";

import { Client, ConnectionFailedError, UnavailableError, UnexpectedResponseError } from "stepwell";

import { collect, thrown } from "./checks.js";
import { inOrder, type ReceivedRequest, type StubResponse, BUSY, startClient } from "./servers.js";

const IDS = [1, 2, 3, 3, 4];
const NAMES = ["status", "task", "task", "progress", "status"];
const DATA = [
  { status: "RUNNING" },
  { task: { step_id: "e", status: "RUNNING" } },
  { task: { step_id: "e", status: "COMPLETED" } },
  { completed: 1, total: 1 },
  { status: "COMPLETED" },
];

function sse(index: number): string {
  const head = { execution_id: "ex-1", sequence: IDS[index], timestamp: "2026-01-01T00:00:00Z" };
  const data = JSON.stringify({ ...head, ...DATA[index] });
  return `event: ${NAMES[index]}\nid: ${IDS[index]}\ndata: ${data}\n\n`;
}

/** Closes each connection after the number of events in `cuts`. */
function resuming(cuts: number[]): (request: ReceivedRequest) => StubResponse {
  const remaining = [...cuts];
  return ({ headers }) => {
    const after = Number(headers["last-event-id"] ?? 0);
    const rest = IDS.flatMap((id, index) => (id > after ? [index] : []));
    const cut = remaining.shift();
    if (cut === undefined) return { chunks: [": heartbeat\n\n", ...rest.map(sse)] };
    const half = cut < rest.length ? [sse(rest[cut] ?? 0).slice(0, 20)] : [];
    return { chunks: [...rest.slice(0, cut).map(sse), ...half], cut: true };
  };
}

test("events resume without loss", async (t) => {
  for (const cuts of [[], [1], [2], [3], [4], [5], [3, 1], [1, 2, 2], [0, 0], [3, 2]]) {
    const { client } = await startClient(t, resuming(cuts));
    const events = await collect(client.dataflow.events("w", "ex-1"));
    assert.deepEqual(
      events.map((event) => event.sequence),
      IDS,
      String(cuts),
    );
    assert.deepEqual(
      events.map((event) => event.event),
      NAMES,
      String(cuts),
    );
  }
});

test("event streams stop after the last retry", async (t) => {
  const { stub, client } = await startClient(t, resuming(Array<number>(50).fill(0)));
  await assert.rejects(collect(client.dataflow.events("w", "ex-1")), (error) => {
    assert.ok(error instanceof ConnectionFailedError);
    assert.equal(error.executionId, "ex-1");
    return true;
  });
  assert.equal(stub.requests.length, 4);
});

test("event streams are retried after 503", async (t) => {
  const { client } = await startClient(t, inOrder(BUSY, { chunks: [sse(4)] }));
  assert.equal((await collect(client.dataflow.events("w", "ex-1"))).length, 1);
  const gone = await startClient(t, () => BUSY);
  await assert.rejects(collect(gone.client.dataflow.events("w", "ex-1")), UnavailableError);
});

function line(state: string, more: object = {}): string {
  const data = { id: "w", ts: "2026-01-01T00:00:00Z", state, ...more };
  return `${JSON.stringify({ execution_id: "e-1", type: "WORKFLOW", data })}\n`;
}

test("deployment streams", async (t) => {
  const output = { name: "r", type: "JSON", state: "FULFILLED", node_id: "n", value: { a_b: "✓" } };
  const whole = `${line("INITIATED")}\n\r\n${line("STREAMING", { output })}${line("FULFILLED")}`;
  const bytes = new TextEncoder().encode(whole);
  const ways: (string | Uint8Array)[][] = [
    [whole],
    [whole.slice(0, -1)],
    ['{"type":"NEWER","execution_id":"e-1"}\n', whole],
    Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)),
  ];
  for (const chunks of ways) {
    const { stub, client } = await startClient(t, inOrder(BUSY, { chunks }));
    const request = { workflowDeploymentName: "w", inputs: { q: 1 }, releaseTag: "v1" };
    const events = await collect(client.vellum.executeWorkflowStream(request));
    assert.deepEqual(
      events.map((event) => event.data.state),
      ["INITIATED", "STREAMING", "FULFILLED"],
    );
    const piece = events[1]?.data.output;
    assert.ok(piece && "nodeId" in piece && piece.nodeId === "n");
    assert.deepEqual(piece.value, { a_b: "✓" });
    assert.deepEqual(JSON.parse(stub.requests[1]?.body ?? ""), {
      workflow_deployment_name: "w",
      inputs: [{ name: "q", value: 1 }],
      release_tag: "v1",
    });
  }
});

test("a broken deployment stream throws", async (t) => {
  for (const cut of [false, true]) {
    const { stub, client } = await startClient(t, () => ({ chunks: [line("INITIATED")], cut }));
    const stream = client.vellum.executeWorkflowStream({ inputs: [], workflowDeploymentName: "w" });
    assert.equal((await stream.next()).done, false);
    await assert.rejects(stream.next(), (error) => {
      assert.ok(error instanceof ConnectionFailedError);
      assert.equal(error.executionId, "e-1");
      return true;
    });
    assert.equal(stub.requests.length, 1);
  }
  const torn = await startClient(t, () => ({ chunks: ["data: {}\n"] }));
  const stream = torn.client.vellum.executeWorkflowStream({
    inputs: [],
    workflowDeploymentName: "w",
  });
  await assert.rejects(stream.next(), UnexpectedResponseError);
});

test("big streams", async (t) => {
  const piece = line("STREAMING", { new: "x".repeat(200) });
  const huge = line("STREAMING", { new: "y".repeat(8_000_000) });
  const body = `${line("INITIATED")}${piece.repeat(20_000)}${huge}${line("FULFILLED")}`;
  const { client } = await startClient(t, () => ({ chunks: [body] }));
  const request = { workflowDeploymentName: "w", inputs: [] };
  const states: Record<string, number> = {};
  for await (const { data } of client.vellum.executeWorkflowStream(request)) {
    states[data.state] = (states[data.state] ?? 0) + 1;
  }
  assert.deepEqual(states, { INITIATED: 1, STREAMING: 20_001, FULFILLED: 1 });
});

test("leaving a stream closes its connection", async (t) => {
  const ways: [string, (client: Client, signal?: AbortSignal) => AsyncGenerator<unknown>][] = [
    [
      line("INITIATED"),
      (client, signal) =>
        client.vellum.executeWorkflowStream(
          { workflowDeploymentName: "w", inputs: [] },
          signal ? { signal } : {},
        ),
    ],
    [sse(0), (client, signal) => client.dataflow.events("w", "ex-1", signal ? { signal } : {})],
  ];
  for (const [first, stream] of ways) {
    const { stub, client } = await startClient(t, () => ({ chunks: [first], hang: true }));
    const disconnected = async (count: number): Promise<void> => {
      for (let n = 0; n < 1000 && stub.disconnects < count; n += 1) await sleep(5);
      assert.equal(stub.disconnects, count);
    };
    for await (const _ of stream(client)) break;
    await disconnected(1);

    const returned = stream(client);
    await returned.next();
    await returned.return(undefined);
    await disconnected(2);

    const controller = new AbortController();
    const aborted = stream(client, controller.signal);
    await aborted.next();
    const pending = aborted.next();
    const reason = new Error("enough");
    controller.abort(reason);
    await assert.rejects(pending, (error) => error === reason);
    await disconnected(3);
    assert.equal(stub.requests.length, 3);
  }
});

test("a slow reader does not time out", async (t) => {
  const chunks = [line("INITIATED"), line("STREAMING"), line("FULFILLED")];
  const { client } = await startClient(t, () => ({ chunks }));
  const request = { workflowDeploymentName: "w", inputs: [] };
  const states: string[] = [];
  for await (const { data } of client.vellum.executeWorkflowStream(request, { timeout: 100 })) {
    states.push(data.state);
    await sleep(150);
  }
  assert.deepEqual(states, ["INITIATED", "STREAMING", "FULFILLED"]);
});

test("errors of event streams have the execution", async (t) => {
  const { client } = await startClient(t, () => ({ cut: true }));
  const error = await thrown(collect(client.dataflow.events("w", "ex-1")), ConnectionFailedError);
  assert.equal(error.executionId, "ex-1");
});

test("the client needs no API that browsers lack", async (t) => {
  const responses = inOrder({ chunks: [line("FULFILLED")] }, { chunks: ["<html>"] });
  const { stub } = await startClient(t, responses);
  // A realm with these globals only, without the `process`, `Buffer` or `require` of Node.
  const web = {
    fetch,
    Headers,
    Response,
    AbortController,
    TextDecoder,
    URL,
    URLSearchParams,
    crypto,
    setTimeout,
    clearTimeout,
    performance,
  };
  const realm = createContext({ ...web });
  const folder = dirname(createRequire(import.meta.url).resolve("stepwell"));
  const loaded = new Map<string, object>();
  const load = (path: string): object => {
    const known = loaded.get(path);
    if (known) return known;
    const exports = {};
    loaded.set(path, exports);
    const text = readFileSync(path, "utf8");
    const run = runInContext(`(function (exports, require) {${text}\n})`, realm) as (
      exports: object,
      require: (name: string) => object,
    ) => void;
    run(exports, (name) => {
      assert.match(name, /^\.{1,2}\/[\w/-]+\.js$/, "only its own modules");
      return load(join(dirname(path), name));
    });
    return exports;
  };
  const browser = load(join(folder, "index.js")) as { Client: typeof Client };
  const client = new browser.Client({ apiKey: "k", baseUrl: stub.url });
  const request = { workflowDeploymentName: "w", inputs: { q: 1 } };
  const events = await collect(client.vellum.executeWorkflowStream(request));
  assert.equal(events[0]?.data.state, "FULFILLED");
  await assert.rejects(client.me(), { name: "UnexpectedResponseError" });
});
