/** Validations and dry runs of the management API: responses. A newer server can add fields. */

import type { PostOptions } from "../core/transport.js";
import type { Failure } from "./execution-models.js";

/** What is wrong in a definition; `path` is empty if it is about the whole. */
export interface DefinitionProblem {
  path: string;
  message: string;
  expected?: string;
  found?: string;
  /** From 1. */
  line?: number;
  column?: number;
}

/** What is accepted in a definition, but is probably a mistake. */
export interface DefinitionWarning {
  code: string;
  path: string;
  message: string;
  line?: number;
  column?: number;
}

/** A step of a compiled definition. */
export interface GraphStep {
  id: string;
  type: string;
  effect: string;
  path: string;
  line?: number;
  column?: number;
  /** The list of a block that it is in, such as `cases[0]`. */
  parent: { block: string; body: string } | null;
  /** The lists of steps of a block. */
  bodies?: string[] | null;
  /** Whether it has a condition. */
  conditional: boolean;
  ports: string[];
  /** `null` if all schemas would be too large together. */
  inputSchema: unknown;
  outputSchema: unknown;
}

/** An edge between two steps; `port` is null for the usual one. */
export interface GraphEdge {
  from: string;
  port: string | null;
  to: string;
  /** Whether it follows from the order of the list. */
  implicit: boolean;
}

/** A compiled definition: its steps, each block before the steps in it, and their edges. */
export interface DefinitionGraph {
  name: string;
  inputSchema: unknown;
  steps: GraphStep[];
  edges: GraphEdge[];
  outputs: { name: string; schema: unknown }[];
}

/** What a definition contains, or what is wrong with it; then `graph` is null. */
export interface Validation {
  valid: boolean;
  problems: DefinitionProblem[];
  warnings: DefinitionWarning[];
  graph: DefinitionGraph | null;
}

/** An expression (`inputs.n > 3`) or a template (`Dear {{ inputs.name }}`) to evaluate. */
export interface EvaluationSource {
  expression?: string | undefined;
  template?: string | undefined;
  /** Variables by name, such as `inputs`, `steps`, `state` and `vars`. */
  scope?: Record<string, unknown> | undefined;
}

/** The value of an expression with its JSON type, or the error with its place in the text. */
export interface Evaluation {
  value: any;
  type: string | null;
  error: { message: string; line: number | null; column: number | null } | null;
}

/** The result of a step in a dry run. */
export type Mock =
  | { output: unknown; port?: string; duration?: string | number }
  | {
      error: { code: string; message?: string; details?: unknown; retryable?: boolean };
      duration?: string | number;
    };

export interface DryRunOptions extends PostOptions {
  /** The results of steps by step id; of a list, one for each call in order. */
  mocks?: Record<string, Mock | Mock[]> | undefined;
  /** Variables by name, instead of those of the workspace with the same names. */
  vars?: Record<string, unknown> | undefined;
  /** When the simulated clock begins, RFC 3339. */
  now?: string | undefined;
}

/** A step run of a dry run. */
export interface DryRunStep {
  /** The step's id, in an iteration with the enclosing steps: `orders[3].charge`. */
  step: string;
  stepId: string;
  type: string;
  status: string;
  mocked: boolean;
  attempts: number;
  // `any`: the type depends on the workflow.
  input: any;
  output: any;
  port: string | null;
  error: Failure | null;
  startedAfterMs: number;
  endedAfterMs: number | null;
}

/** What a dry run did. */
export interface DryRun {
  status: "queued" | "running" | "paused" | "completed" | "failed" | "timed_out" | "cancelled";
  output: any;
  error: Failure | null;
  /** The time that an execution would have taken. */
  elapsedMs: number;
  /** In the order in which they started or were skipped. */
  steps: DryRunStep[];
  /** The lists of blocks that ran. */
  branches: { step: string; branch: string }[];
}
