/** Verifies the signature of webhooks (Standard Webhooks). */

import { WebhookVerificationError } from "../errors.js";
import type { ReceivedHeaders, WebhookEvent } from "../resources/webhook-models.js";
import { decodeFields, MANAGEMENT_USER_DATA } from "./field-names.js";
import { revealed, type Secret } from "./secret.js";

const DEFAULT_TOLERANCE = 300_000;

/** Verifies a received request and returns its event. `tolerance` is in milliseconds. */
export async function verifySignature(
  body: string | Uint8Array,
  headers: ReceivedHeaders,
  secrets: readonly (string | Secret)[],
  tolerance = DEFAULT_TOLERANCE,
): Promise<WebhookEvent> {
  const id = header(headers, "webhook-id");
  const timestamp = header(headers, "webhook-timestamp");
  const signatures = header(headers, "webhook-signature");
  if (!id || !timestamp || !signatures) {
    throw new WebhookVerificationError("the request is not signed");
  }
  const sent = /^\d{1,15}$/.test(timestamp) ? Number(timestamp) * 1000 : Number.NaN;
  if (!(Math.abs(Date.now() - sent) <= tolerance)) {
    throw new WebhookVerificationError(
      `the timestamp is too old or in the future: ${timestamp.slice(0, 32)}`,
    );
  }
  const raw = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const signedContent = concat(new TextEncoder().encode(`${id}.${timestamp}.`), raw);
  const keys = await Promise.all(secrets.map((secret) => importKey(revealed(secret))));
  const candidates = signatures.split(" ").filter((part) => part.startsWith("v1,"));
  for (const key of keys) {
    for (const part of candidates) {
      const signature = decodeBase64(part.slice(3));
      if (signature && (await crypto.subtle.verify("HMAC", key, signature, signedContent))) {
        return parseEvent(raw);
      }
    }
  }
  throw new WebhookVerificationError("the signature does not match");
}

function header(headers: ReceivedHeaders, name: string): string | undefined {
  if (headers instanceof Headers) return headers.get(name) ?? undefined;
  const found = Object.entries(headers).find(([known]) => known.toLowerCase() === name)?.[1];
  return Array.isArray(found) ? found.join(" ") : found;
}

/** The key of a secret; base64 padding is optional, as on the server. */
async function importKey(secret: string): Promise<CryptoKey> {
  const isText = typeof secret === "string";
  const bytes = isText ? decodeBase64(secret.replace(/^whsec_/, "").replace(/=+$/, "")) : undefined;
  if (!bytes?.length) throw new TypeError("secret must be `whsec_` followed by base64");
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, [
    "verify",
  ]);
}

function decodeBase64(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function concat(head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(head.length + tail.length);
  result.set(head);
  result.set(tail, head.length);
  return result;
}

function parseEvent(raw: Uint8Array): WebhookEvent {
  let body: unknown;
  try {
    body = JSON.parse(new TextDecoder().decode(raw));
  } catch {
    // Reported below.
  }
  const { id, type, data } = (body ?? {}) as Partial<WebhookEvent>;
  if (typeof id !== "string" || typeof type !== "string" || typeof data !== "object") {
    throw new WebhookVerificationError("the body is not an event");
  }
  return decodeFields(body, MANAGEMENT_USER_DATA) as WebhookEvent;
}
