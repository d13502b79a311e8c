// Writes the snippets of the pages to modules, which the tests compile and run.
import { cpSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";

const here = (path) => new URL(path, import.meta.url);

/** The snippets of a page, in order. */
function snippets(page, language) {
  const text = readFileSync(here(page), "utf8");
  const found = [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)];
  const matching = found.filter(([, name]) => name === language).map(([, , snippet]) => snippet);
  if (matching.length === 0) throw new Error(`${page} has no snippets`);
  return matching.join("\n");
}

/** Replaces the only `placeholder` in `text`. */
function substitute(text, placeholder, value) {
  if (text.split(placeholder).length !== 2) throw new Error(`expected one ${placeholder}`);
  return text.replace(placeholder, value);
}

writeFileSync(here("../test/readme_snippets.ts"), snippets("../README.md", "ts"));

writeFileSync(here("../test/page_snippet.ts"), snippets("../../../docs/clients.md", "ts"));

// Inserts the user's own values; exports the results for the test.
let example = snippets("../../testing/examples.md", "typescript");
example = substitute(example, "'your-api-key'", "process.env['STEPWELL_API_KEY']");
example = substitute(example, "'exec_id'", "response.executionId");
writeFileSync(here("../test/example_snippet.ts"), `${example}\nexport { client, response };\n`);

// Installs both packages under the names that the example imports, as npm does. The second one is
// copied, since Node looks for `stepwell` from the real path of a link.
const modules = here("../node_modules/");
const link = new URL("stepwell", modules);
if (!existsSync(link)) symlinkSync("..", link, "dir");
const vellum = new URL("@vellum-ai/client/", modules);
rmSync(new URL("@vellum-ai", modules), { recursive: true, force: true });
cpSync(here("../../typescript-vellum/"), vellum, { recursive: true });
