/** The endpoint for actuals as its contract tells it, before a server that lacks it. */

import { startStub, type Asked, type Said, type Server } from "./servers.js";

const PATH = "/v1/submit-workflow-execution-actuals";
const KEPT = ["x-api-key", "content-type", "idempotency-key"];

/** The server itself where it has the endpoint, else one before it that has. */
export async function withActuals(server: Server): Promise<Server> {
  const headers = { "X-API-KEY": server.key, "Content-Type": "application/json" };
  const probe = await fetch(server.url + PATH, { method: "POST", headers, body: '{"actuals":[]}' });
  if (!(await probe.text()).includes("there is nothing at")) {
    return { ...server, stop: () => Promise.resolve() };
  }
  const stub = await startStub((asked) =>
    asked.path === PATH ? actuals(server, asked) : handOn(server, asked),
  );
  return { url: stub.url, key: server.key, stop: stub.stop };
}

async function handOn(server: Server, { method, path, headers, body }: Asked): Promise<Said> {
  const sent = Object.fromEntries(
    KEPT.filter((name) => headers[name]).map((name) => [name, String(headers[name])]),
  );
  const init: RequestInit = { method, headers: sent };
  if (body !== "") init.body = body;
  const got = await fetch(server.url + path, init);
  return { status: got.status, chunks: [await got.text()] };
}

async function actuals(server: Server, { body }: Asked): Promise<Said> {
  const request = JSON.parse(body) as {
    execution_id?: string;
    actuals: { execution_id?: string }[];
  };
  for (const actual of request.actuals) {
    const named = actual.execution_id ?? request.execution_id ?? "";
    const status = `${server.url}/v1/workflows/executions/${named}/status`;
    const known = await fetch(status, { headers: { "X-API-KEY": server.key } });
    if (!known.ok) return { status: 404, json: { detail: "execution_id: unknown" } };
  }
  return { json: {} };
}
