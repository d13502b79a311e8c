/**
 * Proxies from the environment. Requests to a loopback address must never use one: the server is on
 * this machine, and a remote proxy would receive the key and connect to another machine.
 *
 * `fetch` itself decides whether it uses these proxies: Bun and Deno do, Node does with
 * `NODE_USE_ENV_PROXY` or `--use-env-proxy`. A program cannot change that per request, so the
 * constructor of the client throws if requests for a loopback address would go to a proxy.
 */

/** The part of the global `process` that the client reads. */
export interface Process {
  env?: Record<string, string | undefined>;
  execArgv?: readonly string[];
  versions?: Record<string, string | undefined>;
}

/** Whether a host is this machine; `URL` has normalized the notation of addresses. */
export function isLoopback(hostname: string): boolean {
  const host = hostname
    .replace(/^\[|\]$/g, "")
    .replace(/\.$/, "")
    .toLowerCase();
  return (
    host === "localhost" ||
    host.endsWith(".localhost") ||
    /^127(\.\d{1,3}){3}$/.test(host) ||
    // IPv4-mapped addresses such as `::ffff:127.0.0.1`.
    /^::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}$/.test(host) ||
    ["0.0.0.0", "::", "::1"].includes(host)
  );
}

/** Whether `fetch` uses the proxies from the environment. */
function usesEnvironment(process: Process): boolean {
  const env = process.env ?? {};
  if (process.versions?.["bun"] || process.versions?.["deno"]) return true;
  const flags = [...(process.execArgv ?? []), ...(env["NODE_OPTIONS"] ?? "").split(/\s+/)];
  return env["NODE_USE_ENV_PROXY"] === "1" || flags.includes("--use-env-proxy");
}

/** A proxy from the environment: the name of the variable, and the URL without credentials. */
export interface EnvironmentProxy {
  variable: string;
  address: string;
}

/** The proxy that `fetch` uses for a URL; undefined: none. */
export function environmentProxy(url: URL, process: Process): EnvironmentProxy | undefined {
  if (!usesEnvironment(process)) return undefined;
  const env = process.env ?? {};
  const exempt = (env["no_proxy"] ?? env["NO_PROXY"] ?? "").split(/[\s,]+/).filter(Boolean);
  if (exempt.some((entry) => isExempt(entry.toLowerCase(), url))) return undefined;
  const scheme = url.protocol.replace(":", "");
  const names = [`${scheme}_proxy`, "all_proxy"].flatMap((name) => [name, name.toUpperCase()]);
  const variable = names.find((name) => env[name]);
  if (variable === undefined) return undefined;
  return { variable, address: withoutCredentials(env[variable] ?? "") };
}

/** Whether an entry of `NO_PROXY` matches. */
function isExempt(entry: string, url: URL): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (["*", host, `[${host}]`, url.host].includes(entry)) return true;
  return host.endsWith(`.${entry.replace(/^\*?\./, "")}`);
}

function withoutCredentials(proxy: string): string {
  try {
    const url = new URL(proxy.includes("://") ? proxy : `http://${proxy}`);
    return `${url.protocol}//${url.host}`;
  } catch {
    return "(not a valid URL)";
  }
}
