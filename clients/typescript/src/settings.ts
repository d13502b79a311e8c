/** Settings of a client: from its options, then from the environment. */

import { environmentProxy, isLoopback, type Process } from "./proxy.js";
import { DEFAULT_POLICY, type RetryPolicy } from "./retry.js";

/** As in package.json. */
export const VERSION = "0.1.0";

const DEFAULT_URL = "http://127.0.0.1:8080";

/** Options of `Client`. */
export interface ClientOptions {
  /** Defaults to `STEPWELL_API_KEY`. */
  apiKey?: string | undefined;
  /** Defaults to `STEPWELL_URL` (or `STEPWELL_SERVER`). In a browser it can be a path. */
  baseUrl?: string | undefined;
  /** Milliseconds for each request, 30 000 by default. */
  timeout?: number | undefined;
  /** How often a request is retried, 3 by default. */
  maxRetries?: number | undefined;
  /** The whole retry policy; `maxRetries` above takes precedence. */
  retries?: Partial<RetryPolicy> | undefined;
  /** Replaces the global `fetch`. */
  fetch?: typeof fetch | undefined;
}

/** The resolved options. */
export interface Settings {
  baseUrl: string;
  apiKey: string;
  timeout: number;
  policy: RetryPolicy;
  fetch: typeof fetch;
  userAgent: string | undefined;
  /** Suffix of the messages of connection errors: the proxy. */
  proxyNote: string;
}

/** Throws a TypeError for an invalid URL or key. No message shows them: they may be swapped. */
export function resolveSettings(options: ClientOptions): Settings {
  const { process } = globalThis as { process?: Process };
  const env = process?.env ?? {};
  const url = options.baseUrl ?? env["STEPWELL_URL"] ?? env["STEPWELL_SERVER"] ?? DEFAULT_URL;
  if (!/^(https?:\/\/[^/]|\/|$)/i.test(url)) throw invalidUrl();
  const isAbsolute = /^https?:/i.test(url);
  const policy = { ...DEFAULT_POLICY, ...options.retries };
  if (options.maxRetries !== undefined) policy.maxRetries = options.maxRetries;
  const custom = options.fetch;
  return {
    // Each call has its whole path, so the prefix of the management API is accepted and removed.
    baseUrl: url.replace(/\/+$/, "").replace(/\/api\/v1$/, ""),
    apiKey: normalizeApiKey(options.apiKey ?? env["STEPWELL_API_KEY"] ?? ""),
    timeout: options.timeout ?? 30_000,
    policy,
    fetch: (input, init) => (custom ?? globalThis.fetch)(input, init),
    // Browsers send their own.
    userAgent: process?.versions?.["node"] ? `stepwell-typescript/${VERSION}` : undefined,
    // A custom `fetch` has its own proxy settings.
    proxyNote: isAbsolute ? checkProxy(url, custom ? {} : (process ?? {})) : "",
  };
}

function invalidUrl(): TypeError {
  return new TypeError(`baseUrl must be a URL such as ${DEFAULT_URL}`);
}

/**
 * Returns the note about the proxy. Throws for credentials in the URL, which `fetch` would show in
 * its error, and for a proxy that would get the requests for a loopback address.
 */
function checkProxy(text: string, process: Process): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw invalidUrl();
  }
  if (url.username !== "" || url.password !== "") {
    throw new TypeError("baseUrl must not contain credentials; pass the key as apiKey");
  }
  const proxy = environmentProxy(url, process);
  if (proxy === undefined) return "";
  if (isLoopback(url.hostname)) {
    throw new TypeError(
      `fetch would send requests for ${url.host}, which is this machine, to the proxy in ` +
        `${proxy.variable}; add ${url.hostname} to NO_PROXY, or pass your own fetch`,
    );
  }
  return ` (through the proxy ${proxy.address} in ${proxy.variable})`;
}

/** The key without the line end of the file that it was read from. No message shows it. */
function normalizeApiKey(text: string): string {
  const key = text.trim();
  if (!/^[!-~]*$/.test(key)) {
    throw new TypeError("apiKey contains characters that are not allowed in a key");
  }
  if (key.includes("://")) throw new TypeError("apiKey is a URL; pass that as baseUrl");
  return key;
}
