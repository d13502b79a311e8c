/** What the management API says about step types, as types. */

import type { CallOptions } from "./http.js";

/** A step type that definitions can use. */
export interface StepType {
  type: string;
  aliases: string[];
  description: string;
  /** In Markdown. */
  documentation: string;
  category: string;
  /** What a crash means for it. */
  effect: "pure" | "idempotent" | "external";
  /** Whether its configuration can make the effect a lesser one. */
  effectVaries: boolean;
  configurationSchema: unknown;
  inputSchema: unknown;
  outputSchema: unknown;
  defaultInput: string | null;
  defaultOutput: string | null;
  /** Without an input it goes without, instead of taking the output of the step before. */
  isSource: boolean;
  ports: string[];
  secretFields: string[];
  examples: unknown[];
}

/** Which step types a list has, ascending where it is not said. */
export interface StepTypeSelection extends CallOptions {
  category?: string;
  sortBy?: "type" | "category";
  sortOrder?: "asc" | "desc";
}
