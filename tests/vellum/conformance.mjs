// Runs the published TypeScript client against a running Stepwell, method by method.
// Usage: node conformance.mjs BASE_URL API_KEY, with `vellum-ai` installed beside or in NODE_PATH.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import path from "node:path";

const [base, apiKey, packages] = process.argv.slice(2);
const load = createRequire(path.join(path.resolve(packages ?? "."), "x.js"));
const { VellumClient, Vellum } = load("vellum-ai");
const client = new VellumClient({ apiKey, environment: { default: base, predict: base, documents: base } });
const name = `conformance-js-${randomUUID()}`;
const text = Array.from({ length: 200 }, (_, n) => `w${n}✓ `).join("");

async function create(definition) {
  const answer = await fetch(`${base}/workflows`, {
    method: "POST",
    headers: { "X-API-KEY": apiKey, "Content-Type": "application/json" },
    body: JSON.stringify(definition),
  });
  assert.equal(answer.status, 201, await answer.text());
}

await create({
  name,
  inputs: { query: "string", n: "number?" },
  steps: [{ id: "say", type: "StreamText", input: "{{ inputs.query }}" }],
  outputs: { result: "{{ steps.say.output.text }}", n: { value: "{{ inputs.n }}", schema: { type: "number" } } },
});
await create({ name: `${name}-fails`, steps: [{ type: "Fail", config: { message: "no luck" } }] });

const inputs = [
  { type: "STRING", name: "query", value: text },
  { type: "NUMBER", name: "n", value: 2 },
];
const request = { workflowDeploymentName: name, inputs };

const externalId = randomUUID();
const answer = await client.executeWorkflow({ ...request, externalId, metadata: { user: "u1" } });
assert.equal(answer.data.state, "FULFILLED");
assert.deepEqual(answer.data.outputs.map((o) => [o.name, o.type, o.value]), [
  ["result", "STRING", text],
  ["n", "NUMBER", 2],
]);
const failed = await client.executeWorkflow({ workflowDeploymentName: `${name}-fails`, inputs: [] });
assert.equal(failed.data.state, "REJECTED");
assert.equal(failed.data.error.code, "USER_DEFINED_ERROR");

const stream = await client.executeWorkflowStream({ ...request, eventTypes: ["WORKFLOW", "NODE"] });
const events = [];
for await (const event of stream) events.push(event);
assert.equal(events[0].data.state, "INITIATED");
assert.equal(events.at(-1).data.state, "FULFILLED");
const deltas = events
  .filter((e) => e.type === "WORKFLOW" && e.data.output?.state === "STREAMING")
  .map((e) => e.data.output.delta);
assert.equal(deltas.join(""), text);
assert.equal(events.filter((e) => e.type === "NODE" && e.data.state === "STREAMING").length, 200);

// Older versions start executions in the background but have no method to look at them.
if (client.executeWorkflowAsync && client.workflows.workflowExecutionStatus) {
  const accepted = await client.executeWorkflowAsync(request);
  const status = await client.workflows.workflowExecutionStatus(accepted.executionId);
  assert.equal(status.executionId, accepted.executionId);
}
await client.submitWorkflowExecutionActuals({
  executionId: answer.executionId,
  actuals: [{ outputType: "STRING", outputKey: "result", quality: 1, desiredOutputValue: text }],
});
await assert.rejects(
  client.executeWorkflow({ workflowDeploymentName: "nope", inputs: [] }),
  (error) => error instanceof Vellum.NotFoundError && error.body.detail.includes("workflow_deployment_name"),
);
await assert.rejects(client.executeWorkflow({ ...request, externalId }), Vellum.BadRequestError);
await assert.rejects(client.executeWorkflowStream({ workflowDeploymentName: name, inputs: [] }), Vellum.BadRequestError);
console.log("typescript client: ok");
