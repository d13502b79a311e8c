/** Validations, dry runs and evaluations, against the real server. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import * as stepwell from "stepwell";

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

// Names that belong to users stay as they are, in either notation.
const definition: stepwell.Definition = {
  name: "pay",
  inputs: { orderAmount: "number", order_id: "string" },
  steps: [
    { id: "charge", type: "HttpRequest", config: { url: "https://a.b", method: "POST" } },
    { id: "wait", type: "Delay", config: { for: "1h" } },
    { id: "end", type: "Echo", input: { paidBy: "{{ steps.charge.output.body.paidBy }}" } },
  ],
  outputs: { amount: "{{ inputs.orderAmount }}", id: "{{ inputs.order_id }}", by: "{{ steps.end.output.paidBy }}" },
};
const mocks = { charge: { output: { body: { paidBy: "Ada" } } } };

test("definitions are validated", async () => {
  const { graph } = await client.workflows.validate(definition);
  assert.deepEqual(
    graph?.steps.map((step) => step.id),
    ["charge", "wait", "end"],
  );
  assert.deepEqual(Object.keys((graph?.inputSchema as any).properties), ["orderAmount", "order_id"]);
  const wrong = await client.workflows.validate("name: x\nsteps:\n  - type: Ecko\n");
  assert.deepEqual([wrong.valid, wrong.graph], [false, null]);
  const [problem] = wrong.problems;
  assert.deepEqual([problem?.path, problem?.line, problem?.column], ["steps[0].type", 3, 5]);
});

test("dry runs", async () => {
  const parameters = { orderAmount: 5, order_id: "o1" };
  const run = await client.workflows.dryRunDefinition(definition, parameters, { mocks });
  assert.deepEqual(
    [run.status, run.output, run.elapsedMs],
    ["completed", { amount: 5, id: "o1", by: "Ada" }, 3_600_000],
  );
  const made = await client.workflows.create({ name: "pay", configuration: { definition } });
  const failed = await client.workflows.dryRun(made.id, parameters);
  assert.equal(failed.error?.code, "MOCK_MISSING");
});

test("evaluations", async () => {
  const scope = { inputs: { orderAmount: 1 } };
  const result = await client.workflows.evaluate({ expression: "inputs.orderAmount + 1", scope });
  assert.deepEqual([result.value, result.type, result.error], [2, "integer", null]);
  const wrong = await client.workflows.evaluate({ template: "{{ 1 | nope }}" });
  assert.equal(wrong.error?.column, 8);
});
