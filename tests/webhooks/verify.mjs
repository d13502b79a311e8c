// Receives deliveries and verifies them with the published JavaScript library of Standard Webhooks.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [base, key, packages, page] = process.argv.slice(2);
// The code of the documentation is tested.
const blocks = readFileSync(page, "utf8").split("```js\n").slice(1);
const documented = join(packages, "documented.mjs");
writeFileSync(documented, blocks.map((block) => block.split("```")[0]).join("\n"));
const { eventOf, isGenuine: byHand } = await import(pathToFileURL(documented).href);

const received = [];
let wake = () => {};
const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) body += chunk;
  received.push({ headers: request.headers, body });
  response.writeHead(204).end();
  wake();
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));

async function next() {
  const late = AbortSignal.timeout(20_000);
  while (received.length === 0) {
    await new Promise((woken, failed) => {
      wake = woken;
      late.addEventListener("abort", () => failed(new Error("no delivery came")));
    });
  }
  return received.shift();
}

async function call(method, path, body) {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const response = await fetch(base + path, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return (await response.json()).data;
}

function isGenuine(secret, { headers, body }) {
  const genuine = byHand(secret, headers, body);
  try {
    assert.deepEqual(eventOf(secret, headers, body), JSON.parse(body));
    assert.ok(genuine);
    return true;
  } catch (error) {
    assert.equal(error.constructor.name, "WebhookVerificationError", error);
    assert.ok(!genuine);
    return false;
  }
}

const url = `http://127.0.0.1:${server.address().port}/hook`;
const hook = await call("POST", "/api/v1/webhooks", { url, events: ["workflow.created"] });
const path = `/api/v1/webhooks/${hook.id}`;
const steps = [{ type: "StaticTextInput", input: "Gr\u00fc\u00dfe \u{1f680} \u2028" }];
await call("POST", "/workflows", { name: "verify-javascript", steps });
const created = await next();
assert.equal(JSON.parse(created.body).type, "workflow.created");
assert.ok(isGenuine(hook.secret, created));
assert.ok(!isGenuine(hook.secret, { ...created, body: `${created.body} ` }));
assert.ok(!isGenuine("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", created));

const rotated = await call("POST", `${path}/rotate_secret`, { overlap_seconds: 600 });
await call("POST", `${path}/test`);
const both = await next();
assert.ok(isGenuine(hook.secret, both) && isGenuine(rotated.secret, both));
const seed = "whsec_abcdefghijklmnopqrstuvwxyz";
await call("POST", `${path}/rotate_secret`, { secret: seed, overlap_seconds: 0 });
await call("POST", `${path}/test`);
const one = await next();
// With and without the padding.
assert.ok(isGenuine(seed, one) && isGenuine(`${seed}==`, one));
assert.ok(!isGenuine(rotated.secret, one));
await call("DELETE", path);
server.close();
server.closeAllConnections();
console.log("standardwebhooks (JavaScript): every delivery verified");
