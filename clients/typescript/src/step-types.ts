/** Step types of the management API. */

import type { CallOptions } from "./http.js";

/** A step type. */
export interface StepType {
  type: string;
  aliases: string[];
  description: string;
  /** In Markdown. */
  documentation: string;
  category: string;
  /** Whether it can be repeated after a crash. */
  effect: "pure" | "idempotent" | "external";
  /** Whether the configuration can weaken the effect. */
  effectVaries: boolean;
  configurationSchema: unknown;
  inputSchema: unknown;
  outputSchema: unknown;
  defaultInput: string | null;
  defaultOutput: string | null;
  /** Without an explicit input it has none, instead of the output of the previous step. */
  isSource: boolean;
  ports: string[];
  secretFields: string[];
  examples: unknown[];
}

/** Filters of step types, ascending by default. */
export interface StepTypeSelection extends CallOptions {
  category?: string;
  sortBy?: "type" | "category";
  sortOrder?: "asc" | "desc";
}
