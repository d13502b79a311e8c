// Generates src/definitions.ts from the JSON Schema of definitions that the server publishes:
// `UPDATE_TYPES=1 npm test` writes it, `npm test` checks that it is up to date.

const HEADER = `/**
 * Types of workflow definitions. Generated from the published JSON Schema
 * (\`/api/v1/schema/definition\`) by scripts/definition-types.mjs; do not edit.
 */

/** A text with an expression: \`{{ inputs.text }}\`. */
export type TemplateText = \`\${string}{{\${string}\` | \`\${string}{%\${string}\` | \`\${string}{#\${string}\`;
`;

const FOOTER = `
/** A definition without its name. */
export type DefinitionBody = Omit<Definition, "name">;

/**
 * The configuration of a workflow of type \`custom\`, or of your own types: the fields of a definition
 * without its name, or a whole definition with any fields of your own.
 */
export type Configuration =
  | (DefinitionBody & { definition?: undefined })
  | { definition: DefinitionBody & { name?: string }; [field: string]: unknown };
`;

/** Returns the text of the module. */
export function generateDefinitionTypes(schema) {
  const { step, template: _, ...shared } = schema.$defs;
  const parts = [HEADER];
  for (const [name, definition] of Object.entries(shared)) {
    parts.push(`${comment(definition)}export type ${typeName(name)} = ${typeOf(definition)};\n`);
  }
  parts.push(...stepTypes(step));
  parts.push(`${comment(schema)}export interface Definition ${objectType(schema)}\n`);
  return parts.join("\n") + FOOTER;
}

function stepTypes({ anyOf }) {
  const object = anyOf.find(({ type }) => type === "object");
  const { type: _type, input: _input, config: _config, ...others } = object.properties;
  // Fields that only some types have are allowed by `true` here.
  const common = Object.fromEntries(Object.entries(others).filter(([, part]) => part !== true));
  const fields = objectType({ properties: common });
  const parts = [`/** The fields of all steps. */\nexport interface StepFields ${fields}\n`];
  const names = [];
  const branches = object.allOf.filter(({ if: condition }) => condition.properties?.type);
  for (const { if: condition, then } of branches) {
    const types = condition.properties.type.enum;
    const name = `${types[0].replaceAll(".", "")}Step`;
    names.push(name);
    const { config, input } = then.properties;
    if (config === false) {
      const own = Object.entries(then.properties).filter(([, part]) => part !== false);
      const properties = { type: { enum: types }, ...Object.fromEntries(own) };
      if (!("over" in properties || "value" in properties)) {
        properties.input = { description: object.properties.input.description };
      }
      const body = objectType({ properties, required: ["type", ...then.required] });
      parts.push(`${comment(then)}export interface ${name} extends StepFields ${body}\n`);
      continue;
    }
    // A step whose configuration has a required field needs a configuration.
    const needsConfig = (config.anyOf[0].required ?? []).length > 0;
    const properties = {
      type: { enum: types },
      config: needsConfig ? config.anyOf[0] : config,
      input: { ...input, description: object.properties.input.description },
    };
    const required = needsConfig ? ["type", "config"] : ["type"];
    const body = objectType({ properties, required });
    parts.push(`${comment(then)}export interface ${name} extends StepFields ${body}\n`);
  }
  const union = names.map((name) => `\n  | ${name}`).join("");
  parts.push(
    `/** A step: its type alone, or an object. */\nexport type Step = StepTypeName | StepObject;\n`,
  );
  parts.push(`export type StepObject =${union};\n`);
  parts.push(
    `/** The types of steps, with their aliases. */\nexport type StepTypeName = StepObject["type"];\n`,
  );
  return parts;
}

/** The type of the values of a schema. */
function typeOf(schema) {
  const types = [...new Set(unionOf(schema))];
  if (types.includes("unknown") || types.length === 0) return "unknown";
  // `string` includes the literals.
  const isKept = (type) => !types.includes("string") || !/^(TemplateText|["`].*)$/.test(type);
  return types.filter(isKept).join(" | ");
}

function unionOf(schema) {
  if (schema.$ref) {
    const name = typeName(schema.$ref.split("/").pop());
    return [name === "Template" ? "TemplateText" : name];
  }
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value));
  if ("const" in schema) return [JSON.stringify(schema.const)];
  if (schema.allOf && !schema.properties) return unionOf(schema.allOf.find((part) => !part.not) ?? {});
  const isConstraint = ({ properties, type }) => properties && !type;
  const alternatives = (schema.anyOf ?? []).filter((one) => !isConstraint(one)).flatMap(unionOf);
  if (alternatives.length > 0 && !alternatives.includes("unknown")) return alternatives;
  if (schema.type) return [schema.type].flat().map((type) => simpleType(type, schema));
  if (schema.additionalProperties) return [simpleType("object", schema)];
  return ["unknown"];
}

function simpleType(type, schema) {
  if (type === "integer") return "number";
  if (type === "array") return schema.items ? `${grouped(typeOf(schema.items))}[]` : "unknown[]";
  if (type === "string") return stringType(schema);
  if (type !== "object") return type;
  if (typeof schema.additionalProperties === "object") {
    return `Record<string, ${typeOf(schema.additionalProperties)}>`;
  }
  if (!schema.properties) return "Record<string, unknown>";
  return Object.keys(schema.properties).length > 0 ? objectType(schema) : "Record<string, never>";
}

/** A pattern of alternatives, or with a fixed start, is a template literal type. */
function stringType({ pattern = "" }) {
  const words = /^\^\(([\w|]+)\)(\\\?\?)?\$$/.exec(pattern);
  if (words) {
    const names = words[1].split("|").map((word) => JSON.stringify(word));
    return words[2] ? `\`\${${names.join(" | ")}}\${"" | "?"}\`` : names.join(" | ");
  }
  const start = /^\^(\w+:)/.exec(pattern);
  return start ? `\`${start[1]}\${string}\`` : "string";
}

const grouped = (type) => (/[|\n]/.test(type) ? `(${type})` : type);

function objectType({ properties, required = [] }) {
  const fields = Object.entries(properties).map(([name, schema]) => {
    const isRequired = required.includes(name);
    const type = typeOf(schema);
    const value = isRequired || type === "unknown" ? type : `${type} | undefined`;
    return `${comment(schema)}${name}${isRequired ? "" : "?"}: ${value};`;
  });
  return `{\n${fields.join("\n").replace(/^/gm, "  ")}\n}`;
}

const comment = ({ description }) => (description ? `/** ${description} */\n` : "");

const typeName = (name) =>
  name.replace(/(^|_)([a-z])/g, (_, start, letter) => letter.toUpperCase());
