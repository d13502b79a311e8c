/** Schedules of the management API: responses and options. */

import type { SortOptions } from "./managed-models.js";

/** A schedule in a list; `nextExecution` is null if it does not fire again. */
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
  /** The last firing that started no execution, with the reason. */
  lastSkipped: { scheduledAt: string; skippedAt: string; code: string; message: string } | null;
  queuedExecutions: number;
  createdBy: string | null;
}

/** The fields of a schedule; omitted fields are unchanged. */
export interface ScheduleChange {
  name?: string;
  /** `null` clears it. */
  description?: string | null;
  scheduleType?: "cron" | "interval" | "fixed_time";
  /** With `cron`: five fields, six with seconds first, or a form such as `@daily`. */
  cronExpression?: string;
  /** With `interval`. */
  intervalValue?: number;
  /** With `interval`. */
  intervalUnit?: "seconds" | "minutes" | "hours" | "days";
  /** With `fixed_time`; must be in the future. */
  executionTime?: Date | string;
  /** An IANA name; defaults to `UTC`. */
  timezone?: string;
  /** `null` clears them. */
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

/** Filters of schedules. */
export interface ScheduleSelection extends SortOptions {
  workflowId?: string;
  enabled?: boolean;
  scheduleType?: "cron" | "interval" | "fixed_time";
}

/** Schedules that are paused or resumed together: exactly one of these. */
export type ScheduleSelector = { workflowId: string } | { scheduleIds: string[] } | { all: true };

/** How many schedules matched, and how many of them changed. */
export interface SchedulesChanged {
  matched: number;
  changed: number;
}

/** The execution that `trigger` started. */
export interface TriggeredSchedule {
  executionId: string;
  workflowId: string;
  scheduleId: string;
  status: string;
  parameters: Record<string, any>;
}

/** The next firings of a cron expression, in UTC and in local time. */
export interface SchedulePreview {
  cron: string;
  timezone: string;
  nextExecutions: { time: string; localTime: string }[];
}
