// Puts the README's snippets, as printed, into one module, which the tests compile and run.
import { readFileSync, writeFileSync } from "node:fs";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const snippets = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map((found) => found[1]);
if (snippets.length === 0) throw new Error("README.md has no snippets");
writeFileSync(new URL("../test/readme_snippets.ts", import.meta.url), snippets.join("\n"));
