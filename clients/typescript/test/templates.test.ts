/** Templates, against the real server. */

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

test("templates", async () => {
  // Names that belong to users stay as they are, in either notation.
  const sample = { order_id: 7, customerName: "Ada" };
  const body = { order_id: "{{ order_id }}", customerName: "{{ customerName }}" };
  const metadata = { team_name: "sales" };
  const made = await client.templates.create({ name: "receipt", body, sample, metadata });
  assert.deepEqual([made.version, made.sample, made.body], [1, sample, body]);
  assert.deepEqual(await client.templates.get(made.id), made);
  assert.deepEqual(await client.templates.get("receipt"), made);
  const unknown = await thrown(client.templates.get("No such"), stepwell.NotFoundError);
  assert.match(unknown.message, /No such/);
  assert.deepEqual((await client.templates.preview(made.id)).rendered, sample);
  const data = { order_id: 8, customerName: "Grace" };
  assert.deepEqual((await client.templates.preview(made.id, data)).rendered, data);
  const changes = { body: "Order {{ order_id }}", description: "d" };
  const changed = await client.templates.update(made.id, changes, { ifVersion: 1 });
  assert.deepEqual([changed.version, changed.metadata], [2, metadata]);
  assert.equal((await client.templates.preview(made.id)).rendered, "Order 7");
  await assert.rejects(
    client.templates.update(made.id, { name: "other" }, { ifVersion: 1 }),
    stepwell.PreconditionFailedError,
  );
  const labelled = await client.templates.list({ metadata, sortBy: "name" });
  assert.deepEqual(
    labelled.items.map((row) => row.id),
    [made.id],
  );
  const named = await collect(client.templates.list({ name: "receipt" }));
  assert.equal(named.length, 1);
  assert.ok((await client.templates.delete(made.id, { ifVersion: 2 })).deleted);
  await assert.rejects(client.templates.get(made.id), stepwell.NotFoundError);
});
