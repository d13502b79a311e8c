/**
 * Converts between the snake_case of the API and the camelCase of this package. Only the names of
 * the API are converted, not user data: values, inputs, outputs, metadata, definitions, schemas.
 */

/** Fields with user data of the dataflow API, the API keys and the releases. */
export const DATAFLOW_USER_DATA: ReadonlySet<string> = new Set([
  "definition",
  "metadata",
  "input",
  "output",
  "details",
  "input_schema",
  "output_schema",
  "configuration_schema",
  "examples",
  "desired_output_value",
]);

/** Fields with user data of the management API. `body` is the body of a webhook request or a template. */
export const MANAGEMENT_USER_DATA: ReadonlySet<string> = new Set([
  "configuration",
  "definition",
  "metadata",
  "parameters",
  "result",
  "input",
  "output",
  "details",
  "input_schema",
  "output_schema",
  "configuration_schema",
  "examples",
  "body",
  "sample",
  "rendered",
]);

/** Fields with user data of the deployment endpoints, in both notations. */
export const DEPLOYMENT_USER_DATA: ReadonlySet<string> = new Set([
  "value",
  "metadata",
  "raw_data",
  "rawData",
  "desiredOutputValue",
]);

/** The same for the status of an execution, in which `outputs` maps the names of the user. */
export const STATUS_USER_DATA: ReadonlySet<string> = new Set(["outputs", "raw_data"]);

/** `value` with field names in camelCase, except inside of the `userData` fields. */
export function toCamelCase(value: unknown, userData: ReadonlySet<string>): unknown {
  return renameFields(value, userData, (name) =>
    name.replace(/_([a-z0-9])/g, (match, letter: string, offset: number) =>
      offset === 0 ? match : letter.toUpperCase(),
    ),
  );
}

/** `value` with field names in snake_case, without undefined fields. */
export function toSnakeCase(value: unknown, userData: ReadonlySet<string>): unknown {
  return renameFields(value, userData, (name) =>
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  );
}

function renameFields(
  value: unknown,
  userData: ReadonlySet<string>,
  rename: (name: string) => string,
): unknown {
  if (Array.isArray(value)) return value.map((item) => renameFields(item, userData, rename));
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(
    fields.map(([name, field]) => [
      rename(name),
      userData.has(name) ? (field as unknown) : renameFields(field, userData, rename),
    ]),
  );
}
