/** Values that must not be shown. */

const HIDDEN = "**********";

/**
 * A secret, such as the key in the response of `keys.create`. Printing, converting to a string or
 * to JSON, and inspecting it show asterisks; `reveal()` returns the value. Options that take a
 * secret accept a `Secret` as well as a string.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** Returns the value. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  /** For `console.log` and `util.inspect` in Node, Bun and Deno. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `Secret(${HIDDEN})`;
  }
}

/** The value of a secret option. */
export function revealed(secret: string | Secret): string {
  return secret instanceof Secret ? secret.reveal() : secret;
}
