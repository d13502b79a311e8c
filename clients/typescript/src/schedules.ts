/** Schedules: `/api/v1/workflow_schedules`. */

import { path, type CallOptions, type PostOptions } from "./http.js";
import type { Deleted, Page, PageOptions } from "./managed-models.js";
import { Resource } from "./resource.js";
import type * as s from "./schedule-models.js";

const SCHEDULES = "/api/v1/workflow_schedules";
const SCHEDULE = `${SCHEDULES}/{}`;

/** Calls for schedules: `client.schedules`. */
export class Schedules extends Resource {
  /** Creates a schedule for a workflow. */
  create(
    workflowId: string,
    schedule: s.NewSchedule,
    options: PostOptions = {},
  ): Promise<s.Schedule> {
    const urlPath = path("/api/v1/workflows/{}/schedules", workflowId);
    return this.send({ method: "POST", path: urlPath, body: schedule, ...options });
  }

  /** Returns a schedule with its next and its last execution. */
  get(scheduleId: string, options: CallOptions = {}): Promise<s.Schedule> {
    return this.send({ method: "GET", path: path(SCHEDULE, scheduleId), ...options });
  }

  /** Returns a page of schedules. */
  list(options: s.ScheduleSelection & PageOptions = {}): Promise<Page<s.ScheduleRow>> {
    return this.getPage(SCHEDULES, options);
  }

  /** Iterates over all schedules, page by page. */
  iter(options: s.ScheduleSelection = {}): AsyncGenerator<s.ScheduleRow> {
    return this.iterate(SCHEDULES, options);
  }

  /** Updates the given fields. */
  update(
    scheduleId: string,
    changes: s.ScheduleChange,
    options: CallOptions = {},
  ): Promise<s.Schedule> {
    const urlPath = path(SCHEDULE, scheduleId);
    return this.send({ method: "PUT", path: urlPath, body: changes, ...options });
  }

  /** Deletes a schedule; its executions are kept. */
  delete(scheduleId: string, options: CallOptions = {}): Promise<Deleted> {
    return this.send({ method: "DELETE", path: path(SCHEDULE, scheduleId), ...options });
  }

  /** Starts an execution now, regardless of the policies; the next firing does not change. */
  trigger(scheduleId: string, options: PostOptions = {}): Promise<s.TriggeredSchedule> {
    return this.send({ method: "POST", path: path(`${SCHEDULE}/trigger`, scheduleId), ...options });
  }

  /** Disables a schedule; queued firings are dropped. */
  pause(scheduleId: string, options: PostOptions = {}): Promise<s.Schedule> {
    return this.send({ method: "POST", path: path(`${SCHEDULE}/pause`, scheduleId), ...options });
  }

  /** Enables a schedule; missed firings are not made up for. */
  resume(scheduleId: string, options: PostOptions = {}): Promise<s.Schedule> {
    return this.send({ method: "POST", path: path(`${SCHEDULE}/resume`, scheduleId), ...options });
  }

  /** Pauses the schedules of a workflow, those in `scheduleIds`, or all of the workspace. */
  pauseMany(selector: s.ScheduleSelector, options: PostOptions = {}): Promise<s.SchedulesChanged> {
    return this.send({ method: "POST", path: `${SCHEDULES}/pause`, body: selector, ...options });
  }

  /** Resumes the schedules of a workflow, those in `scheduleIds`, or all of the workspace. */
  resumeMany(selector: s.ScheduleSelector, options: PostOptions = {}): Promise<s.SchedulesChanged> {
    return this.send({ method: "POST", path: `${SCHEDULES}/resume`, body: selector, ...options });
  }

  /** Returns the next `count` firings of a cron expression (default 10, at most 100). */
  preview(
    cron: string,
    { timezone, count, ...options }: CallOptions & { timezone?: string; count?: number } = {},
  ): Promise<s.SchedulePreview> {
    const query = { cron, timezone, count };
    return this.send({ method: "GET", path: "/api/v1/schedules/preview", query, ...options });
  }
}
