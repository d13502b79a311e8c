/** Checks of arguments at run time, for programs in plain JavaScript and for casts. */

type KeyOf<T> = T extends unknown ? keyof T & string : never;

/** All option names of `T`. The compiler rejects a list that differs from the type. */
export type NamesOf<T> = Record<KeyOf<T>, true>;

/** The options of a method as given, and the names that it supports. */
export interface CheckedOptions {
  given: object | undefined;
  known: Readonly<Record<string, true>>;
  /** Where the given object is, if it is inside of another: `rateLimits`. */
  inside?: string;
}

/** Pairs the fields of a request's body, or of an object inside of it, with their names. */
export function checked<T extends object>(
  given: T | undefined,
  known: NamesOf<T>,
  inside?: string,
): CheckedOptions {
  return inside === undefined ? { given, known } : { given, known, inside };
}

/** Options of the client, which `withOptions` changes. */
const CLIENT_OPTIONS = ["maxRetries", "headers", "retryPolicy"];

/** Names that other SDKs have for the options of a list. */
const SYNONYMS: Readonly<Record<string, string>> = {
  after: "cursor",
  limit: "pageSize",
  order: "sortOrder",
  pageSize: "limit",
  perPage: "pageSize",
  startingAfter: "cursor",
};

/** Throws a TypeError for an option that `method` does not have. */
export function checkOptions(method: string, { given, known, inside }: CheckedOptions): void {
  if (given === undefined) return;
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    const found = Array.isArray(given) ? "an array" : given === null ? "null" : typeof given;
    throw new TypeError(`${method}: options must be an object, not ${found}`);
  }
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(known, name)) continue;
    const shown = inside === undefined ? name : `${inside}.${name}`;
    throw new TypeError(
      `${method}: unknown option \`${shown}\`; ${hint(name, Object.keys(known))}`,
    );
  }
}

function hint(name: string, known: string[]): string {
  const synonym = SYNONYMS[name] ?? "";
  const similar = known.includes(synonym) ? synonym : closest(name, known);
  if (similar !== undefined) return `did you mean \`${similar}\`?`;
  if (CLIENT_OPTIONS.includes(name)) return `use client.withOptions({ ${name}: … })`;
  if (known.length === 0) return "it has no options";
  return `the options are ${known.map((one) => `\`${one}\``).join(", ")}`;
}

/** The most similar of the known names, if one is similar enough to be meant. */
export function closest(name: string, known: string[]): string | undefined {
  const normalized = normalize(name);
  const limit = Math.max(1, Math.floor(normalized.length / 3));
  let best: string | undefined;
  let bestDistance = limit + 1;
  for (const candidate of known) {
    const distance = editDistance(normalized, normalize(candidate));
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  if (best !== undefined || normalized.length < 3) return best;
  return known.find((candidate) => normalize(candidate).startsWith(normalized));
}

const normalize = (name: string): string => name.replaceAll("_", "").toLowerCase();

/** The number of insertions, deletions, substitutions and swaps of neighbours. */
function editDistance(left: string, right: string): number {
  let [beforeLast, last]: number[][] = [[], Array.from({ length: right.length + 1 }, (_, n) => n)];
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const substitution = left[row - 1] === right[column - 1] ? 0 : 1;
      let cost = Math.min(
        (last?.[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last?.[column - 1] ?? 0) + substitution,
      );
      const isSwap = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      if (row > 1 && column > 1 && isSwap) {
        cost = Math.min(cost, (beforeLast?.[column - 2] ?? 0) + 1);
      }
      current.push(cost);
    }
    [beforeLast, last] = [last, current];
  }
  return last?.[right.length] ?? 0;
}

/** A path, some of whose segments are values that have to be checked and escaped. */
export interface PathTemplate {
  strings: readonly string[];
  segments: readonly unknown[];
}

/** A part of a path that is inserted as it is. */
class FixedPath {
  constructor(readonly text: string) {}
}

export const fixed = (text: string): FixedPath => new FixedPath(text);

/**
 * Tag of a path: path`/api/v1/templates/${id}`. The segments are checked and escaped when the
 * request is built, so an invalid id rejects the promise of the call.
 */
export function path(strings: TemplateStringsArray, ...segments: unknown[]): PathTemplate {
  return { strings, segments };
}

/** Throws a TypeError for a segment that is not a non-empty string: the path would be another. */
export function renderPath(
  method: string,
  { strings }: PathTemplate,
  segments: readonly unknown[],
): string {
  return strings.reduce((rendered, text, index) => {
    const segment = segments[index - 1];
    if (segment instanceof FixedPath) return rendered + segment.text + text;
    if (typeof segment !== "string" || segment === "") {
      const found = segment === "" ? "an empty string" : segment === null ? "null" : typeof segment;
      throw new TypeError(`${method}: an id or a name must be a string, not ${found}`);
    }
    return rendered + encodeURIComponent(segment) + text;
  });
}
