/**
 * A module that is loaded in a browser, never in Node. The query of the page has the URL of the
 * server; the result is posted to the origin of the page.
 */

import { Client, BadRequestError, ConnectionFailedError } from "stepwell";

/** `location` is not in the types of the tests. */
const { searchParams } = new URL((globalThis as unknown as { location: URL }).location.href);
const client = new Client({
  apiKey: searchParams.get("key") ?? "",
  baseUrl: searchParams.get("server") ?? "",
  maxRetries: 1,
  retryPolicy: { baseDelay: 1 },
});

function fail(message: string): never {
  throw new Error(message);
}

async function allowed(): Promise<unknown> {
  const created = await client.workflows.create({
    name: "From a page",
    configuration: {
      inputs: { text: "string" },
      steps: [
        { id: "shout", type: "TextOperation.Uppercase", input: "{{ inputs.text }}" },
        { id: "turn", type: "TextOperation.Reverse" },
      ],
    },
  });
  await client.workflows.activate(created.id);
  const { version } = await client.workflows.get(created.id);
  const ifVersion = { ifVersion: version };
  const changed = await client.workflows.update(created.id, { description: "d" }, ifVersion);
  const done = await client.workflows.execute(created.id, { text: "down" });
  const { id } = await client.workflows.start(created.id, { text: "up" });
  const waited = await client.executions.wait(id);
  const events = [];
  for await (const event of client.executions.events(id)) events.push(event);
  const middle = events[Math.floor(events.length / 2)]?.sequence ?? 0;
  const later = [];
  // Sends `Last-Event-ID`, for which the browser sends a preflight request.
  for await (const event of client.executions.events(id, { after: middle })) {
    later.push(event.sequence);
  }
  const refused = await client.workflows
    .execute(created.id, {})
    .then(() => fail("the server accepted invalid parameters"))
    .catch((error: unknown) => (error instanceof BadRequestError ? error : fail(String(error))));
  const audited = [];
  for await (const entry of client.auditLog.list({ objectId: created.id, sortOrder: "asc" })) {
    audited.push(entry.action);
  }
  const hook = await client.webhooks.create({ url: "https://example.com", events: ["*"] });
  const forged = await client.webhooks
    .verify("{}", new Headers(), hook.secret ?? "")
    .catch((error: { code?: string }) => error.code);
  await client.webhooks.delete(hook.id);
  await client.workflows.delete(created.id);
  return {
    description: changed.description,
    result: done.result,
    waited: waited.result,
    secret: String(hook.secret),
    steps: events.flatMap((e) => (e.event === "step" ? [`${e.step.name} ${e.step.status}`] : [])),
    last: events.at(-1),
    resumed: later.length > 0 && later.every((sequence) => sequence > middle),
    refused: [refused.code, refused.details[0]?.path, typeof refused.requestId],
    audited,
    forged,
  };
}

async function forbidden(): Promise<unknown> {
  const failed: unknown = await client.me().catch((error: unknown) => error);
  return { kind: failed instanceof ConnectionFailedError ? failed.code : String(failed) };
}

const run = searchParams.get("way") === "forbidden" ? forbidden : allowed;
const result = await run().catch((error: unknown) => ({ failed: String(error) }));
await fetch("/result", { method: "POST", body: JSON.stringify(result) });
