/** Webhooks against the real server, and the verification of their requests. */

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";

import * as stepwell from "stepwell";

import { collect, thrown } from "./checks.js";
import { startServer, startStub, type Server } from "./servers.js";

const URL_ = "https://example.com/webhooks/workflows";
const SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const OTHER = "whsec_b2xkb2xkb2xkb2xkb2xkb2xk";

let server: Server;
let client: stepwell.Client;

before(async () => {
  server = await startServer();
  client = new stepwell.Client({ apiKey: server.key, baseUrl: server.url });
});

after(async () => {
  await server.stop();
});

test("webhooks", async () => {
  const created = await client.webhooks.create({
    url: URL_,
    events: ["workflow.created", "execution.completed"],
    secret: "whsec_abcdefghijklmnopqrstuvwxyz",
    description: "Production",
  });
  assert.deepEqual(
    [created.status, created.secret, created.failingSince],
    ["active", undefined, null],
  );
  assert.deepEqual(await client.webhooks.get(created.id), created);
  const changed = await client.webhooks.update(created.id, { events: ["*"], status: "inactive" });
  assert.deepEqual(
    [changed.events, changed.status, changed.description],
    [["*"], "inactive", "Production"],
  );
  const other = await client.webhooks.create({ url: `${URL_}/2`, events: ["*"] });
  assert.match(other.secret?.reveal() ?? "", /^whsec_/);
  const shown = inspect(other) + JSON.stringify(other) + String(other.secret);
  assert.ok(!shown.includes("whsec_"), shown);
  const page = await client.webhooks.list({ pageSize: 1 });
  assert.deepEqual([page.items[0]?.id, page.totalPages], [other.id, 2]);
  const all = await collect(client.webhooks.list({ status: "inactive" }));
  assert.deepEqual(
    all.map((hook) => hook.id),
    [created.id],
  );
  const rotated = await client.webhooks.rotateSecret(other.id, { overlapSeconds: 60 });
  assert.notEqual(rotated.secret?.reveal(), other.secret?.reveal());
  assert.ok(rotated.previousSecretExpiresAt);
  const typo = ["execution.complete"] as unknown as stepwell.WebhookTopic[];
  const wrong = client.webhooks.create({ url: URL_, events: typo });
  const { details } = await thrown(wrong, stepwell.BadRequestError);
  assert.equal(details[0]?.path, "events[0]");
  for (const hook of [created, other]) await client.webhooks.delete(hook.id);
  await thrown(client.webhooks.get(created.id), stepwell.NotFoundError);
});

test("deliveries have a valid signature", async () => {
  const stub = await startStub(() => ({ status: 204 }));
  const hook = await client.webhooks.create({ url: stub.url, events: ["*"] });
  const sent = await client.webhooks.test(hook.id);
  let found = await collect(client.webhooks.listDeliveries(hook.id, { status: "delivered" }));
  for (const deadline = Date.now() + 20_000; found.length === 0; await sleep(20)) {
    assert.ok(Date.now() < deadline, JSON.stringify(await client.webhooks.listDeliveries(hook.id)));
    found = await collect(client.webhooks.listDeliveries(hook.id, { status: "delivered" }));
  }
  const [delivery] = found;
  assert.deepEqual([delivery?.id, delivery?.response?.status], [sent.id, 204]);
  assert.equal(delivery?.request.body.data.webhook_id, hook.id);
  assert.deepEqual(await client.webhooks.getDelivery(sent.id), delivery);
  const tests = await client.webhooks.listDeliveries(hook.id, { event: "webhook.test" });
  assert.equal(tests.totalItems, 1);
  const { headers, body } = stub.requests[0] ?? { headers: {}, body: "" };
  const event = await client.webhooks.verify(body, headers, hook.secret ?? "");
  assert.deepEqual([event.type, event.data.webhookId], ["webhook.test", hook.id]);
  await thrown(
    client.webhooks.verify(`${body} `, headers, hook.secret ?? ""),
    stepwell.WebhookVerificationError,
  );
  assert.equal((await client.webhooks.redeliver(sent.id)).event, "webhook.test");
  assert.equal((await client.webhooks.listDeliveries(hook.id)).page, 1);
  await stub.stop();
});

function sign(body: string, id: string, seconds: number): Record<string, string> {
  const key = Buffer.from(SECRET.slice("whsec_".length), "base64");
  const created = createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64");
  return {
    "Webhook-Id": id,
    "Webhook-Timestamp": String(seconds),
    "Webhook-Signature": `v1,${created}`,
  };
}

test("signature verification", async () => {
  const body = JSON.stringify({
    id: "evt_1",
    type: "execution.completed",
    timestamp: "2026-01-02T03:04:05Z",
    data: { execution_id: "exec_1", result: { snake_name: 1 } },
  });
  const now = Math.floor(Date.now() / 1000);
  const good = sign(body, "msg_1", now);
  const event = await client.webhooks.verify(body, good, SECRET);
  assert.deepEqual([event.data.id, event.data.result], ["exec_1", { snake_name: 1 }]);
  const bytes = new TextEncoder().encode(body);
  assert.deepEqual(await client.webhooks.verify(bytes, new Headers(good), [OTHER, SECRET]), event);
  const signature = good["Webhook-Signature"] ?? "";
  const both = { ...good, "Webhook-Signature": `v2,AAAA v1,AAAA v1,? ${signature}` };
  assert.deepEqual(await client.webhooks.verify(body, both, SECRET), event);
  const old = sign(body, "msg_1", now - 400);
  assert.deepEqual(await client.webhooks.verify(body, old, SECRET, { tolerance: 500_000 }), event);
  const rejected: [Record<string, string>, string, RegExp][] = [
    [{}, SECRET, /not signed/],
    [good, OTHER, /does not match/],
    [{ ...good, "Webhook-Signature": signature.replace("v1", "v2") }, SECRET, /does not match/],
    [{ ...good, "Webhook-Id": "msg_2" }, SECRET, /does not match/],
    [old, SECRET, /too old or in the future/],
    [sign(body, "msg_1", now + 400), SECRET, /too old or in the future/],
    [{ ...good, "Webhook-Timestamp": "NaN" }, SECRET, /too old or in the future/],
    [{ ...good, "Webhook-Timestamp": "9".repeat(400) }, SECRET, /too old or in the future/],
  ];
  for (const [headers, secret, message] of rejected) {
    const error = await thrown(
      client.webhooks.verify(body, headers, secret),
      stepwell.WebhookVerificationError,
    );
    assert.match(error.message, message);
    assert.equal(error.code, "WEBHOOK_NOT_VERIFIED");
  }
  await assert.rejects(client.webhooks.verify("[]", sign("[]", "m", now), SECRET), /not an event/);
  await assert.rejects(client.webhooks.verify(body, good, "whsec_no base64!"), TypeError);
});
