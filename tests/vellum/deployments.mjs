// Runs the published TypeScript client's methods about deployments, releases and past executions
// against a running Stepwell. Nothing of the client is patched.
// Usage: node deployments.mjs BASE_URL API_KEY [FOLDER WITH node_modules/vellum-ai]
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import path from "node:path";

const [base, apiKey, packages] = process.argv.slice(2);
const load = createRequire(path.join(path.resolve(packages ?? "."), "x.js"));
const { VellumClient, Vellum } = load("vellum-ai");
const { version } = load("vellum-ai/package.json");
const client = new VellumClient({ apiKey, environment: { default: base, predict: base, documents: base } });
const api = client.workflowDeployments;
const name = `deployments-js-${randomUUID()}`;
const nil = "00000000-0000-0000-0000-000000000000";
const text = "wörd ✓ ";

async function send(method, where, body) {
  const response = await fetch(base + where, {
    method,
    headers: { "X-API-KEY": apiKey, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.ok(response.ok, await response.clone().text());
  return response.json();
}

const definition = (word) => ({
  name,
  description: `Returns ${word}`,
  inputs: {
    query: { type: "string", title: "Question" },
    n: { type: "number", default: 2.5 },
    chat: { type: "array", "x-vellum-type": "CHAT_HISTORY", required: false },
    image: { type: "object", "x-vellum-type": "IMAGE", required: false },
  },
  state: { count: 0 },
  steps: [
    { id: "say", type: "StreamText", input: `${word} {{ inputs.query }}` },
    { id: "count", type: "SetState", input: { count: "{{ state.count + 1 }}" } },
  ],
  outputs: {
    result: "{{ steps.say.output.text }}",
    n: { value: "{{ inputs.n }}", schema: { type: "number" } },
    chat: "{{ inputs.chat }}",
    image: "{{ inputs.image }}",
  },
});
const created = (await send("POST", "/workflows", definition("one"))).workflow_id;
const ours = `/api/v1/workflows/${created}`;
await send("POST", `${ours}/releases`, { definition: definition("two"), release_tags: ["beta"] });
const traffic = [{ release: 1, weight: 90 }, { release: 2, weight: 10 }];
await send("PUT", `${ours}/release_tags/split`, { traffic });
await send("POST", "/workflows", {
  name: `${name}-fails`,
  steps: [{ id: "stop", type: "Fail", config: { message: "no luck" } }],
});

const inputs = [
  { type: "STRING", name: "query", value: text },
  { type: "CHAT_HISTORY", name: "chat", value: [{ role: "USER", text: "hi" }] },
  { type: "IMAGE", name: "image", value: { src: "https://example.com/x.png" } },
];
const plain = (values) => Object.fromEntries(values.map((one) => [one.name, one.value]));

async function refused(status, word, call) {
  await assert.rejects(call, (error) => {
    assert.equal(error.statusCode, status, String(error));
    assert.ok(error.body.detail.includes(word), JSON.stringify(error.body));
    return true;
  });
}

// Deployments
const page = await api.list({ limit: 1, offset: 0, ordering: "-created", status: "ACTIVE" });
assert.ok(page.count >= 2 && page.next && page.previous == null);
assert.deepEqual(page.results.map((one) => one.name), [`${name}-fails`]);
assert.equal((await api.list({ limit: 1, offset: 1 })).results[0].name, name);
assert.equal((await api.list({ status: "ARCHIVED" })).count, 0);
const one = await api.retrieve(name);
assert.deepEqual(await api.retrieve(one.id), one);
assert.deepEqual([one.label, one.status, one.description], [name, "ACTIVE", "Returns two"]);
assert.ok(one.lastDeployedOn instanceof Date && one.lastDeployedOn >= one.created);
const inputKeys = ["query", "n", "chat", "image"];
assert.deepEqual(one.inputVariables.map((v) => v.key), inputKeys);
assert.deepEqual(one.inputVariables.map((v) => v.type), ["STRING", "NUMBER", "CHAT_HISTORY", "IMAGE"]);
assert.equal(one.inputVariables[0].required, true);
assert.equal(one.inputVariables[1].default.value, 2.5);
await refused(400, "limit", () => api.list({ limit: 0 }));
await refused(404, "nope", () => api.retrieve("nope"));

// Releases and history items
const releases = await api.listWorkflowDeploymentReleases(one.id, { limit: 10, ordering: "-created" });
assert.equal(releases.count, 2);
const [newest, first] = releases.results;
assert.equal(newest.id, one.lastDeployedHistoryItemId);
assert.deepEqual([newest.description, first.description], ["Returns two", "Returns one"]);
assert.deepEqual(newest.releaseTags.map((tag) => tag.name), ["LATEST", "beta", "split"]);
assert.deepEqual(newest.workflowVersion.inputVariables.map((v) => v.key), inputKeys);
for (const named of [newest.id, "LATEST", "beta"]) {
  assert.deepEqual(await api.retrieveWorkflowDeploymentRelease(name, named), newest);
}
const item = await api.workflowDeploymentHistoryItemRetrieve(first.id, one.id);
assert.deepEqual([item.id, item.workflowDeploymentId, item.timestamp], [first.id, one.id, first.created]);
await refused(404, "gamma", () => api.retrieveWorkflowDeploymentRelease(one.id, "gamma"));
await refused(404, nil, () => api.workflowDeploymentHistoryItemRetrieve(nil, one.id));
await refused(404, "nope", () => api.listWorkflowDeploymentReleases("nope"));

// Release tags
const tags = await api.listWorkflowReleaseTags(name, { limit: 2 });
assert.deepEqual([tags.count, tags.results.map((tag) => tag.name)], [3, ["LATEST", "beta"]]);
const users = await api.listWorkflowReleaseTags(name, { source: "USER", ordering: "-name" });
assert.deepEqual(users.results.map((tag) => tag.name), ["split", "beta"]);
const split = await api.retrieveWorkflowReleaseTag(one.id, "split");
assert.deepEqual([split.source, split.release.id, split.historyItem.id], ["USER", first.id, first.id]);
for (const [release, word] of [[first, "one"], [newest, "two"]]) {
  const moved = await api.updateWorkflowReleaseTag(one.id, "beta", { historyItemId: release.id });
  assert.equal(moved.release.id, release.id);
  assert.deepEqual(await api.retrieveWorkflowReleaseTag(name, "beta"), moved);
  const response = await client.executeWorkflow({ workflowDeploymentId: one.id, inputs, releaseTag: "beta" });
  assert.equal(plain(response.data.outputs).result, `${word} ${text}`);
}
await refused(404, "history_item_id", () => api.updateWorkflowReleaseTag(one.id, "beta", { historyItemId: nil }));
await refused(400, "history_item_id", () => api.updateWorkflowReleaseTag(one.id, "beta", { historyItemId: "x" }));
await refused(400, "LATEST", () => api.updateWorkflowReleaseTag(one.id, "LATEST", { historyItemId: first.id }));
await refused(404, "gamma", () => api.retrieveWorkflowReleaseTag(one.id, "gamma"));

// Executions
const externalId = randomUUID();
const request = { workflowDeploymentId: one.id, inputs, releaseTag: "beta" };
const response = await client.executeWorkflow({ ...request, externalId, metadata: { user: "u1" } });
const { executionId } = response;
await client.submitWorkflowExecutionActuals({
  executionId,
  actuals: [{ outputType: "STRING", outputKey: "result", quality: 0.5, desiredOutputValue: "better" }],
});
const executions = await api.listWorkflowDeploymentEventExecutions(name, { limit: 1, ordering: "-start" });
assert.ok(executions.count >= 3 && executions.results.length === 1);
const [found] = executions.results;
assert.equal(found.spanId, executionId);
assert.ok(found.end >= found.start);
const made = plain(found.outputs);
assert.deepEqual([made.result, made.n, made.chat[0].text, made.image.src], [
  `two ${text}`, 2.5, "hi", "https://example.com/x.png",
]);
assert.deepEqual([found.parentContext.deploymentHistoryItemId, found.parentContext.externalId], [newest.id, externalId]);
assert.deepEqual([found.latestActual.output.value, found.latestActual.quality], ["better", 0.5]);
const only = await api.listWorkflowDeploymentEventExecutions(one.id, {
  filters: JSON.stringify({ external_id: externalId, status: ["FULFILLED"] }),
});
assert.deepEqual([only.count, only.results], [1, [found]]);
const whole = await api.workflowDeploymentEventExecution(executionId, one.id);
assert.deepEqual(whole.state, { count: 1 });
assert.deepEqual(whole.spans.map((span) => span.name), ["workflow.execution", "node.execution", "node.execution"]);
for (const span of whole.spans) {
  const names = span.events.map((event) => event.name);
  assert.deepEqual(names, [`${span.name}.initiated`, `${span.name}.fulfilled`]);
}
assert.equal(whole.spans[0].events[1].body.outputs.result, `two ${text}`);
const details = client.workflowExecutions;
const detail = await details.retrieveWorkflowExecutionDetail(executionId);
assert.deepEqual(detail.spans, whole.spans);
const some = await details.retrieveWorkflowExecutionDetail(executionId, { prevSpanId: executionId, spanLimit: 1 });
assert.deepEqual(some.spans, [whole.spans[1]]);
const next = await client.executeWorkflow({ ...request, previousExecutionId: executionId });
const state = await client.workflows.retrieveState(next.executionId);
assert.deepEqual([state.state, state.previousSpanId], [{ count: 2 }, executionId]);
const failed = await client.executeWorkflow({ workflowDeploymentName: `${name}-fails`, inputs: [] });
const rejected = await api.workflowDeploymentEventExecution(failed.executionId, `${name}-fails`);
assert.equal(rejected.error.code, "USER_DEFINED_ERROR");
assert.equal(rejected.spans[1].events[1].body.error.code, "USER_DEFINED_ERROR");
await refused(400, "filters.status", () =>
  api.listWorkflowDeploymentEventExecutions(one.id, { filters: '{"status":"DONE"}' }));
await assert.rejects(api.workflowDeploymentEventExecution(nil, one.id), Vellum.NotFoundError);
await assert.rejects(api.workflowDeploymentEventExecution("x", one.id), Vellum.BadRequestError);
await assert.rejects(details.retrieveWorkflowExecutionDetail(nil), Vellum.NotFoundError);
await refused(400, "span_limit", () => details.retrieveWorkflowExecutionDetail(executionId, { spanLimit: 0 }));
await refused(404, nil, () => client.workflows.retrieveState(nil));

// Executing by plain values
if (api.executeStream) {
  const all = async (id, more) => {
    const events = [];
    for await (const event of await api.executeStream(id, more)) events.push(event);
    return events;
  };
  const given = { query: text, n: 3, chat: inputs[1].value, image: inputs[2].value };
  const events = await all(name, { inputs: given, releaseTag: "beta", externalId: randomUUID() });
  assert.equal(events[0].name, "workflow.execution.initiated");
  assert.deepEqual(events[0].body.inputs, given);
  assert.equal(events.at(-1).name, "workflow.execution.fulfilled");
  assert.equal(events.at(-1).body.outputs.result, `two ${text}`);
  const deltas = events
    .filter((event) => event.name === "workflow.execution.streaming" && event.body.output.delta)
    .map((event) => event.body.output.delta);
  assert.equal(deltas.join(""), `two ${text}`);
  assert.equal(events.filter((event) => event.name === "node.execution.streaming").length, deltas.length);
  const bad = await all(`${name}-fails`, { inputs: {} });
  assert.deepEqual(bad.map((event) => event.name), [
    "workflow.execution.initiated", "node.execution.initiated",
    "node.execution.rejected", "workflow.execution.rejected",
  ]);
  assert.equal(bad.at(-1).body.error.code, "USER_DEFINED_ERROR");
  await assert.rejects(all(name, { inputs: {} }), Vellum.BadRequestError);
  await assert.rejects(all(name, { inputs: { query: "x" }, releaseTag: "gamma" }), Vellum.NotFoundError);
  await assert.rejects(all("nope", { inputs: {} }), Vellum.NotFoundError);
} else {
  console.log(`  vellum-ai ${version} has no workflowDeployments.executeStream: skipped`);
}

// Identities
assert.equal((await client.workspaces.workspaceIdentity()).name, "default");
assert.equal((await client.environments.environmentIdentity()).name, "production");
assert.equal((await client.organizations.organizationIdentity()).newMemberJoinBehavior, "REQUIRE_EXPLICIT_INVITE");
console.log(`typescript client, deployments: ok (${version})`);
