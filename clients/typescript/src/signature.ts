/** Whether a request is one of Stepwell's webhooks: the Standard Webhooks signature. */

import { WebhookVerificationError } from "./errors.js";
import { camel, MANAGEMENT } from "./names.js";
import type { WebhookEvent } from "./webhook-models.js";

/** The headers of a request, as `fetch` or as Node gives them. */
export type ReceivedHeaders = Headers | Record<string, string | string[] | undefined>;

export interface VerifyOptions {
  /** How old a request may be, or how far in the future, in milliseconds; 5 minutes by default. */
  tolerance?: number;
}

/**
 * The event of a request that a webhook, or a callback, got.
 *
 * `body` is the request's body exactly as it came, `secret` the webhook's `whsec_…`, or several
 * while it is changed. Throws `WebhookVerificationError` where none of them made the signature, or
 * the request is too old. Remember the header `webhook-id` where an event must count once: a
 * delivery may come again.
 */
export async function verifyWebhook(
  body: string | Uint8Array,
  headers: ReceivedHeaders,
  secret: string | string[],
  { tolerance = 300_000 }: VerifyOptions = {},
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
      `the request is of another time: ${timestamp.slice(0, 32)}`,
    );
  }
  const raw = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const signed = joined(new TextEncoder().encode(`${id}.${timestamp}.`), raw);
  const secrets = typeof secret === "string" ? [secret] : secret;
  const keys = await Promise.all(secrets.map(imported));
  const given = signatures.split(" ").filter((part) => part.startsWith("v1,"));
  for (const key of keys) {
    for (const part of given) {
      const signature = decoded(part.slice(3));
      if (signature && (await crypto.subtle.verify("HMAC", key, signature, signed))) {
        return event(raw);
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

/** The padding of a secret's base64 may be missing, as the server allows. */
async function imported(secret: string): Promise<CryptoKey> {
  const bytes = decoded(secret.replace(/^whsec_/, "").replace(/=+$/, ""));
  if (!bytes?.length) throw new TypeError("secret must be `whsec_` and base64");
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, [
    "verify",
  ]);
}

function decoded(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(head.length + tail.length);
  whole.set(head);
  whole.set(tail, head.length);
  return whole;
}

function event(raw: Uint8Array): WebhookEvent {
  let said: unknown;
  try {
    said = JSON.parse(new TextDecoder().decode(raw));
  } catch {
    // Told below.
  }
  const { id, type, data } = (said ?? {}) as Partial<WebhookEvent>;
  if (typeof id !== "string" || typeof type !== "string" || typeof data !== "object") {
    throw new WebhookVerificationError("the body is not an event");
  }
  return camel(said, MANAGEMENT) as WebhookEvent;
}
