/** Workspaces and the limits of keys, against the real server. */

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

test("workspaces and limits", async () => {
  const rateLimits = { requestsPerMinute: 1000 };
  const created = await client.workspaces.create({ name: "Acme", rateLimits });
  assert.deepEqual(created.rateLimits, {
    executionsPerSecond: null,
    requestsPerMinute: 1000,
    concurrentExecutions: null,
  });
  assert.deepEqual(await client.workspaces.get(created.id), created);
  const changed = await client.workspaces.update(created.id, { tier: "standard" });
  assert.deepEqual([changed.tier, changed.rateLimits.executionsPerSecond], ["standard", 5]);
  assert.ok(
    (await client.workspaces.list({ sortBy: "name" })).items.some((w) => w.id === created.id),
  );
  const all = await collect(client.workspaces.list());
  assert.ok(all.some((workspace) => workspace.id === created.id));
  const key = await client.keys.create({
    name: "theirs",
    role: "developer",
    workspaceId: created.id,
    tier: "enterprise",
    rateLimits: { concurrentExecutions: 3 },
  });
  assert.deepEqual([key.workspaceId, key.role, key.tier], [created.id, "developer", "enterprise"]);
  const theirs = new stepwell.Client({ apiKey: key.secret, baseUrl: server.url });
  const me = await theirs.me();
  assert.deepEqual([me.workspaceId, me.rateLimits.concurrentExecutions], [created.id, 3]);
  assert.deepEqual(await collect(theirs.workflows.list()), []);
  const limits = { name: "faster", rateLimits: { concurrentExecutions: 9 } };
  const faster = await client.keys.update(key.id, limits);
  assert.deepEqual([faster.name, faster.rateLimits.concurrentExecutions], ["faster", 9]);
  assert.equal((await client.keys.get(key.id)).name, "faster");
  const wrong = client.workspaces.create({ name: "w", rateLimits: { requestsPerMinute: 0 } });
  const { details } = await thrown(wrong, stepwell.BadRequestError);
  assert.equal(details[0]?.path, "rate_limits.requests_per_minute");
});
