/** Variables, against the real server. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import * as stepwell from "stepwell";

import { collect } from "./checks.js";
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

test("variables", async () => {
  // Names that belong to users stay as they are, in either notation.
  const value = { us_west: 5, euNorth: { max_orders: 7 } };
  const made = await client.variables.create({ name: "LIMITS", value, description: "d" });
  assert.deepEqual([made.version, made.value, made.description], [1, value, "d"]);
  assert.deepEqual(await client.variables.get("LIMITS"), made);
  const input = { limit: "{{ vars.LIMITS.us_west }}" };
  const configuration: stepwell.Configuration = { steps: [{ type: "Echo", input }] };
  const workflow = await client.workflows.create({ name: "limits", configuration });
  await client.workflows.activate(workflow.id);
  const execution = await client.workflows.execute(workflow.id);
  assert.deepEqual(execution.result, { limit: 5 });
  const shown = await client.executions.get(execution.id, { includeIo: true });
  assert.deepEqual(shown.vars, { LIMITS: value });
  const vars = { LIMITS: { us_west: 1 } };
  const run = await client.workflows.dryRun(workflow.id, {}, { vars });
  assert.deepEqual(run.output, { limit: 1 });
  const changed = await client.variables.update("LIMITS", { value: null }, { ifVersion: 1 });
  assert.deepEqual([changed.version, changed.value, changed.description], [2, null, "d"]);
  await assert.rejects(
    client.variables.update("LIMITS", { value: 1 }, { ifVersion: 1 }),
    stepwell.PreconditionFailedError,
  );
  const named = await collect(client.variables.list({ name: "LIMITS", sortBy: "name" }));
  assert.equal(named.length, 1);
  assert.ok((await client.variables.delete("LIMITS", { ifVersion: 2 })).deleted);
  await assert.rejects(client.variables.get("LIMITS"), stepwell.NotFoundError);
});
