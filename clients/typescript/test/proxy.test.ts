/** Proxies from the environment, and keys that must not appear in messages. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { inspect, promisify } from "node:util";

import { Client, ConnectionFailedError } from "stepwell";

const KEY = "sk_live_secret";
const PROXY = "http://user:hidden@127.0.0.1:9";

/** Replaces all proxy variables of the environment with these. */
function withEnv(t: TestContext, variables: Record<string, string>): void {
  const names = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"];
  const all = [...names, ...names.map((name) => name.toUpperCase()), "NODE_USE_ENV_PROXY"];
  const before = all.map((name) => [name, process.env[name]] as const);
  for (const name of all) delete process.env[name];
  Object.assign(process.env, variables);
  t.after(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
}

function client(baseUrl: string, more: object = {}): Client {
  return new Client({ apiKey: KEY, baseUrl, maxRetries: 0, ...more });
}

test("a server on this machine is not reached through a proxy", (t) => {
  withEnv(t, { NODE_USE_ENV_PROXY: "1", HTTP_PROXY: PROXY });
  const hosts = ["127.0.0.1", "127.1", "localhost", "a.localhost", "[::1]", "[::ffff:127.0.0.1]"];
  for (const host of [...hosts, "0.0.0.0"]) {
    assert.throws(
      () => client(`http://${host}:8080`),
      (error) => {
        const text = inspect(error);
        assert.match(text, /HTTP_PROXY/);
        assert.match(text, /NO_PROXY/);
        return !text.includes(KEY) && !text.includes("hidden");
      },
      host,
    );
    assert.ok(client(`http://${host}:8080`, { fetch }), "a custom fetch has its own proxy");
  }
  process.env["NO_PROXY"] = "example.com, 127.0.0.1";
  assert.ok(client("http://127.0.0.1:8080"));
  delete process.env["NODE_USE_ENV_PROXY"];
  assert.ok(client("http://localhost:8080"), "fetch uses no proxy");
});

test("an error names the proxy", async (t) => {
  withEnv(t, { NODE_USE_ENV_PROXY: "1", all_proxy: PROXY, NO_PROXY: "example.com,.internal" });
  const messageFor = async (baseUrl: string): Promise<string> => {
    try {
      // Node decides at its start whether `fetch` uses a proxy; here the name is not found.
      await client(baseUrl).dataflow.getWorkflow("w");
    } catch (error) {
      assert.ok(error instanceof ConnectionFailedError);
      assert.ok(!inspect(error).includes(KEY) && !inspect(error).includes("hidden"));
      return error.message;
    }
    return "no error";
  };
  const through = "(through the proxy http://127.0.0.1:9 in all_proxy)";
  assert.ok((await messageFor("http://stepwell.invalid")).endsWith(through));
  assert.ok(!(await messageFor("http://stepwell.internal")).includes("proxy"));
});

test("the requests of a program with proxies stay on this machine", async (t) => {
  withEnv(t, {});
  const received: string[] = [];
  const listen = async (status: number, name: string): Promise<string> => {
    const server: Server = createServer((request, response) => {
      received.push(`${name} ${request.url}`);
      response.writeHead(status).end();
    });
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    t.after(() => server.close());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const [server, proxy] = [await listen(404, "server"), await listen(502, "proxy")];
  const script = `import { Client } from "stepwell";
    const client = new Client({ apiKey: "${KEY}", baseUrl: "${server}", maxRetries: 0 });
    await client.dataflow.getWorkflow("w").catch((error) => console.log(error.status));`;
  const env = { ...process.env, http_proxy: proxy, HTTP_PROXY: proxy, all_proxy: proxy };
  const arguments_ = ["--input-type=module", "-e", script];
  const done = await promisify(execFile)(process.execPath, arguments_, { env });
  assert.equal(done.stdout.trim(), "404");
  assert.deepEqual(received, ["server /workflows/w"]);
});

test("no message shows a key", () => {
  const wrong = [
    () => new Client({ apiKey: "http://h:8080", baseUrl: KEY }),
    () => new Client({ apiKey: "http://h:8080" }),
    () => client(`http://user:${KEY}@127.0.0.1:8080`),
    () => client(`http://${KEY}@127.0.0.1:8080`),
    () => client(`http://[${KEY}`),
    () => new Client({ apiKey: `${KEY} ${KEY}` }),
  ];
  for (const make of wrong) {
    assert.throws(make, (error) => {
      assert.ok(error instanceof TypeError);
      return !inspect(error).includes(KEY);
    });
  }
  const created = client("http://127.0.0.1:8080");
  const shown = inspect(created, { depth: 9, showHidden: true }) + JSON.stringify(created);
  assert.ok(!shown.includes(KEY), shown);
});
