/** Executions that start by themselves: `/api/v1/workflow_schedules`. */

import { path, type CallOptions, type PostOptions } from "./http.js";
import type { Deleted, Page, PageOptions } from "./managed-models.js";
import { Resource } from "./resource.js";
import type * as s from "./schedule-models.js";

const SCHEDULES = "/api/v1/workflow_schedules";
const SCHEDULE = `${SCHEDULES}/{}`;

/** The calls on schedules: `client.schedules`. */
export class Schedules extends Resource {
  /** Schedules a workflow. */
  create(
    workflowId: string,
    schedule: s.NewSchedule,
    options: PostOptions = {},
  ): Promise<s.Schedule> {
    const where = path("/api/v1/workflows/{}/schedules", workflowId);
    return this.send({ method: "POST", path: where, body: schedule, ...options });
  }

  /** A schedule with its next firing and its last execution. */
  get(scheduleId: string, options: CallOptions = {}): Promise<s.Schedule> {
    return this.send({ method: "GET", path: path(SCHEDULE, scheduleId), ...options });
  }

  /** A page of schedules. */
  list(options: s.ScheduleSelection & PageOptions = {}): Promise<Page<s.ScheduleRow>> {
    return this.page(SCHEDULES, options);
  }

  /** All schedules, page by page. */
  iter(options: s.ScheduleSelection = {}): AsyncGenerator<s.ScheduleRow> {
    return this.each(SCHEDULES, options);
  }

  /** Changes what is given. */
  update(
    scheduleId: string,
    changes: s.ScheduleChange,
    options: CallOptions = {},
  ): Promise<s.Schedule> {
    const where = path(SCHEDULE, scheduleId);
    return this.send({ method: "PUT", path: where, body: changes, ...options });
  }

  /** Deletes a schedule; its executions stay. */
  delete(scheduleId: string, options: CallOptions = {}): Promise<Deleted> {
    return this.send({ method: "DELETE", path: path(SCHEDULE, scheduleId), ...options });
  }

  /** Starts an execution now, whatever its policies; the next firing stays where it is. */
  trigger(scheduleId: string, options: PostOptions = {}): Promise<s.TriggeredSchedule> {
    return this.send({ method: "POST", path: path(`${SCHEDULE}/trigger`, scheduleId), ...options });
  }

  /** Disables a schedule; firings that wait are dropped. */
  pause(scheduleId: string, options: PostOptions = {}): Promise<s.Schedule> {
    return this.send({ method: "POST", path: path(`${SCHEDULE}/pause`, scheduleId), ...options });
  }

  /** Enables a schedule; what it has missed is not made up for. */
  resume(scheduleId: string, options: PostOptions = {}): Promise<s.Schedule> {
    return this.send({ method: "POST", path: path(`${SCHEDULE}/resume`, scheduleId), ...options });
  }

  /** Pauses the schedules of a workflow, those that are named, or all of the workspace. */
  pauseMany(which: s.WhichSchedules, options: PostOptions = {}): Promise<s.SchedulesChanged> {
    return this.send({ method: "POST", path: `${SCHEDULES}/pause`, body: which, ...options });
  }

  /** Resumes the schedules of a workflow, those that are named, or all of the workspace. */
  resumeMany(which: s.WhichSchedules, options: PostOptions = {}): Promise<s.SchedulesChanged> {
    return this.send({ method: "POST", path: `${SCHEDULES}/resume`, body: which, ...options });
  }

  /** When a cron expression fires next, `count` times (default 10, at most 100). */
  preview(
    cron: string,
    { timezone, count, ...options }: CallOptions & { timezone?: string; count?: number } = {},
  ): Promise<s.SchedulePreview> {
    const query = { cron, timezone, count };
    return this.send({ method: "GET", path: "/api/v1/schedules/preview", query, ...options });
  }
}
