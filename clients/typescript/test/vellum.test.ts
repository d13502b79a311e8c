/** Deployments, against the real server. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import * as stepwell from "stepwell";

import { collect, thrown } from "./checks.js";
import { createDeployments, startServer, type Server } from "./servers.js";

let server: Server;
let client: stepwell.Client;

before(async () => {
  server = await startServer();
  client = new stepwell.Client({ apiKey: server.key, baseUrl: server.url });
  await createDeployments(client);
});

after(async () => {
  await server.stop();
});

test("deployments", async () => {
  const workflowDeploymentName = "my-workflow";
  const listed = [{ name: "query", type: "STRING", value: "hi" }];
  for (const inputs of [listed, [{ name: "query", value: "hi" }], { query: "hi" }]) {
    const { data } = await client.vellum.executeWorkflow({ workflowDeploymentName, inputs });
    assert.ok(data.state === "FULFILLED");
    assert.deepEqual(
      data.outputs.map(({ name, type, value }) => ({ name, type, value: value as unknown })),
      [{ name: "result", type: "STRING", value: "HI" }],
    );
  }
  const failed = await client.vellum.executeWorkflow({
    workflowDeploymentName: "my-failing-workflow",
    inputs: [],
  });
  assert.ok(failed.data.state === "REJECTED" && failed.data.error.code === "USER_DEFINED_ERROR");

  const eventTypes: ("WORKFLOW" | "NODE")[] = ["WORKFLOW", "NODE"];
  const stream = client.vellum.executeWorkflowStream({
    workflowDeploymentName,
    inputs: listed,
    eventTypes,
  });
  const events = await collect(stream);
  const states = events.map((event) => `${event.type} ${event.data.state}`);
  assert.equal(states[0], "WORKFLOW INITIATED");
  assert.equal(states.at(-1), "WORKFLOW FULFILLED");
  assert.ok(states.includes("NODE INITIATED") && states.includes("NODE FULFILLED"));
  for (const event of events) if (event.type === "NODE") assert.ok(event.data.nodeId);

  const { executionId } = await client.vellum.executeWorkflowAsync({
    workflowDeploymentName,
    inputs: listed,
  });
  for (;;) {
    const { status, outputs } = await client.vellum.workflowExecutionStatus(executionId);
    if (status === "FULFILLED") {
      assert.deepEqual(outputs, { result: "HI" });
      break;
    }
    assert.notEqual(status, "REJECTED");
  }
  const nowhere = { workflowDeploymentName: "no-such-workflow", inputs: [] };
  const missing = await thrown(client.vellum.executeWorkflow(nowhere), stepwell.APIError);
  assert.match(missing.message, /no-such-workflow/);
  await thrown(collect(client.vellum.executeWorkflowStream(nowhere)), stepwell.APIError);
});

test("parts are streamed", async () => {
  const text = "one two \u2713 \u{1f389}";
  const workflowDeploymentName = "my-pieces";
  await client.dataflow.createWorkflow({
    name: workflowDeploymentName,
    inputs: { text: "string" },
    steps: [
      {
        type: "StreamText",
        input: "{{ inputs.text }}",
        config: { chunk: "graphemes", pause: "20ms" },
      },
    ],
    outputs: { result: "{{ steps.stream_text.output.text }}" },
  });
  const pieces: string[] = [];
  const arrived: number[] = [];
  const request = { workflowDeploymentName, inputs: { text }, externalId: "ts-pieces" };
  for await (const event of client.vellum.executeWorkflowStream(request)) {
    assert.equal(event.externalId, "ts-pieces");
    if (event.type !== "WORKFLOW" || !event.data.output) continue;
    arrived.push(Date.now());
    if (event.data.output.state === "STREAMING") pieces.push(event.data.output.delta ?? "");
    else assert.equal(event.data.output.value, text);
  }
  assert.deepEqual(pieces, [...text]);
  assert.ok((arrived.at(-1) ?? 0) - (arrived[0] ?? 0) >= 18 * (pieces.length - 1));
  const taken = await thrown(client.vellum.executeWorkflow(request), stepwell.BadRequestError);
  assert.equal(taken.code, "EXTERNAL_ID_TAKEN");

  // Leaving early does not stop the execution.
  let executionId = "";
  for await (const event of client.vellum.executeWorkflowStream({
    workflowDeploymentName,
    inputs: { text },
  })) {
    executionId = event.executionId;
    break;
  }
  for (;;) {
    const { status, outputs } = await client.vellum.workflowExecutionStatus(executionId);
    if (status === "FULFILLED") {
      assert.deepEqual(outputs, { result: text });
      break;
    }
    assert.notEqual(status, "REJECTED");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

test("actuals", async () => {
  const client = new stepwell.Client({ apiKey: server.key, baseUrl: server.url });
  const request = { workflowDeploymentName: "my-workflow", inputs: { query: "a" } };
  const { executionId } = await client.vellum.executeWorkflow(request);
  await client.vellum.submitWorkflowExecutionActuals({
    actuals: [{ executionId, outputName: "result", value: "Expected output" }],
  });
  await client.vellum.submitWorkflowExecutionActuals({
    executionId,
    actuals: [{ outputType: "STRING", outputKey: "result", quality: 0.5, desiredOutputValue: "x" }],
  });
  const unknown = client.vellum.submitWorkflowExecutionActuals({
    executionId: "00000000-0000-7000-8000-000000000000",
    actuals: [{ outputType: "STRING", outputKey: "result", quality: 0.5 }],
  });
  await thrown(unknown, stepwell.APIError);
});
