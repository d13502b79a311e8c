/** Headers with the secrets of an execution. */

import { revealed, type Secret } from "./secret.js";

/** Printable ASCII. */
export const HEADER_VALUE = /^[ -~]*$/;

/**
 * The headers with the secrets of an execution. Throws a TypeError for what a header cannot
 * contain: the error of `fetch` would show the secret.
 */
export function secretHeaders(
  secrets: Record<string, string | Secret> = {},
): () => Record<string, string> {
  return () => {
    const headers: Record<string, string> = {};
    for (const [name, secret] of Object.entries(secrets)) {
      if (!/^[A-Za-z0-9_-]+$/.test(name)) {
        throw new TypeError("the name of a secret may contain letters, digits and `_` only");
      }
      const value = revealed(secret);
      if (typeof value !== "string" || !HEADER_VALUE.test(value)) {
        throw new TypeError(`the secret \`${name}\` must be printable ASCII without line ends`);
      }
      headers[`X-Secret-${name.replaceAll("_", "-")}`] = value;
    }
    return headers;
  };
}
