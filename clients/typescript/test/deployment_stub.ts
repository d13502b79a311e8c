/**
 * A server with the deployments `my-workflow` (input `query`, output `result`) and
 * `my-failing-workflow`. Where the real server has no deployment endpoints, they are answered here
 * as their contract tells them, and everything else is handed on.
 */

import { randomUUID } from "node:crypto";

import { Client } from "../src/index.js";
import { startStub, type Asked, type Said, type Server } from "./servers.js";

const TS = "2026-01-02T03:04:05.678Z";

export async function withDeployments(server: Server): Promise<Server> {
  const client = new Client({ apiKey: server.key, baseUrl: server.url });
  await client.createWorkflow({
    name: "my-workflow",
    inputs: { query: "string" },
    steps: [{ type: "TextOperation.Uppercase", input: "{{ inputs.query }}" }],
    outputs: { result: "{{ steps.uppercase.output.text }}" },
  });
  await client.createWorkflow({
    name: "my-failing-workflow",
    steps: [{ type: "Fail", config: { message: "boom" } }],
  });
  const probe = `${server.url}/v1/workflows/executions/00000000-0000-7000-8000-000000000000/status`;
  const told = await (await fetch(probe, { headers: { "X-API-KEY": server.key } })).text();
  if (!told.includes("there is nothing at")) return { ...server, stop: async () => {} };
  const ended = new Map<string, unknown>();
  const stub = await startStub((asked) =>
    asked.path.startsWith("/v1/") ? deployment(asked, ended) : handOn(server, asked),
  );
  return { url: stub.url, key: server.key, stop: stub.stop };
}

async function handOn(server: Server, { method, path, headers, body }: Asked): Promise<Said> {
  const kept = ["x-api-key", "content-type", "idempotency-key"].filter((name) => headers[name]);
  const sent = Object.fromEntries(kept.map((name) => [name, String(headers[name])]));
  const init: RequestInit = { method, headers: sent };
  if (body !== "") init.body = body;
  const got = await fetch(server.url + path, init);
  return { status: got.status, chunks: [await got.text()] };
}

function deployment({ path, body }: Asked, ended: Map<string, unknown>): Said {
  if (path.endsWith("/status")) {
    const known = ended.get(path.split("/").at(-2) ?? "");
    return known ? { json: known } : { status: 404, json: { detail: "no such execution" } };
  }
  const request = JSON.parse(body) as {
    workflow_deployment_name?: string;
    inputs: { name: string; value: string }[];
    event_types?: string[];
    external_id?: string;
    execution_id?: string;
    actuals: { execution_id?: string }[];
  };
  if (path === "/v1/submit-workflow-execution-actuals") {
    const known = request.actuals.every((a) =>
      ended.has(a.execution_id ?? request.execution_id ?? ""),
    );
    return known ? { json: {} } : { status: 404, json: { detail: "execution_id: unknown" } };
  }
  const name = request.workflow_deployment_name ?? "";
  if (!["my-workflow", "my-failing-workflow", "backwards"].includes(name)) {
    return { status: 404, json: { detail: `there is no deployment \`${name}\`` } };
  }
  const id = randomUUID();
  const envelope = { execution_id: id, run_id: null, external_id: request.external_id ?? null };
  const error = { message: "boom", code: "USER_DEFINED_ERROR", raw_data: null };
  const value = request.inputs[0]?.value.toUpperCase() ?? "";
  const output = { id: randomUUID(), name: "result", type: "STRING", value };
  const failing = name === "my-failing-workflow";
  const how = failing ? { state: "REJECTED", error } : { state: "FULFILLED", outputs: [output] };
  const end = { id, ts: TS, ...how };
  const outputs = failing ? null : { result: value };
  ended.set(id, { status: how.state, execution_id: id, outputs, error: failing ? error : null });
  if (path === "/v1/execute-workflow") return { json: { ...envelope, data: end } };
  if (path === "/v1/execute-workflow-async") return { json: { execution_id: id } };
  const node = { id: "n", node_id: randomUUID(), node_result_id: "r", ts: TS };
  const events: unknown[] = [
    { ...envelope, type: "WORKFLOW", data: { id, state: "INITIATED", ts: TS, inputs: [] } },
  ];
  if (request.event_types?.includes("NODE")) {
    events.push({ ...envelope, type: "NODE", data: { ...node, state: "INITIATED" } });
    events.push({
      ...envelope,
      type: "NODE",
      data: { ...node, state: "FULFILLED", output_values: [] },
    });
  }
  events.push({ ...envelope, type: "WORKFLOW", data: end });
  return { chunks: events.map((event) => `${JSON.stringify(event)}\n`) };
}
