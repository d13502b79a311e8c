/**
 * Compares the client with the OpenAPI document of the server: every operation has a method, which
 * sends all parameters, and whose return type matches the response: it has all fields, accepts those
 * that are missing or null, and lists all values of an enumeration.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import * as stepwell from "stepwell";
import ts from "typescript";

import { startServer, startStub, type ReceivedRequest } from "./servers.js";

/** How an operation is called; see the description in the file. */
interface Entry {
  call: string;
  args?: unknown[];
  options?: Record<string, unknown>;
  typescript?: unknown[];
  unsent?: string[];
}

interface Schema {
  $ref?: string;
  required?: string[];
  enum?: string[];
  type?: string | string[];
  format?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  allOf?: Schema[];
  oneOf?: Schema[];
}

interface Operation {
  operationId: string;
  parameters?: { name: string; in: string }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>;
}

interface Description {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

const TABLE = fileURLToPath(new URL("../../../testing/operations.json", import.meta.url));
const { operations, same_as } = JSON.parse(readFileSync(TABLE, "utf8")) as {
  operations: Record<string, Entry>;
  same_as: Record<string, string>;
};

/** Probes, and calls that only the published vellum clients use. */
const EXCLUDED = /^\/(healthz|readyz|metrics|openapi\.json|v1\/.*)$/;

let description: Description;
/** Method, path and operation of each. */
let all: [string, string, Operation][];

before(async () => {
  const server = await startServer();
  description = (await (await fetch(`${server.url}/openapi.json`)).json()) as Description;
  await server.stop();
  all = Object.entries(description.paths).flatMap(([path, calls]) =>
    Object.entries(calls).map(([method, call]): [string, string, Operation] => [
      method.toUpperCase(),
      path,
      call,
    ]),
  );
});

const camel = (name: string): string =>
  name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

test("every operation has a method", () => {
  const missing = all
    .filter(([, path]) => !EXCLUDED.test(path))
    .map(([, , { operationId }]) => operationId)
    .filter((id) => !(id in operations) && !(id in same_as));
  assert.deepEqual(missing, [], "add a method and its entry in clients/testing/operations.json");
  const client = new stepwell.Client();
  for (const [, , { operationId }] of all) {
    const { call } = operations[operationId] ?? {};
    if (call) assert.equal(typeof method(client, call), "function", call);
  }
});

function method(client: stepwell.Client, call: string): (...args: unknown[]) => unknown {
  const parts = call.split(".").map(camel);
  const name = parts.pop() ?? "";
  const owner = parts.reduce(
    (at, part) => (at as Record<string, unknown>)[part],
    client as unknown,
  ) as Record<string, (...args: unknown[]) => unknown>;
  const found = owner[name];
  assert.ok(found, `${call} is not a method`);
  return (...args) => found.apply(owner, args);
}

test("every method sends all parameters of its operation", async (t) => {
  const stub = await startStub(() => ({ status: 404, json: { message: "no", errors: [] } }));
  t.after(() => stub.stop());
  const client = new stepwell.Client({ apiKey: "k", baseUrl: stub.url, maxRetries: 0 });
  for (const [verb, path, operation] of all) {
    const entry = operations[operation.operationId];
    if (!entry) continue;
    const options = Object.entries(entry.options ?? {}).map(([name, value]) => [
      camel(name),
      value,
    ]);
    const args = entry.typescript ?? [...(entry.args ?? []), Object.fromEntries(options)];
    const created = method(client, entry.call)(...args) as
      Promise<unknown> | AsyncGenerator<unknown>;
    const done = "then" in created ? created : created.next();
    await assert.rejects(done, stepwell.NotFoundError, operation.operationId);
    const request = stub.requests.pop();
    assert.ok(request && stub.requests.length === 0, operation.operationId);
    const template = new RegExp(`^${path.replace(/\{\w+\}/g, "[^/]+")}$`);
    assert.equal(request.method, verb);
    assert.match(request.path.split("?")[0] ?? "", template);
    const names = sentNames(request);
    for (const name of acceptedNames(operation)) {
      const isSent = names.has(name) || entry.unsent?.includes(name);
      assert.ok(isSent, `${operation.operationId} does not send ${name}`);
    }
    assertSentValues(request, entry, operation.operationId);
  }
});

/** The sent values are those of the options with the same name. */
function assertSentValues({ path, body }: ReceivedRequest, entry: Entry, operation: string): void {
  const query = new URL(path, "http://localhost").searchParams;
  const fields = (body ? JSON.parse(body) : {}) as Record<string, unknown>;
  for (const [name, value] of Object.entries(entry.options ?? {})) {
    // `dataflow.run` sends its timeout with a unit.
    if (query.has(name) && name !== "timeout") {
      assert.equal(query.get(name), String(value), `${operation}: ${name}`);
    }
    if (name in fields) assert.deepEqual(fields[name], value, `${operation}: ${name}`);
  }
}

/** The names of an operation's parameters, and of the fields of its body. */
function acceptedNames({ parameters = [], requestBody }: Operation): string[] {
  const names = parameters.filter((one) => one.in !== "path").map(({ name }) => name);
  const body = requestBody?.content["application/json"]?.schema;
  return [...names, ...(body ? fields(body).keys() : [])];
}

/** The names of the parameters and fields that were sent. */
function sentNames({ headers, path, body }: ReceivedRequest): Set<string> {
  const named = ["Idempotency-Key", "If-Match", "Last-Event-ID"];
  return new Set([
    ...named.filter((name) => name.toLowerCase() in headers),
    ...new URL(path, "http://localhost").searchParams.keys(),
    ...Object.keys(body ? (JSON.parse(body) as object) : {}),
  ]);
}

function resolve(schema: Schema): Schema {
  if (!schema.$ref) return schema;
  return resolve(description.components.schemas[schema.$ref.split("/").pop() ?? ""] ?? {});
}

/** The fields of an object by their names. */
function fields(schema: Schema): Map<string, Schema> {
  const { properties = {}, allOf = [], oneOf = [] } = resolve(schema);
  const inherited = [...allOf, ...oneOf].flatMap((part) => [...fields(part)]);
  return new Map([...Object.entries(properties), ...inherited]);
}

/** The names of the fields that are in every object of a schema. */
function requiredFields(schema: Schema): Set<string> {
  const { required = [], allOf = [], oneOf = [] } = resolve(schema);
  const options = oneOf.filter((part) => part.type !== "null").map(requiredFields);
  const common = [...(options[0] ?? [])].filter((name) => options.every((one) => one.has(name)));
  return new Set([...required, ...allOf.flatMap((part) => [...requiredFields(part)]), ...common]);
}

function isNullable(schema: Schema): boolean {
  const { type, oneOf = [] } = resolve(schema);
  return [type].flat().includes("null") || oneOf.some(isNullable);
}

/** The sorted values of an enumeration. */
function enumValues(schema: Schema): string[] {
  const { enum: values = [], allOf = [], oneOf = [] } = resolve(schema);
  return [...values, ...[...allOf, ...oneOf].flatMap(enumValues)].sort();
}

/** Fields with another name in the client. */
const RENAMED: Record<string, string> = {
  execution_id: "id",
  workflows: "items",
  executions: "items",
};

/** Times that stay as text. */
const TEXTS: ReadonlySet<string> = new Set(["local_time"]);

const isTimestamp = ({ format }: Schema): boolean => format === "date-time";

test("every type matches the response of its operation", () => {
  const types = createRequire(import.meta.url)
    .resolve("stepwell")
    .replace("cjs", "esm");
  const index = types.replace(/\.js$/, ".d.ts");
  const program = ts.createProgram([index], {
    strict: true,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
    types: [],
  });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(index);
  const exported = source && checker.getSymbolAtLocation(source);
  assert.ok(exported);
  const symbol = checker.getExportsOfModule(exported).find(({ name }) => name === "Client");
  assert.ok(source && symbol);
  const client = checker.getDeclaredTypeOfSymbol(checker.getAliasedSymbol(symbol));
  /** The type of a property, and whether it can be missing. */
  const property = (owner: ts.Type, name: string): [ts.Type, boolean] | undefined => {
    const parts = owner.isUnion() ? owner.types : [owner];
    const found = parts.map((part) => checker.getPropertyOfType(part, name));
    const symbol = found.find(Boolean);
    if (!symbol) return undefined;
    const isOptional = found.some((one) => !one || one.flags & ts.SymbolFlags.Optional);
    return [checker.getTypeOfSymbolAtLocation(symbol, source), isOptional];
  };
  const typeOf = (owner: ts.Type, name: string): ts.Type | undefined => {
    const found = property(owner, name);
    return found && checker.getNonNullableType(found[0]);
  };
  const USER_DATA = ts.TypeFlags.Any | ts.TypeFlags.Unknown | ts.TypeFlags.TypeParameter;
  const acceptsNull = (type: ts.Type): boolean =>
    [type, ...(type.isUnion() ? type.types : [])].some(
      (part) => part.flags & (ts.TypeFlags.Null | USER_DATA),
    );
  const literals = (type: ts.Type): string[] =>
    (type.isUnion() ? type.types : [type])
      .flatMap((part) => (part.isStringLiteral() ? [part.value] : []))
      .sort();
  const differences: string[] = [];

  /** Collects the differences between a schema and a type. */
  function compare(schema: Schema, type: ts.Type, where: string): void {
    const [last, before] = where.split(".").reverse();
    // A type that contains itself is compared once.
    if (last === before) return;
    const found = fields(schema);
    const data = found.get("data");
    if (data && found.has("status")) return compare(data, type, where);
    // User data.
    if (type.flags & USER_DATA) return;
    if (checker.getIndexInfosOfType(type).some(({ keyType }) => keyType.flags & STRING)) return;
    if (checker.isArrayType(type)) {
      const lists = [schema, ...found.values()].map(resolve);
      const items = lists.find((one) => one.items)?.items;
      const [item] = checker.getTypeArguments(type as ts.TypeReference);
      assert.ok(items && item, where);
      return compare(items, item, `${where}[]`);
    }
    if (isText(type) || ["Date", "Secret"].includes(type.symbol?.name)) return;
    const required = requiredFields(schema);
    for (const [name, inner] of found) {
      const path = `${where}.${name}`;
      if (name === "pagination") {
        compare(inner, type, path);
        continue;
      }
      const held = property(type, camel(name)) ?? property(type, RENAMED[name] ?? "");
      if (!held) {
        differences.push(`${path} is missing`);
        continue;
      }
      const [heldType, isOptional] = held;
      if (isNullable(inner)) {
        // The document does not require nullable fields, but the server sends them as null.
        if (!acceptsNull(heldType) && !isOptional) differences.push(`${path} can be null`);
      } else if (!required.has(name) && !isOptional && !(heldType.flags & USER_DATA)) {
        differences.push(`${path} can be missing`);
      }
      const [known, values] = [literals(heldType), enumValues(inner)];
      if (known.length > 0 && values.length > 0 && String(known) !== String(values)) {
        differences.push(`${path} has the values ${values.join(", ")}`);
      }
      const value = checker.getNonNullableType(heldType);
      const isTime = [inner, ...(inner.oneOf ?? [])].map(resolve).some(isTimestamp);
      if (isTime !== (value.symbol?.name === "Date") && !TEXTS.has(name)) {
        differences.push(`${path} is ${isTime ? "" : "not "}a time`);
      }
      compare(inner, value, path);
    }
  }
  const STRING = ts.TypeFlags.String;
  const isText = (type: ts.Type): boolean => (type.flags & ts.TypeFlags.StringLike) !== 0;

  for (const [, , operation] of all) {
    const entry = operations[operation.operationId];
    if (!entry) continue;
    const created = entry.call
      .split(".")
      .map(camel)
      .reduce<ts.Type | undefined>((at, name) => at && typeOf(at, name), client);
    const returned = created?.getCallSignatures()[0]?.getReturnType();
    assert.ok(returned, entry.call);
    const [awaited] = checker.getTypeArguments(returned as ts.TypeReference);
    assert.ok(awaited, entry.call);
    for (const [status, { content }] of Object.entries(operation.responses)) {
      const schema = content?.["application/json"]?.schema;
      if (status.startsWith("2") && schema && !(awaited.flags & ts.TypeFlags.Void)) {
        compare(schema, awaited, operation.operationId);
      }
    }
  }
  assert.deepEqual(differences, []);
});
