// Puts the texts that have to run as printed into modules, which the tests compile and run.
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";

const here = (path) => new URL(path, import.meta.url);

/** The snippets of a page, in order. */
function snippets(page, language) {
  const text = readFileSync(here(page), "utf8");
  const found = [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)];
  const mine = found.filter(([, name]) => name === language).map(([, , snippet]) => snippet);
  if (mine.length === 0) throw new Error(`${page} has no snippets`);
  return mine.join("\n");
}

/** `text` with `value` for its one `placeholder`. */
function put(text, placeholder, value) {
  if (text.split(placeholder).length !== 2) throw new Error(`not one ${placeholder}`);
  return text.replace(placeholder, value);
}

writeFileSync(here("../test/readme_snippets.ts"), snippets("../README.md", "ts"));

writeFileSync(here("../test/page_snippet.ts"), snippets("../../../docs/clients.md", "ts"));

// What is a user's own is put in; the rest stays as it is. The results are for the test to see.
let example = snippets("../../testing/examples.md", "typescript");
example = put(example, "'your-api-key'", "process.env['STEPWELL_API_KEY']");
example = put(example, "'exec_id'", "response.executionId");
writeFileSync(here("../test/example_snippet.ts"), `${example}\nexport { client, response };\n`);

// The name under which it is imported there, as `npm install NAME@file:…` makes it.
const scope = here("../node_modules/@vellum-ai/");
mkdirSync(scope, { recursive: true });
if (!existsSync(new URL("client", scope))) symlinkSync("../..", new URL("client", scope), "dir");
