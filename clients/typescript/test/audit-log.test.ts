/** The audit log, against the real server. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import * as stepwell from "stepwell";

import { collect, thrown } from "./checks.js";
import { startServer, type Server } from "./servers.js";

const NONE = "0".repeat(25) + "9";

let server: Server;
let admin: stepwell.Client;

before(async () => {
  server = await startServer();
  admin = new stepwell.Client({ apiKey: server.key, baseUrl: server.url });
});

after(async () => {
  await server.stop();
});

test("entries and every filter", async () => {
  const scopes = ["admin", "read:workflows", "write:workflows"];
  const key = await admin.keys.create({ name: "auditor", scopes });
  const client = new stepwell.Client({ apiKey: key.secret, baseUrl: server.url });
  const configuration: stepwell.Configuration = { steps: [{ type: "Echo", input: "hi" }] };
  const { id } = await client.workflows.create({ name: "watched", configuration });
  await client.workflows.update(id, { description: "d", metadata: { a: "b" } });
  await client.workflows.delete(id);

  const entries = await collect(client.auditLog.list({ objectId: id, sortOrder: "asc" }));
  assert.deepEqual(
    entries.map((entry) => entry.action),
    ["workflow.created", "workflow.updated", "workflow.deleted"],
  );
  const updated = entries[1];
  assert.deepEqual(updated?.actor, { type: "api_key", id: key.id, name: "auditor" });
  assert.deepEqual(updated.object, { type: "workflow", id, name: "watched" });
  assert.deepEqual(updated.changedFields, ["description", "metadata"]);
  assert.equal(updated.ipAddress, "127.0.0.1");
  assert.ok(updated.requestId && updated.createdAt.getTime() > Date.now() - 60_000);

  const day = 86_400_000;
  const everything: stepwell.ListAuditEntries = {
    actor: "auditor",
    keyId: key.id,
    action: "workflow.updated",
    objectType: "workflow",
    objectId: id,
    startDate: new Date(Date.now() - day),
    endDate: new Date(Date.now() + day).toISOString().slice(0, 10),
    workspaceId: (await client.me()).workspaceId,
    sortBy: "created_at",
    pageSize: 1,
  };
  const page = await client.auditLog.list(everything);
  assert.deepEqual([page.items, page.totalItems], [[updated], 1]);
  const without: stepwell.ListAuditEntries[] = [
    { actor: "somebody" },
    { keyId: `apk_${NONE}` },
    { action: "workflow.release_tag_moved" },
    { objectId: `wf_${NONE}` },
    { startDate: new Date(Date.now() + day / 2) },
    { startDate: "2020-01-01", endDate: "2020-01-31" },
  ];
  for (const other of without) {
    const { items } = await client.auditLog.list({ ...everything, ...other });
    assert.deepEqual(items, [], JSON.stringify(other));
  }
  const first = await client.auditLog.list({ objectId: id, pageSize: 2 });
  const cursor = first.nextCursor ?? "";
  const rest = await client.auditLog.list({ objectId: id, pageSize: 2, cursor });
  assert.deepEqual([...first.items, ...rest.items], [...entries].reverse());

  const wrong = client.auditLog.list({ startDate: "soon" });
  assert.equal((await thrown(wrong, stepwell.BadRequestError)).details[0]?.path, "start_date");
  const reader = await admin.keys.create({ name: "reader", scopes: ["read:workflows"] });
  const outsider = new stepwell.Client({ apiKey: reader.secret, baseUrl: server.url });
  await thrown(outsider.auditLog.list(), stepwell.PermissionDeniedError);
});
