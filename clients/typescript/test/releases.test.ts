/** Releases, release tags and feedback on outputs, against the real server. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import * as stepwell from "stepwell";

import { collect, thrown } from "./checks.js";
import { startServer, type Server } from "./servers.js";

let server: Server;
let client: stepwell.Client;

before(async () => {
  server = await startServer();
  client = new stepwell.Client({ apiKey: server.key, baseUrl: server.url });
});

after(async () => {
  await server.stop();
});

const echoWorkflow = (text: string): stepwell.Definition => ({
  name: "ts-releases",
  metadata: { snake_label: "x" },
  steps: [{ type: "Echo", input: text }],
  outputs: { echo: "{{ steps.echo.output }}" },
});

test("releases and tags", async () => {
  const { workflowId } = await client.dataflow.createWorkflow(echoWorkflow("one"));
  const options = { releaseTags: ["beta"], idempotencyKey: "ts-release" };
  const second = await client.releases.create(workflowId, echoWorkflow("two"), options);
  assert.deepEqual([second.number, second.definition], [2, echoWorkflow("two")]);
  assert.deepEqual(await client.releases.create(workflowId, echoWorkflow("two"), options), second);
  const first = await client.releases.list(workflowId, { pageSize: 1 });
  const { nextCursor, totalItems } = first;
  assert.deepEqual([first.items[0]?.number, first.items.length, totalItems], [2, 1, 2]);
  assert.ok(nextCursor);
  const rest = await client.releases.list(workflowId, { pageSize: 1, cursor: nextCursor });
  assert.deepEqual([rest.items[0]?.number, rest.nextCursor], [1, null]);
  const numbers = async (sortOrder: "asc" | "desc"): Promise<number[]> =>
    (await collect(client.releases.list(workflowId, { sortOrder }))).map(({ number }) => number);
  assert.deepEqual(
    [await numbers("desc"), await numbers("asc")],
    [
      [2, 1],
      [1, 2],
    ],
  );

  const tag = await client.releaseTags.set(workflowId, "stable", 1);
  assert.deepEqual([tag.name, tag.traffic], ["stable", [{ release: 1, weight: 1 }]]);
  assert.deepEqual(await client.releaseTags.get(workflowId, "stable"), tag);
  const tags = await client.releaseTags.list(workflowId, { page: 2, pageSize: 2 });
  assert.deepEqual([tags.items, tags.totalItems], [[tag], 3]);
  const names = (await collect(client.releaseTags.list(workflowId))).map(({ name }) => name);
  assert.deepEqual(names, ["LATEST", "beta", "stable"]);
  const runOutput = async (releaseTag?: string, externalId?: string): Promise<unknown> => {
    const { data } = await client.vellum.executeWorkflow({
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
  const shared = await client.releaseTags.set(workflowId, "stable", { 1: 50, 2: 50 });
  assert.deepEqual(shared.traffic, [
    { release: 1, weight: 50 },
    { release: 2, weight: 50 },
  ]);
  const outputs = new Set<unknown>();
  for (let n = 0; n < 40; n += 1) outputs.add(await runOutput("stable", `ts-${n}`));
  assert.deepEqual([...outputs].sort(), ["one", "two"]);

  const wrong = await thrown(
    client.releaseTags.set(workflowId, "stable", 7),
    stepwell.BadRequestError,
  );
  assert.match(JSON.stringify([wrong.message, wrong.details]), /7/);
  await thrown(client.releaseTags.set(workflowId, "stable", {}), stepwell.BadRequestError);
  await thrown(
    client.releases.create(workflowId, { name: "n", steps: [] }),
    stepwell.BadRequestError,
  );
  await thrown(client.releaseTags.get(workflowId, "no-such-tag"), stepwell.NotFoundError);
  await thrown(client.releases.list(`wf-${"0".repeat(26)}`), stepwell.NotFoundError);
  await thrown(client.workflows.quality(`wf-${"0".repeat(26)}`), stepwell.NotFoundError);
});

test("actuals are listed and totalled", async () => {
  const { workflowId } = await client.dataflow.createWorkflow({
    ...echoWorkflow("one"),
    name: "ts-quality",
    outputs: { echo: { snake_key: 1 } },
  });
  const workflowDeploymentName = "ts-quality";
  const { executionId } = await client.vellum.executeWorkflow({
    workflowDeploymentName,
    inputs: [],
  });
  assert.deepEqual((await client.executions.listActuals(executionId)).items, []);
  await client.vellum.submitWorkflowExecutionActuals({
    executionId,
    actuals: [
      { outputKey: "echo", quality: 0.5, desiredOutputValue: { snake_key: 1 } },
      { outputName: "echo", value: "other", metadata: { by_whom: "u" } },
    ],
  });
  const actuals = await collect(client.executions.listActuals(executionId));
  const last = await client.executions.listActuals(executionId, { sortOrder: "desc", pageSize: 1 });
  assert.deepEqual(last.items, actuals.slice(-1));
  assert.equal(last.totalItems, actuals.length);
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
  const { releases, tags, ...total } = await client.workflows.quality(workflowId);
  assert.deepEqual([total, releases], [sum, [{ release: 1, ...sum }]]);
  assert.ok(Array.isArray(tags));
  const unknown = "00000000-0000-7000-8000-000000000000";
  await thrown(client.executions.listActuals(unknown), stepwell.NotFoundError);
});
