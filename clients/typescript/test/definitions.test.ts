/** The types of definitions match the schema that the server publishes. */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { Client, type Configuration, type Definition } from "stepwell";

import { startServer } from "./servers.js";

interface Generator {
  generateDefinitionTypes(schema: object): string;
}

const root = new URL("../../", import.meta.url);
const TYPES = fileURLToPath(new URL("src/definitions.ts", root));

/** Descriptions can be reworded without a change of the types. */
const withoutComments = (text: string): string =>
  text.replace(/\/\*\*.*?\*\//gs, "").replace(/\n\s*/g, "\n");

test("the types of definitions are up to date", async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  const schema = await new Client({ baseUrl: server.url }).stepTypes.definitionSchema();
  const script = new URL("scripts/definition-types.mjs", root).href;
  const { generateDefinitionTypes } = (await import(script)) as Generator;
  const generated = generateDefinitionTypes(schema);
  if (process.env["UPDATE_TYPES"]) writeFileSync(TYPES, generated);
  const current = readFileSync(TYPES, "utf8");
  assert.equal(
    withoutComments(current),
    withoutComments(generated),
    "run `UPDATE_TYPES=1 npm test` to generate src/definitions.ts",
  );
});

// Checked by the compiler.
export const VALID: (Definition | Configuration)[] = [
  { name: "n", steps: ["Echo"] },
  {
    steps: [{ type: "Delay", config: { for: "1h" } }],
    inputs: { a: "string?", b: { type: "number" } },
  },
  { definition: { steps: ["Echo"] }, my_own: { field: 1 } },
  {
    steps: [
      {
        type: "HttpRequest",
        config: { url: "https://example.com", method: "{{ inputs.method }}" },
      },
      {
        id: "x",
        type: "Echo",
        after: ["http_request"],
        on_error: "goto:x",
        retry: { max_attempts: 2 },
      },
    ],
  },
];
export const INVALID: (Definition | Configuration)[] = [
  // @ts-expect-error `type` is not the type of a step
  { steps: [{ type: "NoSuchStep" }] },
  // @ts-expect-error `message` is required
  { steps: [{ type: "Fail", config: {} }] },
  // @ts-expect-error `FETCH` is not a method
  { steps: [{ type: "HttpRequest", config: { url: "https://example.com", method: "FETCH" } }] },
  // @ts-expect-error `strng` is not a type
  { steps: ["Echo"], inputs: { a: "strng" } },
];
