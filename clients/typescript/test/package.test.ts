/** The package: its formats, and the snippets of the pages. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";

import * as stepwell from "stepwell";

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

/** The lines that a module prints. */
async function printedLines(t: TestContext, run: () => Promise<unknown>): Promise<string[]> {
  process.env["STEPWELL_URL"] = server.url;
  process.env["STEPWELL_API_KEY"] = server.key;
  const lines: string[] = [];
  t.mock.method(console, "debug", () => undefined);
  const log = t.mock.method(console, "log", (...parts: unknown[]) => {
    lines.push(
      parts.map((part) => (typeof part === "string" ? part : JSON.stringify(part))).join(" "),
    );
  });
  await run();
  log.mock.restore();
  return lines;
}

test("the example runs unchanged", async (t) => {
  type Example = typeof import("./example_snippet.js");
  let example: Example | undefined;
  const output = await printedLines(t, async () => {
    example = await import("./example_snippet.js");
  });
  assert.ok(example?.response.data.state === "FULFILLED");
  assert.equal(example.response.data.outputs[0]?.value, "PROCESS THIS");
  const node = output[1]?.split(" ")[1] ?? "";
  assert.deepEqual(output, [
    "Workflow state: INITIATED",
    `Node ${node} INITIATED`,
    `Node ${node} FULFILLED`,
    "Workflow state: STREAMING",
    "Workflow state: FULFILLED",
  ]);
  const [actual] = (await client.executions.listActuals(example.response.executionId)).items;
  assert.deepEqual(
    [actual?.outputName, actual?.desiredOutputValue, actual?.matched],
    ["result", "Expected output", false],
  );
});

test("the snippets of the README run unchanged", async (t) => {
  const output = await printedLines(t, () => import("./readme_snippets.js"));
  for (const part of [
    'completed {"text":"RETAW EHT OT NWOD"}',
    'completed {"text":"NWOD"}',
    "reverse completed 2",
    "2 of 3",
    "1 2",
    "PRECONDITION_FAILED",
    '{"text":"21"}',
    '{"text":"THGIN DOOG"}',
    'stable [{"release":1,"weight":1}]',
    "Dear Ada, your order is on its way.",
    "Dear Grace, your order is on its way.",
    '"**********"',
    '["read:workflows"]',
    "developer 50",
    '["reader"]',
    "INVALID_WORKFLOW_CONFIG",
    "STOCK_EMPTY fail failed",
    "stopped",
    "true one execution",
    "200 application/json",
    "/api/v1/auth/me 200 true",
    "text STRING NWOD",
    "Workflow state: FULFILLED",
    "text null true",
    "2 0.9 1",
    '{"text":"HEY"}',
  ]) {
    assert.ok(output.includes(part), `${part} in\n${output.join("\n")}`);
  }
  const updated = output.some((line) => line.endsWith(' admin workflow.updated ["description"]'));
  assert.ok(updated, output.join("\n"));
});

test("the snippet of docs/clients.md runs", async (t) => {
  const output = await printedLines(t, () => import("./page_snippet.js"));
  assert.deepEqual([output[0], output.at(-1)], ['{"text":"HELLO"}', "completed"]);
});

test("the API reference is up to date", async () => {
  const root = new URL("../../", import.meta.url);
  const script = new URL("scripts/api-reference.mjs", root).href;
  const { generateReference } = (await import(script)) as { generateReference(): string };
  const generated = generateReference();
  const page = fileURLToPath(new URL("API.md", root));
  if (process.env["UPDATE_DOCS"]) writeFileSync(page, generated);
  const message = "run `UPDATE_DOCS=1 npm test` to generate API.md";
  assert.equal(readFileSync(page, "utf8"), generated, message);
  const undocumented = generated.match(/^### `\w+\.\w+\(.*\n\n```/gm);
  assert.equal(undocumented, null, "methods without a comment");
});

test("the package has both module formats and the name in docs/clients.md", () => {
  const folder = fileURLToPath(new URL("../../", import.meta.url));
  const options = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const output = execFileSync("npm", options, { cwd: folder, encoding: "utf8" });
  const [pack] = JSON.parse(output) as { filename: string; files: { path: string }[] }[];
  assert.ok(pack);
  const page = readFileSync(join(folder, "../../docs/clients.md"), "utf8");
  assert.ok(page.includes(`npm install ./clients/typescript/${pack.filename} `), pack.filename);
  const files = pack.files.map(({ path }) => path);
  for (const format of ["esm", "cjs"]) {
    for (const name of ["index.js", "index.d.ts"]) {
      assert.ok(files.includes(`dist/${format}/${name}`), `${format}/${name}`);
    }
  }
  assert.ok(files.every((path) => !path.includes("test")));
});

test("the package is also a CommonJS module", () => {
  const required = createRequire(import.meta.url)("stepwell") as typeof stepwell;
  assert.equal(typeof required.Client, "function");
  assert.notEqual(required.Client, stepwell.Client);
});
