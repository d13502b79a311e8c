/**
 * What a page does in a browser: a module that is loaded there, never in Node. The page's address
 * says where the server is; what came of it is posted to where the page is from.
 */

import { Client, verifyWebhook, BadRequestError, ConnectionFailedError } from "stepwell";

/** What a page has besides the types of this project's tests. */
const { searchParams } = new URL((globalThis as unknown as { location: URL }).location.href);
const client = new Client({
  apiKey: searchParams.get("key") ?? "",
  baseUrl: searchParams.get("server") ?? "",
  retries: { maxRetries: 1, baseDelay: 1 },
});

function assert(told: string): never {
  throw new Error(told);
}

async function allowed(): Promise<unknown> {
  const made = await client.workflows.create({
    name: "From a page",
    configuration: {
      inputs: { text: "string" },
      steps: [
        { id: "shout", type: "TextOperation.Uppercase", input: "{{ inputs.text }}" },
        { id: "turn", type: "TextOperation.Reverse" },
      ],
    },
  });
  await client.workflows.activate(made.id);
  const { version } = await client.workflows.get(made.id);
  const ifVersion = { ifVersion: version };
  const changed = await client.workflows.update(made.id, { description: "d" }, ifVersion);
  const done = await client.workflows.execute(made.id, { text: "down" });
  const { executionId } = await client.workflows.executeAsync(made.id, { text: "up" });
  const events = [];
  for await (const event of client.executions.events(executionId)) events.push(event);
  const middle = events[Math.floor(events.length / 2)]?.sequence ?? 0;
  const later = [];
  // Asks with `Last-Event-ID`, which the browser asks the server about first.
  for await (const event of client.executions.events(executionId, { after: middle })) {
    later.push(event.sequence);
  }
  const refused = await client.workflows
    .execute(made.id, {})
    .then(() => assert("the server took what does not fit"))
    .catch((error: unknown) => (error instanceof BadRequestError ? error : assert(String(error))));
  const audited = [];
  for await (const entry of client.auditLog.iter({ objectId: made.id, sortOrder: "asc" })) {
    audited.push(entry.action);
  }
  const hook = await client.webhooks.create({ url: "https://example.com", events: ["*"] });
  const forged = await verifyWebhook("{}", new Headers(), hook.secret ?? "").catch(
    (error: { code?: string }) => error.code,
  );
  await client.webhooks.delete(hook.id);
  await client.workflows.delete(made.id);
  return {
    description: changed.description,
    result: done.result,
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

const way = searchParams.get("way") === "forbidden" ? forbidden : allowed;
const told = await way().catch((error: unknown) => ({ failed: String(error) }));
await fetch("/told", { method: "POST", body: JSON.stringify(told) });
