/** Schedules of the management API: responses and options. */

import type { ListOptions } from "../core/resource.js";
import type { RequestOptions } from "../core/transport.js";
import type { ExecutionStatus } from "./execution-models.js";
import type { WarningItem } from "./workflow-models.js";

/** The fields of a schedule that lists have. */
export interface ScheduleSummary {
  id: string;
  workflowId: string;
  workflowName: string;
  name: string;
  description: string | null;
  scheduleType: "cron" | "interval" | "fixed_time";
  cronExpression?: string;
  intervalValue?: number;
  intervalUnit?: "seconds" | "minutes" | "hours" | "days";
  executionTime?: Date;
  enabled: boolean;
  timezone: string;
  /** Null if it does not fire again. */
  nextExecution: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

/** A schedule. */
export interface Schedule extends ScheduleSummary {
  parameters: Record<string, any>;
  /** The release tag of its executions; null: the newest release. */
  releaseTag: string | null;
  misfirePolicy: "run_once" | "skip" | "run_all";
  overlapPolicy: "allow" | "skip" | "queue";
  lastExecution: {
    executionId: string;
    status: ExecutionStatus;
    startedAt: Date | null;
    completedAt: Date | null;
  } | null;
  /** The last firing that started no execution, with the reason. */
  lastSkipped: { scheduledAt: Date; skippedAt: Date; code: string; message: string } | null;
  queuedExecutions: number;
  createdBy: string | null;
  warnings?: WarningItem[] | null;
}

/** The fields of a schedule; omitted fields are unchanged. */
export interface ScheduleChange {
  name?: string | undefined;
  /** `null` clears it. */
  description?: string | null | undefined;
  scheduleType?: "cron" | "interval" | "fixed_time" | undefined;
  /** With `cron`: five fields, six with seconds first, or a form such as `@daily`. */
  cronExpression?: string | undefined;
  /** With `interval`. */
  intervalValue?: number | undefined;
  /** With `interval`. */
  intervalUnit?: "seconds" | "minutes" | "hours" | "days" | undefined;
  /** With `fixed_time`; must be in the future. */
  executionTime?: Date | string | undefined;
  /** An IANA name; defaults to `UTC`. */
  timezone?: string | undefined;
  /** `null` clears them. */
  parameters?: Record<string, unknown> | null | undefined;
  /** The release tag of its executions; `null`: the newest release. */
  releaseTag?: string | null | undefined;
  enabled?: boolean | undefined;
  misfirePolicy?: "run_once" | "skip" | "run_all" | undefined;
  overlapPolicy?: "allow" | "skip" | "queue" | undefined;
}

/** A schedule to create. */
export interface NewSchedule extends ScheduleChange {
  name: string;
  scheduleType: "cron" | "interval" | "fixed_time";
}

/** Filters of schedules, newest first by default. */
export interface ListSchedules extends ListOptions {
  sortBy?: "created_at" | "updated_at" | "name" | "next_execution" | undefined;
  /** The id or the name of a workflow. */
  workflow?: string | undefined;
  enabled?: boolean | undefined;
  scheduleType?: "cron" | "interval" | "fixed_time" | undefined;
}

/** Schedules that are paused or resumed together: exactly one of these. */
export type ScheduleSelector =
  | {
      /** The id or the name of a workflow. */
      workflow: string;
    }
  | { scheduleIds: string[] }
  | {
      /** All schedules of the workspace. */
      all: true;
    };

/** How many schedules matched, and how many of them changed. */
export interface SchedulesChanged {
  matched: number;
  changed: number;
}

export interface PreviewOptions extends RequestOptions {
  /** An IANA name; defaults to `UTC`. */
  timezone?: string | undefined;
  /** 10 by default, at most 100. */
  count?: number | undefined;
}

/** The next firings of a cron expression. */
export interface SchedulePreview {
  cron: string;
  timezone: string;
  nextExecutions: {
    time: Date;
    /** The same in the timezone, as text: `2026-01-31T02:30:00+01:00`. */
    localTime: string;
  }[];
}
