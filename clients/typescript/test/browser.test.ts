/**
 * The built client as an ES module in a real browser, from a page of another origin.
 *
 * `CHROMIUM` is the path of the browser; if it is not set and none is found, the test is skipped.
 * `make test-clients` installs one.
 */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { startServer } from "./servers.js";

const DIST = fileURLToPath(new URL("../", import.meta.url));
const PROGRAM = process.env["CHROMIUM"] ?? "chromium";
const MISSING =
  process.env["CHROMIUM"] === undefined && spawnSync(PROGRAM, ["--version"]).status !== 0
    ? "Chromium was not found; set CHROMIUM"
    : false;
const TIMEOUT = 60_000;

const PAGE = `<!doctype html>
<script type="importmap">{"imports": {"stepwell": "/esm/index.js"}}</script>
<script type="module" src="/test/browser_page.js"></script>`;

/** Serves the page and the built modules; `result` resolves to the result that the page posts. */
async function startPages(): Promise<{
  port: number;
  result: () => Promise<unknown>;
  stop(): void;
}> {
  let resolveResult: (value: unknown) => void = () => undefined;
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const { pathname } = new URL(request.url ?? "", "http://localhost");
    if (pathname === "/result") {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        response.end();
        resolveResult(JSON.parse(Buffer.concat(parts).toString()));
      });
    } else if (/^\/(esm|test)(\/[\w-]+){1,2}\.js$/.test(pathname)) {
      response.setHeader("Content-Type", "text/javascript");
      response.end(readFileSync(join(DIST, pathname)));
    } else {
      response.setHeader("Content-Type", "text/html");
      response.end(pathname === "/" ? PAGE : "");
    }
  };
  const server = createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    result: () => new Promise((resolve) => (resolveResult = resolve)),
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Opens a page in a new browser until `done`. */
async function browse<T>(url: string, done: Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "stepwell-chromium-"));
  const flags = [
    "--headless",
    "--no-sandbox", // Tests may run as root.
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    // Keeps the browser open.
    "--remote-debugging-port=0",
    `--user-data-dir=${folder}`,
  ];
  const browser = spawn(PROGRAM, [...flags, url], { stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  browser.stderr.on("data", (part: Buffer) => (stderr = (stderr + part.toString()).slice(-4000)));
  const ended = new Promise<void>((resolve) => browser.once("close", () => resolve()));
  const failed = new Promise<never>((_, reject) => {
    const fail = (reason: string): void => reject(new Error(`${reason}: ${stderr}`));
    browser.once("error", ({ message }) => fail(`${PROGRAM} does not start, ${message}`));
    browser.once("close", () => fail(`${PROGRAM} ended`));
    setTimeout(() => fail(`no result from the page after ${TIMEOUT} ms`), TIMEOUT).unref();
  });
  try {
    return await Promise.race([done, failed]);
  } finally {
    browser.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

test("in a browser, from another origin", { skip: MISSING }, async (t) => {
  const pages = await startPages();
  t.after(() => pages.stop());
  const origins = JSON.stringify([`http://localhost:${pages.port}`]);
  const server = await startServer({ STEPWELL__API__ALLOWED_ORIGINS: origins });
  t.after(() => server.stop());
  const query = new URLSearchParams({ server: server.url, key: server.key }).toString();

  const result = await browse(`http://localhost:${pages.port}/?${query}`, pages.result());
  const { last, ...rest } = result as { last: { event: string; status: string; result: unknown } };
  assert.deepEqual(rest, {
    description: "d",
    result: { text: "NWOD" },
    waited: { text: "PU" },
    secret: "**********",
    steps: ["shout running", "shout completed", "turn running", "turn completed"],
    resumed: true,
    refused: ["PARAMETER_VALIDATION_ERROR", "parameters.text", "string"],
    audited: ["workflow.created", "workflow.activated", "workflow.updated"],
    forged: "WEBHOOK_NOT_VERIFIED",
  });
  assert.deepEqual([last.event, last.status, last.result], ["status", "completed", { text: "PU" }]);

  // From an origin that is not allowed, the page gets no response.
  const other = `http://127.0.0.1:${pages.port}/?${query}&way=forbidden`;
  assert.deepEqual(await browse(other, pages.result()), { kind: "CONNECTION_FAILED" });
});
