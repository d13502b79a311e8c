/**
 * Proxies of the environment. A loopback address never has one: the server is on this machine, and
 * a proxy elsewhere would get the key and reach another machine under that address.
 *
 * `fetch` decides by itself whether it uses them: in Bun and Deno it does, in Node where
 * `NODE_USE_ENV_PROXY` or `--use-env-proxy` says so. No program can tell it otherwise, so a client
 * whose requests would go astray is not made.
 */

/** What a client knows of the process that it runs in. */
export interface Process {
  env?: Record<string, string | undefined>;
  execArgv?: readonly string[];
  versions?: Record<string, string | undefined>;
}

/** Whether a host is this machine; `URL` has brought addresses to their usual form. */
export function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "").replace(/\.$/, "").toLowerCase();
  return (
    host === "localhost" ||
    host.endsWith(".localhost") ||
    /^127(\.\d{1,3}){3}$/.test(host) ||
    // `::ffff:127.0.0.1` and its kind.
    /^::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}$/.test(host) ||
    ["0.0.0.0", "::", "::1"].includes(host)
  );
}

/** Whether `fetch` uses the proxies of the environment. */
function usesEnvironment(process: Process): boolean {
  const env = process.env ?? {};
  if (process.versions?.["bun"] || process.versions?.["deno"]) return true;
  const flags = [...(process.execArgv ?? []), ...(env["NODE_OPTIONS"] ?? "").split(/\s+/)];
  return env["NODE_USE_ENV_PROXY"] === "1" || flags.includes("--use-env-proxy");
}

/** A proxy of the environment: the variable that names it, and its address without credentials. */
export interface EnvironmentProxy {
  variable: string;
  address: string;
}

/** The proxy that `fetch` would send what is for this address to; undefined: none. */
export function environmentProxy(url: URL, process: Process): EnvironmentProxy | undefined {
  if (!usesEnvironment(process)) return undefined;
  const env = process.env ?? {};
  const exempt = (env["no_proxy"] ?? env["NO_PROXY"] ?? "").split(/[\s,]+/).filter(Boolean);
  if (exempt.some((entry) => exempts(entry.toLowerCase(), url))) return undefined;
  const scheme = url.protocol.replace(":", "");
  const names = [`${scheme}_proxy`, "all_proxy"].flatMap((name) => [name, name.toUpperCase()]);
  const variable = names.find((name) => env[name]);
  return variable === undefined ? undefined : { variable, address: shown(env[variable] ?? "") };
}

function exempts(entry: string, url: URL): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (["*", host, `[${host}]`, url.host].includes(entry)) return true;
  return host.endsWith(`.${entry.replace(/^\*?\./, "")}`);
}

function shown(proxy: string): string {
  try {
    const url = new URL(proxy.includes("://") ? proxy : `http://${proxy}`);
    return `${url.protocol}//${url.host}`;
  } catch {
    return "(not a valid address)";
  }
}
