/**
 * The built client as an ES module in a real browser, from a page of another origin.
 *
 * `CHROMIUM` is the browser's program; where it is not given and none is found the test is left
 * out. `make test-clients` installs one.
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
    ? "there is no Chromium; name one in CHROMIUM"
    : false;
const PATIENCE = 60_000;

const PAGE = `<!doctype html>
<script type="importmap">{"imports": {"stepwell": "/esm/index.js"}}</script>
<script type="module" src="/test/browser_page.js"></script>`;

/** Serves the page and the built modules; `told` has what the page makes known. */
async function startPages(): Promise<{ port: number; told: () => Promise<unknown>; stop(): void }> {
  let tell: (what: unknown) => void = () => undefined;
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const { pathname } = new URL(request.url ?? "", "http://localhost");
    if (pathname === "/told") {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        response.end();
        tell(JSON.parse(Buffer.concat(parts).toString()));
      });
    } else if (/^\/(esm|test)\/[\w-]+\.js$/.test(pathname)) {
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
    told: () => new Promise((resolve) => (tell = resolve)),
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Opens a page in a browser of its own, until `done`. */
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
    // Keeps it open.
    "--remote-debugging-port=0",
    `--user-data-dir=${folder}`,
  ];
  const browser = spawn(PROGRAM, [...flags, url], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  browser.stderr.on("data", (part: Buffer) => (said = (said + part.toString()).slice(-4000)));
  const ended = new Promise<void>((resolve) => browser.once("close", () => resolve()));
  const failed = new Promise<never>((_, reject) => {
    const fail = (why: string): void => reject(new Error(`${why}: ${said}`));
    browser.once("error", ({ message }) => fail(`${PROGRAM} does not start, ${message}`));
    browser.once("close", () => fail(`${PROGRAM} ended`));
    setTimeout(() => fail(`no word of the page after ${PATIENCE} ms`), PATIENCE).unref();
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
  const asked = new URLSearchParams({ server: server.url, key: server.key }).toString();

  const told = await browse(`http://localhost:${pages.port}/?${asked}`, pages.told());
  const { last, ...rest } = told as { last: { event: string; status: string; result: unknown } };
  assert.deepEqual(rest, {
    description: "d",
    result: { text: "NWOD" },
    steps: ["shout running", "shout completed", "turn running", "turn completed"],
    resumed: true,
    refused: ["PARAMETER_VALIDATION_ERROR", "parameters.text", "string"],
    audited: ["workflow.created", "workflow.activated", "workflow.updated"],
    forged: "WEBHOOK_NOT_VERIFIED",
  });
  assert.deepEqual([last.event, last.status, last.result], ["status", "completed", { text: "PU" }]);

  // The same page from an origin that is not allowed is told nothing.
  const other = `http://127.0.0.1:${pages.port}/?${asked}&way=forbidden`;
  assert.deepEqual(await browse(other, pages.told()), { kind: "CONNECTION_FAILED" });
});
