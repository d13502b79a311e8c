// Runs the published TypeScript client against a running Stepwell, method by method.
// Usage: node run.mjs BASE_URL API_KEY PACKAGES, where PACKAGES is a folder with `vellum-ai`
// installed. All checks run; failures are printed at the end.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import {
  Vellum, VellumError, client, createAll, events, fixtures, http, nameOf, plain, refused, user, version, written,
} from "./common.mjs";

const both = ["WORKFLOW", "NODE"];
const text = Array.from({ length: 200 }, (_, n) => `w${n}✓ `).join("");
const say = (value = "x") => ({
  workflowDeploymentName: nameOf("say"),
  inputs: [{ type: "STRING", name: "query", value }],
});
// Older versions start executions in the background but have no method to read them.
const canLook = client.executeWorkflowAsync && client.workflows.workflowExecutionStatus;
const checks = {};

checks.valuesComeUnderTypesThatParse = async () => {
  for (const { value, fits } of fixtures.values) {
    const request = {
      workflowDeploymentName: nameOf("values"),
      inputs: [{ type: "JSON", name: "value", value }],
    };
    const response = await client.executeWorkflow(request);
    const streamed = await events({ ...request, eventTypes: both });
    assert.deepEqual(plain(streamed[0].data.inputs[0].value), plain(value));
    for (const outputs of [response.data.outputs, streamed.at(-1).data.outputs]) {
      assert.deepEqual(outputs.map((output) => output.name), fixtures.types);
      for (const output of outputs) {
        const about = JSON.stringify({ value, output });
        assert.equal(output.type, fits.includes(output.name) ? output.name : "JSON", about);
        assert.deepEqual(plain(output.value), plain(value), about);
      }
    }
  }
};

checks.everyInputType = async () => {
  const media = { src: "data:text/plain;base64,eA==", metadata: { detail: "low" } };
  const chat = fixtures.values.find(({ fits }) => fits.join() === "CHAT_HISTORY").value;
  const cases = [
    ["text", "STRING", "é✓", "é✓"],
    ["number", "NUMBER", 2.5, 2.5],
    ["count", "NUMBER", 3, 3],
    ["json", "JSON", { a: [1] }, { a: [1] }],
    ["json", "JSON", null, null],
    ["json", "JSON", undefined, null],
    ["chat", "CHAT_HISTORY", written(chat), plain(chat)],
    ...["IMAGE", "AUDIO", "VIDEO", "DOCUMENT"].map((type) => [type.toLowerCase(), type, media, media]),
  ];
  for (const [name, type, value, expect] of cases) {
    const response = await client.executeWorkflow({
      workflowDeploymentName: nameOf("inputs"),
      inputs: [{ type, name, value }],
    });
    assert.equal(response.data.state, "FULFILLED", JSON.stringify(response));
    const found = response.data.outputs.find((output) => output.name === name);
    // Older versions do not send the metadata of messages.
    const withoutMetadata = (message) => ({ ...message, metadata: undefined });
    const shown = (value) => (name === "chat" ? value.map(withoutMetadata) : value);
    assert.deepEqual(shown(plain(found.value)), shown(expect), `${name} ${JSON.stringify(found)}`);
  }
};

checks.everyRequestField = async () => {
  const externalId = randomUUID();
  const response = await client.executeWorkflow({
    ...say(), externalId, metadata: { user: { id: 1 } }, releaseTag: "LATEST",
    expandMeta: { usage: true, cost: true, modelName: false },
  });
  assert.equal(response.data.state, "FULFILLED");
  assert.equal(response.externalId, externalId);
  assert.ok(response.data.ts instanceof Date && !Number.isNaN(response.data.ts.getTime()));
  const nulls = {
    workflowDeploymentId: null, releaseTag: null, externalId: null, metadata: null, previousExecutionId: null,
  };
  assert.equal((await client.executeWorkflow({ ...say(), ...nulls, expandMeta: null })).data.state, "FULFILLED");
  assert.equal((await events({ ...say(), ...nulls, eventTypes: null })).at(-1).data.state, "FULFILLED");
  await refused(Vellum.BadRequestError, 400, response.executionId, () => client.executeWorkflow({ ...say(), externalId }));
  await refused(Vellum.BadRequestError, 400, response.executionId, () => events({ ...say(), externalId }));
  const counts = { workflowDeploymentName: nameOf("counts"), inputs: [] };
  const first = await client.executeWorkflow(counts);
  const second = await client.executeWorkflow({ ...counts, previousExecutionId: first.executionId });
  assert.deepEqual([first, second].map((a) => a.data.outputs[0].value), [1, 2]);
};

checks.versionsDifferInThinkingOnly = async () => {
  const thinking = { type: "THINKING", value: { type: "STRING", value: "hm" } };
  const text = { type: "STRING", value: "x" };
  const request = {
    workflowDeploymentName: nameOf("values"),
    inputs: [{ type: "JSON", name: "value", value: [thinking, text] }],
  };
  for (const [apiVersion, expect] of [["2024-10-25", [text]], ["2025-07-30", [thinking, text]], [undefined, [thinking, text]]]) {
    const response = await user(undefined, { apiVersion }).executeWorkflow(request);
    const found = response.data.outputs.find((output) => output.name === "ARRAY");
    assert.equal(found.type, "ARRAY");
    assert.deepEqual(plain(found.value), expect, apiVersion);
  }
};

checks.streamsTellTheWholeLife = async () => {
  const all = await events({ ...say(text), eventTypes: both });
  const workflow = all.filter((event) => event.type === "WORKFLOW").map((event) => event.data);
  assert.equal(workflow[0].state, "INITIATED");
  assert.deepEqual(workflow[0].inputs.map((i) => [i.name, i.type, i.value]), [["query", "STRING", text]]);
  assert.equal(workflow.at(-1).state, "FULFILLED");
  const streamed = workflow.filter((data) => data.state === "STREAMING").map((data) => data.output);
  const deltas = streamed.filter((output) => output.state === "STREAMING").map((output) => output.delta);
  assert.equal(deltas.length, 200);
  assert.equal(deltas.join(""), text);
  const nodes = all.filter((event) => event.type === "NODE").map((event) => event.data);
  assert.deepEqual(nodes.map((node) => node.state), ["INITIATED", ...Array(200).fill("STREAMING"), "FULFILLED"]);
  assert.equal(nodes.slice(1, -1).map((node) => node.output.value).join(""), text);
  assert.equal(nodes.at(-1).outputValues[0].value, text);
  for (const [wanted, expect] of [[undefined, ["WORKFLOW"]], [[], ["WORKFLOW"]], [["NODE"], ["NODE"]], [both, both]]) {
    const kinds = (await events({ ...say(), eventTypes: wanted })).map((event) => event.type);
    assert.deepEqual([...new Set(kinds)].sort(), [...expect].sort());
  }
};

checks.expandedMetaIsWhereItIsAskedFor = async () => {
  for (const [expandMeta, expect] of [
    [undefined, undefined], [{}, undefined], [{ usage: false }, undefined],
    [{ usage: true }, ["usage"]], [{ usage: true, cost: true, modelName: true }, ["usage", "cost", "modelName"]],
  ]) {
    const all = await events({ ...say("hi"), eventTypes: both, expandMeta });
    const { data, outputValues } = all.find((e) => e.type === "NODE" && e.data.state === "FULFILLED").data;
    if (!expect) {
      assert.equal(data ?? null, null);
      continue;
    }
    assert.equal(data.type, "PROMPT");
    assert.equal(data.data.outputId, outputValues[0].nodeOutputId);
    assert.deepEqual(Object.keys(data.data.executionMeta), expect);
  }
};

checks.inTheBackground = async () => {
  if (!client.executeWorkflowAsync) return;
  const accepted = await client.executeWorkflowAsync({ workflowDeploymentName: nameOf("slow"), inputs: [] });
  if (!canLook) return;
  const first = await client.workflows.workflowExecutionStatus(accepted.executionId);
  assert.ok(["PENDING", "INITIATED"].includes(first.status), first.status);
  const last = await ended(accepted.executionId);
  assert.deepEqual([last.status, last.outputs, last.error ?? null], ["FULFILLED", { result: "done" }, null]);
  for (const { workflow, inputs = [], code } of fixtures.failures) {
    const failing = await client.executeWorkflowAsync({ workflowDeploymentName: nameOf(workflow), inputs });
    const status = await ended(failing.executionId);
    assert.deepEqual([status.status, status.error.code], ["REJECTED", code]);
  }
  await refused(Vellum.NotFoundError, 404, "execution", () => client.workflows.workflowExecutionStatus(randomUUID()));
  await refused(Vellum.BadRequestError, 400, "execution_id", () => client.workflows.workflowExecutionStatus("a/b"));
};

async function ended(executionId) {
  const deadline = Date.now() + 30_000;
  while (Date.now() < deadline) {
    const status = await client.workflows.workflowExecutionStatus(executionId);
    if (["FULFILLED", "REJECTED"].includes(status.status)) return status;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${executionId} did not end`);
}

checks.executionsOutliveTheirClients = async () => {
  const request = { workflowDeploymentName: nameOf("slow"), inputs: [], externalId: randomUUID() };
  await assert.rejects(
    client.executeWorkflow(request, { timeoutInSeconds: 1, maxRetries: 0 }),
    /timeout/i,
  );
  const body = await refused(Vellum.BadRequestError, 400, "external_id", () => client.executeWorkflow(request));
  if (canLook) assert.equal((await ended(body.detail.split("execution ")[1].split(" ")[0])).status, "FULFILLED");
};

checks.failuresAreAnswers = async () => {
  for (const { workflow, inputs = [], code, own, node, error_code: older, message = "" } of fixtures.failures) {
    const request = { workflowDeploymentName: nameOf(workflow), inputs };
    const { data } = await client.executeWorkflow(request);
    assert.equal(data.state, "REJECTED");
    assert.deepEqual([data.error.code, data.error.rawData.code, data.error.error_code], [code, own, older]);
    assert.ok(data.error.message.includes(message), data.error.message);
    const all = await events({ ...request, eventTypes: both });
    assert.equal(all[0].data.state, "INITIATED");
    assert.deepEqual([all.at(-1).data.state, all.at(-1).data.error.code], ["REJECTED", code]);
    const last = all.filter((event) => event.type === "NODE").at(-1).data;
    assert.deepEqual([last.state, last.error.code], ["REJECTED", node]);
  }
};

checks.refusalsAreErrors = async () => {
  const kinds = { 400: Vellum.BadRequestError, 404: Vellum.NotFoundError };
  for (const { workflow, request, status, field, clients } of fixtures.refusals) {
    // The client itself rejects some of these.
    if (!clients.includes("typescript")) continue;
    const sent = written(request);
    if (workflow) sent.workflowDeploymentName = nameOf(workflow);
    await refused(kinds[status], status, field, () => client.executeWorkflow(sent));
    await refused(kinds[status], status, field, () => events(sent));
    if (client.executeWorkflowAsync) {
      await refused(kinds[status], status, field, () => client.executeWorkflowAsync(sent));
    }
  }
};

checks.keysDecide = async () => {
  const made = await http("POST", "/api/v1/auth/api-keys", { name: "reader", scopes: ["read:workflows"] });
  const { executionId } = await client.executeWorkflow(say());
  for (const [key, status, word] of [["wrong", 401, "key"], ["", 401, "key"], [made.data.secret, 403, "execute:workflows"]]) {
    const other = user(key);
    await refused(VellumError, status, word, () => other.executeWorkflow(say()));
    await refused(VellumError, status, word, () => other.executeWorkflowStream(say()));
    await refused(VellumError, status, word, () =>
      other.submitWorkflowExecutionActuals({ executionId, actuals: [] }));
  }
};

checks.actualsAreStored = async () => {
  const externalId = randomUUID();
  const { executionId, data } = await client.executeWorkflow({ ...say(), externalId });
  await client.submitWorkflowExecutionActuals({
    executionId,
    actuals: [
      { outputType: "STRING", outputKey: "result", quality: 1, desiredOutputValue: "x", timestamp: 1795271900.5, metadata: { by: "me" } },
      { outputType: "JSON", outputId: data.outputs[0].id, desiredOutputValue: { a: 1 } },
    ],
  });
  await client.submitWorkflowExecutionActuals({
    externalId,
    actuals: [{ outputType: "CHAT_HISTORY", outputKey: "size", desiredOutputValue: [{ role: "USER", text: "hi" }] }],
  });
  const stored = async () => {
    const { data } = await http("GET", `/api/v1/workflow_executions/${executionId}/actuals`);
    return data.items.map((one) => [one.output_name, one.quality, one.desired_output_value]);
  };
  const expect = [["result", 1, "x"], ["result", null, { a: 1 }], ["size", null, [{ role: "USER", text: "hi" }]]];
  assert.deepEqual(await stored(), expect);
  const good = { outputType: "STRING", outputKey: "result", quality: 1 };
  for (const [bad, word] of [
    [{ outputKey: "nope" }, "actuals[1].output_key"],
    [{ outputKey: undefined, outputId: randomUUID() }, "actuals[1].output_id"],
    [{ quality: 1.1 }, "actuals[1].quality"],
    [{ timestamp: 1e15 }, "actuals[1].timestamp"],
  ]) {
    await refused(VellumError, 400, word, () =>
      client.submitWorkflowExecutionActuals({ executionId, actuals: [good, { ...good, ...bad }, good] }));
  }
  await refused(VellumError, 404, "execution_id", () =>
    client.submitWorkflowExecutionActuals({ executionId: randomUUID(), actuals: [good] }));
  await refused(VellumError, 404, "external_id", () =>
    client.submitWorkflowExecutionActuals({ externalId: randomUUID(), actuals: [good] }));
  assert.deepEqual(await stored(), expect);
};

await createAll();
const failed = [];
const started = performance.now();
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
  } catch (error) {
    failed.push(name);
    console.error(name, error);
  }
}
const all = Object.keys(checks).length;
const took = ((performance.now() - started) / 1000).toFixed(1);
console.log(`typescript client ${version}: ${all - failed.length} of ${all} checks pass, ${took} s`);
failed.forEach((name) => console.log(`  failed: ${name}`));
process.exit(failed.length ? 1 : 0);
