/** Bulk operations, against the real server. */

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

test("bulk operations", async () => {
  const workflow = await client.workflows.create({
    name: "bulk",
    configuration: { steps: [{ type: "Delay", config: { for: "1h" } }] },
  });
  await client.workflows.activate("bulk");
  const metadata = { team_name: "sales" };
  for (let count = 0; count < 2; count += 1) {
    await client.workflows.start("bulk", {}, { metadata });
  }
  const preview = await client.operations.preview({ action: "cancel", workflow: "bulk", metadata });
  assert.deepEqual([preview.progress.matched, preview.filter.metadata], [2, metadata]);
  assert.ok(preview.filter.endDate instanceof Date);
  const started = await client.operations.create({
    action: "cancel",
    workflow: "bulk",
    status: "running",
    startDate: new Date(0),
    reason: "enough",
  });
  const ended = await client.operations.wait(started.id, { timeout: 30_000 });
  assert.deepEqual([ended.status, ended.progress.done, ended.failures], ["completed", 2, []]);
  assert.equal(ended.filter.workflowId, workflow.id);
  assert.deepEqual(await client.operations.get(started.id), ended);
  const listed = await collect(client.operations.list({ workflow: "bulk", action: "cancel" }));
  assert.deepEqual(
    listed.map(({ id }) => id),
    [started.id],
  );
  await thrown(client.operations.cancel(started.id), stepwell.ConflictError);
  const empty = client.operations.create({ action: "purge" });
  assert.match((await thrown(empty, stepwell.BadRequestError)).message, /at least one condition/);
});
