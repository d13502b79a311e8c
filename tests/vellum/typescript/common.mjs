// Helpers of the checks: the fixtures, a prepared server, and the client, unpatched.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

export const [base, key, packages] = process.argv.slice(2);
const load = createRequire(path.join(path.resolve(packages), "x.js"));
export const { Vellum, VellumClient, VellumError } = load("vellum-ai");
export const { version } = load("vellum-ai/package.json");
export const fixtures = JSON.parse(readFileSync(new URL("../fixtures.json", import.meta.url)));
const run = randomUUID().slice(0, 8);

export const user = (apiKey = key, options = {}) =>
  new VellumClient({ apiKey, environment: { default: base, predict: base, documents: base }, ...options });
export const client = user();

/// The deployment's name in this run.
export const nameOf = (workflow) => `${workflow}-${run}`;

/// A request without the client, for operations that it has no method for.
export async function http(method, target, body) {
  const response = await fetch(base + target, {
    method,
    headers: { "X-API-KEY": key, "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  assert.ok(response.ok, `${method} ${target}: ${response.status}`);
  return response.json();
}

export async function createAll() {
  for (const [name, definition] of Object.entries(fixtures.workflows)) {
    await http("POST", "/workflows", { ...definition, name: nameOf(name) });
  }
}

/// All events of a stream.
export async function events(request, options) {
  const read = [];
  for await (const event of await client.executeWorkflowStream(request, options)) read.push(event);
  return read;
}

/// Checks that `call` throws exactly that error of the client, with the word in its detail. The client
/// does not parse the bodies of rejected streams.
export async function refused(kind, status, word, call) {
  let error;
  try {
    await call();
  } catch (caught) {
    error = caught;
  }
  assert.ok(error, `${word}: was not refused`);
  assert.equal(error.constructor, kind, error);
  assert.equal(error.statusCode, status, error);
  const body = error.body?.getReader ? JSON.parse(await new Response(error.body).text()) : error.body;
  assert.ok(body.detail.includes(word), `${word}: ${JSON.stringify(body)}`);
  assert.ok(body.code && body.request_id, JSON.stringify(body));
  return body;
}

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());

function keys(value, rename) {
  if (Array.isArray(value)) return value.map((inner) => keys(inner, rename));
  if (value === null || typeof value !== "object") return value ?? null;
  const entries = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
  return Object.fromEntries(entries.map(([name, inner]) => [rename(name), keys(inner, rename)]));
}

/// A value with the field names of the API, without nulls.
export const plain = (value) => keys(value, snake);
/// A fixture with the field names of this client.
export const written = (value) => keys(value, camel);
