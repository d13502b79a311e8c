/** What the management API says about schedules, as types, and what it takes. */

import type { SortOptions } from "./managed-models.js";

/** A schedule in a list; `nextExecution` is null where it fires no more. */
export interface ScheduleRow {
  id: string;
  workflowId: string;
  workflowName: string;
  name: string;
  description: string | null;
  scheduleType: "cron" | "interval" | "fixed_time";
  cronExpression?: string;
  intervalValue?: number;
  intervalUnit?: "seconds" | "minutes" | "hours" | "days";
  executionTime?: string;
  enabled: boolean;
  timezone: string;
  nextExecution: string | null;
  createdAt: string;
  updatedAt: string;
}

/** A schedule. */
export interface Schedule extends ScheduleRow {
  parameters: Record<string, any>;
  misfirePolicy: "run_once" | "skip" | "run_all";
  overlapPolicy: "allow" | "skip" | "queue";
  lastExecution: {
    executionId: string;
    status: string;
    startedAt: string | null;
    completedAt: string | null;
  } | null;
  /** The last firing that started nothing, and why. */
  lastSkipped: { scheduledAt: string; skippedAt: string; code: string; message: string } | null;
  queuedExecutions: number;
  createdBy: string | null;
}

/** What can be said of a schedule; in a change, what is left out stays as it is. */
export interface ScheduleChange {
  name?: string;
  /** `null` takes it away. */
  description?: string | null;
  scheduleType?: "cron" | "interval" | "fixed_time";
  /** With `cron`: five fields, six with seconds first, or a form such as `@daily`. */
  cronExpression?: string;
  /** With `interval`. */
  intervalValue?: number;
  /** With `interval`. */
  intervalUnit?: "seconds" | "minutes" | "hours" | "days";
  /** With `fixed_time`: in the future. */
  executionTime?: Date | string;
  /** An IANA name; `UTC` where it is left out. */
  timezone?: string;
  /** `null` is none. */
  parameters?: Record<string, unknown> | null;
  enabled?: boolean;
  misfirePolicy?: "run_once" | "skip" | "run_all";
  overlapPolicy?: "allow" | "skip" | "queue";
}

/** A schedule to create. */
export interface NewSchedule extends ScheduleChange {
  name: string;
  scheduleType: "cron" | "interval" | "fixed_time";
}

/** Which schedules a list has. */
export interface ScheduleSelection extends SortOptions {
  workflowId?: string;
  enabled?: boolean;
  scheduleType?: "cron" | "interval" | "fixed_time";
}

/** Schedules that are paused or resumed together: exactly one of these. */
export type WhichSchedules = { workflowId: string } | { scheduleIds: string[] } | { all: true };

/** How many schedules were meant, and how many of them were not yet as they should be. */
export interface SchedulesChanged {
  matched: number;
  changed: number;
}

/** An execution that a schedule was told to start. */
export interface TriggeredSchedule {
  executionId: string;
  workflowId: string;
  scheduleId: string;
  status: string;
  parameters: Record<string, any>;
}

/** When a cron expression fires, also on the clocks of its time zone. */
export interface SchedulePreview {
  cron: string;
  timezone: string;
  nextExecutions: { time: string; localTime: string }[];
}
