/** Files of maps, against the real server. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import * as stepwell from "stepwell";

import { collect } from "./checks.js";
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

test("files", async () => {
  const configuration: stepwell.Configuration = {
    steps: [
      {
        id: "rows",
        type: "Map",
        over: ["é\u2028", 2, 3],
        collect: "file",
        on_item_error: "collect",
        steps: [
          { type: "Fail", when: "item == 2", config: { code: "BAD", message: "bad" } },
          { id: "row", type: "Echo", input: { is_row: "{{ item }}" } },
        ],
        output: "{{ steps.row.output }}",
      },
    ],
  };
  const workflow = await client.workflows.create({ name: "files", configuration });
  await client.workflows.activate(workflow.id);
  const { id, result } = await client.workflows.execute(workflow.id);
  const { items } = await client.executions.listFiles(id);
  const { bytes } = result as { bytes: number };
  const file = { name: "rows", isComplete: true, completed: 2, failed: 1, bytes };
  assert.deepEqual(items, [file]);
  assert.deepEqual(await collect(client.executions.readFile(id, "rows")), [
    { index: 0, output: { is_row: "é\u2028" } },
    { index: 1, error: { code: "BAD", message: "bad", step: "rows[1].fail", details: null } },
    { index: 2, output: { is_row: 3 } },
  ]);
  await assert.rejects(collect(client.executions.readFile(id, "other")), stepwell.NotFoundError);
});
