/** Schedules: `/api/v1/workflow_schedules`. */

import type { APIPromise } from "../core/api-promise.js";
import { checked, fixed, path, type NamesOf } from "../core/arguments.js";
import type { Page, PagePromise } from "../core/page.js";
import { workflowId } from "../core/references.js";
import { LIST_NAMES, Resource } from "../core/resource.js";
import { REQUEST_NAMES, type PostOptions, type RequestOptions } from "../core/transport.js";
import type { Execution } from "./execution-models.js";
import { toExecution } from "./executions.js";
import type * as s from "./schedule-models.js";
import type { Deleted } from "./workflow-models.js";

const SCHEDULES = fixed("/api/v1/workflow_schedules");

const LIST: NamesOf<s.ListSchedules> = {
  ...LIST_NAMES,
  workflow: true,
  enabled: true,
  scheduleType: true,
};
const FIELDS: NamesOf<s.NewSchedule> = {
  name: true,
  description: true,
  scheduleType: true,
  cronExpression: true,
  intervalValue: true,
  intervalUnit: true,
  executionTime: true,
  timezone: true,
  parameters: true,
  releaseTag: true,
  enabled: true,
  misfirePolicy: true,
  overlapPolicy: true,
};
const SELECTOR: NamesOf<s.ScheduleSelector> = { workflow: true, scheduleIds: true, all: true };
const PREVIEW: NamesOf<s.PreviewOptions> = { ...REQUEST_NAMES, timezone: true, count: true };

/** Schedules, which start executions at given times: `client.schedules`. */
export class Schedules extends Resource {
  /** Creates a schedule for a workflow. */
  create(
    workflow: string,
    schedule: s.NewSchedule,
    options: PostOptions = {},
  ): APIPromise<s.Schedule> {
    return this.send({
      name: "schedules.create",
      method: "POST",
      path: path`/api/v1/workflows/${workflowId(workflow)}/schedules`,
      body: schedule,
      checks: [checked(schedule, FIELDS)],
      options,
    });
  }

  /** Returns a schedule with its next and its last execution. */
  get(scheduleId: string, options: RequestOptions = {}): APIPromise<s.Schedule> {
    return this.send({
      name: "schedules.get",
      method: "GET",
      path: path`${SCHEDULES}/${scheduleId}`,
      options,
    });
  }

  /** Lists schedules. */
  list(options: s.ListSchedules = {}): PagePromise<Page<s.ScheduleSummary>> {
    const workflow = options.workflow === undefined ? undefined : workflowId(options.workflow);
    return this.listItems({
      name: "schedules.list",
      path: path`${SCHEDULES}`,
      options,
      optionNames: LIST,
      query: { workflow: undefined, workflow_id: workflow },
    });
  }

  /** Updates the given fields. */
  update(
    scheduleId: string,
    changes: s.ScheduleChange,
    options: RequestOptions = {},
  ): APIPromise<s.Schedule> {
    return this.send({
      name: "schedules.update",
      method: "PUT",
      path: path`${SCHEDULES}/${scheduleId}`,
      body: changes,
      checks: [checked(changes as s.NewSchedule, FIELDS)],
      options,
    });
  }

  /** Deletes a schedule; its executions are kept. */
  delete(scheduleId: string, options: RequestOptions = {}): APIPromise<Deleted> {
    return this.send({
      name: "schedules.delete",
      method: "DELETE",
      path: path`${SCHEDULES}/${scheduleId}`,
      options,
    });
  }

  /** Starts an execution now, regardless of the policies; the next firing does not change. */
  trigger(scheduleId: string, options: PostOptions = {}): APIPromise<Execution> {
    return this.send(
      {
        name: "schedules.trigger",
        method: "POST",
        path: path`${SCHEDULES}/${scheduleId}/trigger`,
        options,
      },
      toExecution,
    );
  }

  /** Disables a schedule; queued firings are dropped. */
  pause(scheduleId: string, options: PostOptions = {}): APIPromise<s.Schedule> {
    return this.send({
      name: "schedules.pause",
      method: "POST",
      path: path`${SCHEDULES}/${scheduleId}/pause`,
      options,
    });
  }

  /** Enables a schedule; missed firings are not made up for. */
  resume(scheduleId: string, options: PostOptions = {}): APIPromise<s.Schedule> {
    return this.send({
      name: "schedules.resume",
      method: "POST",
      path: path`${SCHEDULES}/${scheduleId}/resume`,
      options,
    });
  }

  /** Pauses the schedules of a workflow, those in `scheduleIds`, or all of the workspace. */
  pauseMany(
    selector: s.ScheduleSelector,
    options: PostOptions = {},
  ): APIPromise<s.SchedulesChanged> {
    return this.changeMany("pause", selector, options);
  }

  /** Resumes the schedules of a workflow, those in `scheduleIds`, or all of the workspace. */
  resumeMany(
    selector: s.ScheduleSelector,
    options: PostOptions = {},
  ): APIPromise<s.SchedulesChanged> {
    return this.changeMany("resume", selector, options);
  }

  private changeMany(
    verb: "pause" | "resume",
    selector: s.ScheduleSelector,
    options: PostOptions,
  ): APIPromise<s.SchedulesChanged> {
    const { workflow, ...rest } = selector as Record<string, string | undefined>;
    return this.send({
      name: `schedules.${verb}Many`,
      method: "POST",
      path: path`${SCHEDULES}/${verb}`,
      body: { ...rest, workflowId: workflow === undefined ? undefined : workflowId(workflow) },
      checks: [checked(selector, SELECTOR)],
      options,
    });
  }

  /** Returns the next firings of a cron expression. */
  preview(cronExpression: string, options: s.PreviewOptions = {}): APIPromise<s.SchedulePreview> {
    const { timezone, count } = options;
    return this.send({
      name: "schedules.preview",
      method: "GET",
      path: path`/api/v1/schedules/preview`,
      query: { cron: cronExpression, timezone, count },
      options,
      optionNames: PREVIEW,
    });
  }
}
