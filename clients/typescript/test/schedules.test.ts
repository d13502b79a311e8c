/** Schedules, against the real server. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import * as stepwell from "stepwell";

import { collect, thrown } from "./checks.js";
import { startServer, type Server } from "./servers.js";

let server: Server;
let client: stepwell.Client;
let workflowId: string;

before(async () => {
  server = await startServer();
  client = new stepwell.Client({ apiKey: server.key, baseUrl: server.url });
  ({ workflowId } = await client.dataflow.createWorkflow({
    name: "scheduled",
    inputs: { my_text: "string" },
    steps: [{ type: "TextOperation.Uppercase", input: "{{ inputs.my_text }}" }],
  }));
});

after(async () => {
  await server.stop();
});

const parameters = { my_text: "hello" };

test("schedules", async () => {
  const created = await client.schedules.create(workflowId, {
    name: "Daily",
    scheduleType: "cron",
    cronExpression: "30 2 * * *",
    timezone: "Europe/Berlin",
    parameters,
    misfirePolicy: "skip",
  });
  assert.deepEqual(
    [
      created.cronExpression,
      created.timezone,
      created.misfirePolicy,
      created.parameters,
      created.lastExecution,
    ],
    ["30 2 * * *", "Europe/Berlin", "skip", parameters, null],
  );
  assert.deepEqual(await client.schedules.get(created.id), created);
  const changed = await client.schedules.update(created.id, { cronExpression: "0 4 * * *" });
  assert.notDeepEqual(changed.nextExecution, created.nextExecution);
  const paused = await client.schedules.pause(created.id);
  assert.deepEqual([paused.enabled, paused.nextExecution], [false, null]);
  assert.deepEqual(
    (await client.schedules.resume(created.id)).nextExecution,
    changed.nextExecution,
  );
  const started = await client.schedules.trigger(created.id);
  assert.deepEqual([started.scheduleId, started.parameters], [created.id, parameters]);

  const executionTime = new Date(Math.ceil(Date.now() / 1000 + 3600) * 1000);
  const timing = { scheduleType: "fixed_time", executionTime } as const;
  const once = await client.schedules.create(workflowId, { name: "Once", parameters, ...timing });
  assert.deepEqual(once.nextExecution, executionTime);
  const page = await client.schedules.list({ workflow: "scheduled", sortBy: "name", pageSize: 1 });
  assert.deepEqual([page.items[0]?.id, page.totalItems], [once.id, 2]);
  const all = await collect(client.schedules.list({ workflow: workflowId, enabled: true }));
  assert.deepEqual(all.map((row) => row.id).sort(), [created.id, once.id].sort());
  assert.deepEqual(await client.schedules.pauseMany({ workflow: "scheduled" }), {
    matched: 2,
    changed: 2,
  });
  const some = { scheduleIds: [created.id] };
  assert.deepEqual(await client.schedules.resumeMany(some), { matched: 1, changed: 1 });
  assert.deepEqual(await client.schedules.resumeMany({ workflow: workflowId }), {
    matched: 2,
    changed: 1,
  });
  assert.deepEqual(await client.schedules.delete(created.id), { id: created.id, deleted: true });
  const gone = await thrown(client.schedules.get(created.id), stepwell.NotFoundError);
  assert.equal(gone.code, "SCHEDULE_NOT_FOUND");
});

test("previews and problems", async () => {
  const preview = await client.schedules.preview("30 2 * * *", {
    timezone: "Europe/Berlin",
    count: 3,
  });
  assert.equal(preview.nextExecutions.length, 3);
  for (const { time, localTime } of preview.nextExecutions) {
    assert.equal(time.getTime(), Date.parse(localTime));
    assert.match(localTime, /T02:30:00\+0[12]:00$/);
  }
  const wrong = client.schedules.create(workflowId, {
    name: "w",
    scheduleType: "interval",
    intervalValue: 0,
    intervalUnit: "days",
    parameters,
  });
  const { code, details } = await thrown(wrong, stepwell.BadRequestError);
  assert.deepEqual([code, details[0]?.path], ["INVALID_SCHEDULE", "interval_value"]);
});
