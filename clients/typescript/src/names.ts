/**
 * Between the server's snake_case and this package's camelCase. Only the names of the API are
 * changed: what users store (values, inputs, outputs, metadata, definitions, schemas) stays as it
 * is.
 */

/** Fields of all but the deployment endpoints whose content belongs to users. */
export const DATAFLOW: ReadonlySet<string> = new Set([
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

/** The same for the management API, both ways. `body` is what a webhook was sent. */
export const MANAGEMENT: ReadonlySet<string> = new Set([
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
]);

/** The same for the deployment endpoints, both ways. */
export const DEPLOYMENTS: ReadonlySet<string> = new Set([
  "value",
  "metadata",
  "raw_data",
  "rawData",
  "desiredOutputValue",
]);

/** The same for the status of an execution, whose outputs are a map of the user's own names. */
export const STATUS: ReadonlySet<string> = new Set(["outputs", "raw_data"]);

/** `value` with its names in camelCase. */
export function camel(value: unknown, opaque: ReadonlySet<string>): unknown {
  return renamed(value, opaque, (name) =>
    name.replace(/_([a-z0-9])/g, (found, letter: string, at: number) =>
      at === 0 ? found : letter.toUpperCase(),
    ),
  );
}

/** `value` with its names in snake_case, without what is undefined. */
export function snake(value: unknown, opaque: ReadonlySet<string>): unknown {
  return renamed(value, opaque, (name) =>
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  );
}

function renamed(
  value: unknown,
  opaque: ReadonlySet<string>,
  rename: (name: string) => string,
): unknown {
  if (Array.isArray(value)) return value.map((item) => renamed(item, opaque, rename));
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(
    fields.map(([name, field]) => [
      rename(name),
      opaque.has(name) ? (field as unknown) : renamed(field, opaque, rename),
    ]),
  );
}
