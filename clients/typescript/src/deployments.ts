/**
 * The deployment endpoints (`/v1/execute-workflow` and its neighbours), as types, and the reader
 * of their stream. No I/O.
 */

import { ConnectionFailedError, UnexpectedAnswerError } from "./errors.js";
import { Lines } from "./lines.js";
import { camel, DEPLOYMENTS } from "./names.js";

/** An input. Where `type` is left out, it is what the workflow's schema says. */
export interface WorkflowInput {
  name: string;
  type?: string;
  value?: unknown;
}

/** Give the deployment's id or its name, not both. */
export interface ExecuteWorkflowAsyncRequest {
  /** A list, or values by name. */
  inputs: WorkflowInput[] | Record<string, unknown>;
  workflowDeploymentId?: string;
  workflowDeploymentName?: string;
  releaseTag?: string;
  externalId?: string;
  metadata?: Record<string, unknown>;
  previousExecutionId?: string;
}

export interface ExecuteWorkflowRequest extends ExecuteWorkflowAsyncRequest {
  expandMeta?: { usage?: boolean; cost?: boolean; modelName?: boolean };
}

export interface ExecuteWorkflowStreamRequest extends ExecuteWorkflowRequest {
  /** `["WORKFLOW"]` where it is left out. */
  eventTypes?: ("WORKFLOW" | "NODE")[];
}

/** An output. `type` says what `value` is: STRING, NUMBER, JSON, and so on. */
export interface WorkflowOutput {
  id: string;
  name: string;
  type: string;
  value: any;
}

/** Why an execution or a node was rejected. */
export interface WorkflowError {
  code: string;
  /** The same in older words. */
  errorCode?: string;
  message: string;
  rawData?: unknown;
  stacktrace?: string | null;
}

/** How an execution ended. */
export type WorkflowResult =
  | { id: string; state: "FULFILLED"; ts: string; outputs: WorkflowOutput[] }
  | { id: string; state: "REJECTED"; ts: string; error: WorkflowError };

/** A failed execution is an answer, not an exception. */
export interface ExecuteWorkflowResponse {
  executionId: string;
  /** The same in older words. */
  runId?: string | null;
  externalId: string | null;
  data: WorkflowResult;
}

/** Where an execution stands; `outputs` maps names to values once it is FULFILLED. */
export interface WorkflowExecutionStatus {
  status: "PENDING" | "INITIATED" | "STREAMING" | "FULFILLED" | "REJECTED";
  executionId: string;
  outputs: Record<string, any> | null;
  error: Partial<WorkflowError> | null;
  executionDetailUrl?: string | null;
}

/** A piece of an output: `delta` while STREAMING, then the whole `value`. */
export interface StreamedOutput {
  id?: string | null;
  name: string;
  type: string;
  state: string;
  nodeId?: string | null;
  delta?: string | null;
  value?: any;
}

/** Something happened to the execution. */
export interface WorkflowEvent {
  type: "WORKFLOW";
  executionId: string;
  externalId: string | null;
  data: {
    id: string;
    state: "PENDING" | "INITIATED" | "STREAMING" | "FULFILLED" | "REJECTED";
    ts: string;
    inputs?: WorkflowInput[] | null;
    output?: StreamedOutput | null;
    outputs?: WorkflowOutput[] | null;
    error?: WorkflowError | null;
  };
}

/** Something happened to a node. */
export interface NodeEvent {
  type: "NODE";
  executionId: string;
  externalId: string | null;
  data: {
    id: string;
    nodeId: string;
    nodeResultId: string;
    state: "INITIATED" | "STREAMING" | "FULFILLED" | "REJECTED";
    ts?: string | null;
    data?: unknown;
    inputValues?: { nodeInputId: string; key: string; type: string; value?: any }[] | null;
    output?: { nodeOutputId: string; type: string; state?: string; value?: any } | null;
    outputIndex?: number | null;
    outputValues?: { nodeOutputId: string; type: string; state?: string; value?: any }[];
    error?: WorkflowError;
  };
}

export type WorkflowStreamEvent = WorkflowEvent | NodeEvent;

/** What an output should have been, or how good it was. */
export interface Actual {
  /** Here, or for all of them in the request. */
  executionId?: string;
  outputName?: string;
  value?: unknown;
  outputType?: "STRING" | "JSON" | "CHAT_HISTORY";
  outputKey?: string;
  outputId?: string;
  desiredOutputValue?: unknown;
  /** 0 to 1. */
  quality?: number;
  /** Seconds since 1970. */
  timestamp?: number;
  metadata?: Record<string, unknown>;
}

export interface SubmitActualsRequest {
  actuals: Actual[];
  executionId?: string;
  externalId?: string;
}

/** `inputs` as the server takes them. */
export function listed(inputs: ExecuteWorkflowAsyncRequest["inputs"]): WorkflowInput[] {
  if (Array.isArray(inputs)) return inputs;
  return Object.entries(inputs).map(([name, value]) => ({ name, value }));
}

/** Makes events of the lines of a stream. Blank lines keep it alive and mean nothing. */
export class StreamReader {
  executionId: string | undefined;
  private readonly lines = new Lines();
  private ended = false;

  /** The events that this chunk completes. */
  *feed(chunk: Uint8Array): Generator<WorkflowStreamEvent> {
    for (const line of this.lines.feed(chunk)) yield* this.read(line);
  }

  /**
   * The stream is over: an event in what is left of it, and an error where the execution's end
   * was not in it.
   */
  *close(): Generator<WorkflowStreamEvent> {
    yield* this.read(this.lines.rest());
    if (!this.ended) {
      throw new ConnectionFailedError(
        "the stream ended before the execution did; ask for its status",
        { executionId: this.executionId },
      );
    }
  }

  private *read(line: string): Generator<WorkflowStreamEvent> {
    if (line.trim() === "") return;
    let event: WorkflowStreamEvent;
    try {
      event = camel(JSON.parse(line), DEPLOYMENTS) as WorkflowStreamEvent;
      // A newer server's events are left out; what this client knows goes on.
      if (event.type !== "WORKFLOW" && event.type !== "NODE") return;
      if (event.type === "WORKFLOW") {
        this.ended ||= event.data.state === "FULFILLED" || event.data.state === "REJECTED";
      }
    } catch (cause) {
      throw new UnexpectedAnswerError(
        `a line of the stream is not readable: ${line.slice(0, 100)}`,
        undefined,
        cause,
      );
    }
    this.executionId = event.executionId;
    yield event;
  }
}
