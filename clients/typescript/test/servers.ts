/** A real server, and one that is told what to say. */

import { spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

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
      // Not there yet.
    }
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill();
      throw new Error(`the server did not start: ${readFileSync(join(folder, "log"), "utf8")}`);
    }
  }
}

export interface Asked {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** An answer: `chunks` are flushed one by one; `cut` then breaks the connection. */
export interface Said {
  status?: number;
  headers?: Record<string, string>;
  json?: unknown;
  chunks?: (string | Uint8Array)[];
  cut?: boolean;
  /** Never ends the answer. */
  hang?: boolean;
}

export interface Stub {
  url: string;
  asked: Asked[];
  /** How many clients left before the end of their answer. */
  left: number;
  stop(): Promise<void>;
}

/** A server that answers as `answer` says, and keeps what it was asked. */
export async function startStub(answer: (asked: Asked) => Said | Promise<Said>): Promise<Stub> {
  const asked: Asked[] = [];
  let left = 0;
  const server = createServer((request, response) => {
    response.on("close", () => {
      if (!response.writableFinished) left += 1;
    });
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const { method = "", url: path = "", headers } = request;
      const one = { method, path, headers, body: Buffer.concat(parts).toString() };
      asked.push(one);
      void Promise.resolve(answer(one)).then((said) => say(response, said));
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
    asked,
    get left() {
      return left;
    },
    stop,
  };
}

async function say(response: ServerResponse, said: Said): Promise<void> {
  response.writeHead(said.status ?? 200, said.headers);
  response.flushHeaders();
  for (const chunk of said.chunks ?? []) {
    await new Promise<void>((resolve) => response.write(chunk, () => resolve()));
    await sleep(1);
  }
  if (said.cut) response.destroy();
  else if (!said.hang)
    response.end(said.json === undefined ? undefined : JSON.stringify(said.json));
}

/** Answers one after the other; the last for ever. */
export function inTurn(...answers: Said[]): () => Said {
  return () => (answers.length > 1 ? answers.shift() : answers[0]) ?? {};
}
