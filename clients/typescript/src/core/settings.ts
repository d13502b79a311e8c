/** Settings of a client: from its options, then from the environment. */

import { checkOptions, type NamesOf } from "./arguments.js";
import { SILENT, type Logger, type RequestInfo, type ResponseInfo } from "./hooks.js";
import { environmentProxy, isLoopback, type Process } from "./proxy.js";
import { DEFAULT_POLICY, type RetryPolicy } from "./retry.js";
import { revealed, type Secret } from "./secret.js";

/** As in package.json. */
export const VERSION = "0.1.0";

const DEFAULT_URL = "http://127.0.0.1:8080";

/** Options of `Client`. */
export interface ClientOptions {
  /** Defaults to `STEPWELL_API_KEY`. */
  apiKey?: string | Secret | undefined;
  /** Defaults to `STEPWELL_URL` (or `STEPWELL_SERVER`). In a browser it can be a path. */
  baseUrl?: string | undefined;
  /** Milliseconds for each attempt of a request, 30 000 by default. */
  timeout?: number | undefined;
  /** How often a request is retried, 3 by default. */
  maxRetries?: number | undefined;
  /** Headers of every request; null removes one of the client's. */
  headers?: Record<string, string | null> | undefined;
  /** The delays before retries. */
  retryPolicy?: Partial<RetryPolicy> | undefined;
  /** Replaces the global `fetch`. */
  fetch?: typeof fetch | undefined;
  /** Is called before each attempt of a request, and can set its headers. */
  onRequest?: ((request: RequestInfo) => void) | undefined;
  /** Is called after each attempt of a request. */
  onResponse?: ((response: ResponseInfo) => void) | undefined;
  /** Gets a line for each attempt (`debug`) and each retry (`info`), such as `console`. */
  logger?: Logger | undefined;
}

/** The options that `withOptions` changes. */
export type ChangedOptions = Pick<
  ClientOptions,
  "timeout" | "maxRetries" | "headers" | "retryPolicy"
>;

const CHANGED_NAMES: NamesOf<ChangedOptions> = {
  timeout: true,
  maxRetries: true,
  headers: true,
  retryPolicy: true,
};
const OPTION_NAMES: NamesOf<ClientOptions> = {
  ...CHANGED_NAMES,
  apiKey: true,
  baseUrl: true,
  fetch: true,
  onRequest: true,
  onResponse: true,
  logger: true,
};
const POLICY_NAMES: NamesOf<RetryPolicy> = { baseDelay: true, maxDelay: true, maxRetryAfter: true };

/** The resolved options. */
export interface Settings {
  baseUrl: string;
  apiKey: string;
  timeout: number;
  maxRetries: number;
  headers: Record<string, string | null>;
  retryPolicy: RetryPolicy;
  fetch: typeof fetch;
  onRequest: ClientOptions["onRequest"];
  onResponse: ClientOptions["onResponse"];
  logger: Logger;
  userAgent: string | undefined;
  /** Suffix of the messages of connection errors: the proxy. */
  proxyNote: string;
}

/** Throws a TypeError for an invalid URL or key. No message shows them: they may be swapped. */
export function resolveSettings(options: ClientOptions): Settings {
  checkOptions("Client", { given: options, known: OPTION_NAMES });
  const { process } = globalThis as { process?: Process };
  const env = process?.env ?? {};
  const url = options.baseUrl ?? env["STEPWELL_URL"] ?? env["STEPWELL_SERVER"] ?? DEFAULT_URL;
  if (!/^(https?:\/\/[^/]|\/|$)/i.test(url)) throw invalidUrl();
  const isAbsolute = /^https?:/i.test(url);
  const custom = options.fetch;
  const settings = {
    // Each call has its whole path, so the prefix of the management API is accepted and removed.
    baseUrl: url.replace(/\/+$/, "").replace(/\/api\/v1$/, ""),
    apiKey: normalizeApiKey(revealed(options.apiKey ?? env["STEPWELL_API_KEY"] ?? "")),
    timeout: 30_000,
    maxRetries: 3,
    headers: {},
    retryPolicy: DEFAULT_POLICY,
    fetch: ((input, init) => (custom ?? globalThis.fetch)(input, init)) as typeof fetch,
    onRequest: options.onRequest,
    onResponse: options.onResponse,
    logger: options.logger ?? SILENT,
    // Browsers send their own.
    userAgent: process?.versions?.["node"] ? `stepwell-typescript/${VERSION}` : undefined,
    // A custom `fetch` has its own proxy settings.
    proxyNote: isAbsolute ? checkProxy(url, custom ? {} : (process ?? {})) : "",
  };
  const { timeout, maxRetries, headers, retryPolicy } = options;
  return changeSettings(settings, { timeout, maxRetries, headers, retryPolicy });
}

/** The settings with other options; headers are added to the present ones. */
export function changeSettings(settings: Settings, changes: ChangedOptions): Settings {
  checkOptions("client.withOptions", { given: changes, known: CHANGED_NAMES });
  const { timeout, maxRetries, headers, retryPolicy = {} } = changes;
  checkOptions("Client", { given: retryPolicy, known: POLICY_NAMES, inside: "retryPolicy" });
  checkTimeout(timeout);
  if (maxRetries !== undefined && !(Number.isInteger(maxRetries) && maxRetries >= 0)) {
    throw new TypeError("maxRetries must be a whole number, 0 or more");
  }
  return {
    ...settings,
    timeout: timeout ?? settings.timeout,
    maxRetries: maxRetries ?? settings.maxRetries,
    headers: { ...settings.headers, ...headers },
    retryPolicy: { ...settings.retryPolicy, ...retryPolicy },
  };
}

/** Throws a TypeError for a timeout that is not a positive number of milliseconds. */
export function checkTimeout(timeout: number | undefined): void {
  if (timeout !== undefined && !(typeof timeout === "number" && timeout > 0)) {
    throw new TypeError("timeout must be a number of milliseconds, more than 0");
  }
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
