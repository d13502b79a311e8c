/**
 * Converts between the JSON of the API and the values of this package: names in snake_case and
 * camelCase, times in RFC 3339 and `Date`. User data is not converted: parameters, results, inputs,
 * outputs, values, metadata, configurations, definitions, schemas.
 */

import { revealed, Secret } from "./secret.js";

/** Fields with user data of the dataflow API. */
export const DATAFLOW_USER_DATA: ReadonlySet<string> = new Set([
  "definition",
  "metadata",
  "input",
  "output",
  "config",
  "details",
  "input_schema",
  "output_schema",
  "configuration_schema",
  "block_schema",
  "examples",
]);

/** Fields with user data of the management API. `body` is that of a webhook or a template. */
export const MANAGEMENT_USER_DATA: ReadonlySet<string> = new Set([
  ...DATAFLOW_USER_DATA,
  "configuration",
  "parameters",
  "mocks",
  "vars",
  "scope",
  "value",
  "schema",
  "result",
  "body",
  "sample",
  "rendered",
  "form",
  "desired_output_value",
]);

/** Fields with user data of the deployment endpoints, in both notations. */
export const VELLUM_USER_DATA: ReadonlySet<string> = new Set([
  "value",
  "metadata",
  "raw_data",
  "rawData",
  "desiredOutputValue",
]);

/** The same for the status of an execution, in which `outputs` maps the names of the user. */
export const STATUS_USER_DATA: ReadonlySet<string> = new Set(["outputs", "raw_data"]);

/** Fields with times that do not end in `_at`. */
const TIMES: ReadonlySet<string> = new Set([
  "timestamp",
  "ts",
  "time",
  "execution_time",
  "next_execution",
  "failing_since",
  "until",
  "start_date",
  "end_date",
]);

const isTime = (name: string): boolean => name.endsWith("_at") || TIMES.has(name);

/** A response: names in camelCase and times as `Date`, except inside of the `userData` fields. */
export function decodeFields(value: unknown, userData: ReadonlySet<string>): unknown {
  return convertFields(value, userData, (name, field) => {
    const camel = name.replace(/_([a-z0-9])/g, (match, letter: string, offset: number) =>
      offset === 0 ? match : letter.toUpperCase(),
    );
    return [camel, typeof field === "string" && isTime(name) ? new Date(field) : field];
  });
}

/** A request: names in snake_case and revealed secrets, without undefined fields. */
export function encodeFields(value: unknown, userData: ReadonlySet<string>): unknown {
  return convertFields(value, userData, (name, field) => [
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    field instanceof Secret ? revealed(field) : field,
  ]);
}

function convertFields(
  value: unknown,
  userData: ReadonlySet<string>,
  convert: (name: string, field: unknown) => [string, unknown],
): unknown {
  if (Array.isArray(value)) return value.map((item) => convertFields(item, userData, convert));
  if (!isPlainObject(value)) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(
    fields.map(([name, field]) => {
      if (userData.has(name)) return [convert(name, undefined)[0], field];
      return convert(name, convertFields(field, userData, convert));
    }),
  );
}

/** Objects of a class, such as `Date` and `Secret`, are values. */
function isPlainObject(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // An object of another realm has another `Object.prototype`.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
