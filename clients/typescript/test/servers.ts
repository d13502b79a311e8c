/** A real server, and a stub server. */

import { spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

import { Client } from "stepwell";

export interface Server {
  url: string;
  key: string;
  stop(): Promise<void>;
}

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));

/**
 * Starts the binary `STEPWELL_BIN`, or the debug build in `target/`, with an empty store and these
 * settings in its environment.
 */
export async function startServer(settings: Record<string, string> = {}): Promise<Server> {
  const binary = process.env["STEPWELL_BIN"] ?? join(ROOT, "target/debug/stepwell");
  const folder = mkdtempSync(join(tmpdir(), "stepwell-ts-"));
  const log = openSync(join(folder, "log"), "w");
  const child = spawn(binary, ["serve", "--port", "0", "--data-dir", folder], {
    stdio: ["ignore", log, log],
    env: { ...process.env, ...settings },
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  for (const deadline = Date.now() + 30_000; ; await sleep(20)) {
    try {
      const { url } = JSON.parse(readFileSync(join(folder, "server.json"), "utf8")) as {
        url: string;
      };
      const key = readFileSync(join(folder, "admin.key"), "utf8").trim();
      if ((await fetch(`${url}/healthz`)).status < 500) {
        const stop = async (): Promise<void> => {
          child.kill();
          await ended;
          rmSync(folder, { recursive: true });
        };
        return { url, key, stop };
      }
    } catch {
      // Not ready yet.
    }
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill();
      throw new Error(`the server did not start: ${readFileSync(join(folder, "log"), "utf8")}`);
    }
  }
}

/** Creates the deployments `my-workflow` (input `query`, output `result`) and `my-failing-workflow`. */
export async function createDeployments({ dataflow }: Client): Promise<void> {
  await dataflow.createWorkflow({
    name: "my-workflow",
    inputs: { query: "string" },
    steps: [{ type: "TextOperation.Uppercase", input: "{{ inputs.query }}" }],
    outputs: { result: "{{ steps.uppercase.output.text }}" },
  });
  await dataflow.createWorkflow({
    name: "my-failing-workflow",
    steps: [{ type: "Fail", config: { message: "boom" } }],
  });
}

export interface ReceivedRequest {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A response of a stub server: each chunk is flushed; `cut` then closes the connection. */
export interface StubResponse {
  status?: number;
  headers?: Record<string, string>;
  json?: unknown;
  chunks?: (string | Uint8Array)[];
  cut?: boolean;
  /** Keeps the response open. */
  hang?: boolean;
}

export interface Stub {
  url: string;
  requests: ReceivedRequest[];
  /** How many clients disconnected before the end of their response. */
  disconnects: number;
  stop(): Promise<void>;
}

/** Starts a server that responds with the results of `respond` and records the requests. */
export async function startStub(
  respond: (request: ReceivedRequest) => StubResponse | Promise<StubResponse>,
): Promise<Stub> {
  const requests: ReceivedRequest[] = [];
  let disconnects = 0;
  const server = createServer((request, response) => {
    response.on("close", () => {
      if (!response.writableFinished) disconnects += 1;
    });
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const { method = "", url: path = "", headers } = request;
      const received = { method, path, headers, body: Buffer.concat(parts).toString() };
      requests.push(received);
      void Promise.resolve(respond(received)).then((stubbed) => send(response, stubbed));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    requests,
    get disconnects() {
      return disconnects;
    },
    stop,
  };
}

async function send(response: ServerResponse, stubbed: StubResponse): Promise<void> {
  response.writeHead(stubbed.status ?? 200, stubbed.headers);
  response.flushHeaders();
  for (const chunk of stubbed.chunks ?? []) {
    await new Promise<void>((resolve) => response.write(chunk, () => resolve()));
    await sleep(1);
  }
  if (stubbed.cut) response.destroy();
  else if (!stubbed.hang)
    response.end(stubbed.json === undefined ? undefined : JSON.stringify(stubbed.json));
}

/** Responds with these, in order; the last one repeats. */
export function inOrder(...responses: StubResponse[]): () => StubResponse {
  return () => (responses.length > 1 ? responses.shift() : responses[0]) ?? {};
}

/** Delays before retries, for tests. */
export const QUICK = { baseDelay: 5, maxDelay: 10 };
export const BUSY: StubResponse = {
  status: 503,
  json: { error: { code: "UNAVAILABLE", message: "later", request_id: "r-1" } },
};
export const OK: StubResponse = { status: 202, json: { execution_id: "ex-1" } };

/** Ids that are not taken for names. */
export const WORKFLOW = "wf_00000000000000000000000001";
export const EXECUTION = "exec_00000000000000000000000001";

/** Starts a stub server and a client for it. */
export async function startClient(
  t: TestContext,
  respond: (request: ReceivedRequest) => StubResponse,
): Promise<{ stub: Stub; client: Client }> {
  const stub = await startStub(respond);
  t.after(() => stub.stop());
  return { stub, client: new Client({ apiKey: "k", baseUrl: stub.url, retryPolicy: QUICK }) };
}
