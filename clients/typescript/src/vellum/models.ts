/** Requests and responses of the deployment endpoints (`/v1/execute-workflow…`). */

/** An input. `type` defaults to the type in the workflow's schema. */
export interface WorkflowInput {
  name: string;
  type?: string;
  value?: unknown;
}

/** Pass the id or the name of the deployment; with both, they must agree. */
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
  /** Defaults to `["WORKFLOW"]`. */
  eventTypes?: ("WORKFLOW" | "NODE")[];
}

/** An output. `type` is the type of `value`: STRING, NUMBER, JSON, … */
export interface WorkflowOutput {
  id: string;
  name: string;
  type: string;
  value: any;
}

/** The cause of a rejected execution or node. */
export interface WorkflowError {
  code: string;
  /** The older form of the field above. */
  errorCode?: string;
  message: string;
  rawData?: unknown;
  stacktrace?: string | null;
}

/** Response to `executeWorkflowAsync`: the execution is durable. */
export interface ExecutionAccepted {
  executionId: string;
}

/** The result of an execution. */
export type WorkflowResult =
  | { id: string; state: "FULFILLED"; ts: Date; outputs: WorkflowOutput[] }
  | { id: string; state: "REJECTED"; ts: Date; error: WorkflowError };

/** A failed execution is a response, not an error. */
export interface ExecuteWorkflowResponse {
  executionId: string;
  /** The older form of the field above. */
  runId?: string | null;
  externalId: string | null;
  data: WorkflowResult;
}

/** The status of an execution; `outputs` maps names to values if it is FULFILLED. */
export interface WorkflowExecutionStatus {
  status: "PENDING" | "INITIATED" | "STREAMING" | "FULFILLED" | "REJECTED";
  executionId: string;
  outputs: Record<string, any> | null;
  error: Partial<WorkflowError> | null;
  executionDetailUrl?: string | null;
}

/** A part of an output: `delta` while STREAMING, then the complete `value`. */
export interface StreamedOutput {
  id?: string | null;
  name: string;
  type: string;
  state: string;
  nodeId?: string | null;
  delta?: string | null;
  value?: any;
}

/** An event of the execution. */
export interface WorkflowEvent {
  type: "WORKFLOW";
  executionId: string;
  externalId: string | null;
  data: {
    id: string;
    state: "PENDING" | "INITIATED" | "STREAMING" | "FULFILLED" | "REJECTED";
    ts: Date;
    inputs?: WorkflowInput[] | null;
    output?: StreamedOutput | null;
    outputs?: WorkflowOutput[] | null;
    error?: WorkflowError | null;
  };
}

/** An event of a node. */
export interface NodeEvent {
  type: "NODE";
  executionId: string;
  externalId: string | null;
  data: {
    id: string;
    nodeId: string;
    nodeResultId: string;
    state: "INITIATED" | "STREAMING" | "FULFILLED" | "REJECTED";
    ts?: Date | null;
    data?: unknown;
    inputValues?: { nodeInputId: string; key: string; type: string; value?: any }[] | null;
    output?: { nodeOutputId: string; type: string; state?: string; value?: any } | null;
    outputIndex?: number | null;
    outputValues?: { nodeOutputId: string; type: string; state?: string; value?: any }[];
    error?: WorkflowError;
  };
}

export type WorkflowStreamEvent = WorkflowEvent | NodeEvent;

/** Feedback on an output: its quality or the expected value. */
export interface Actual {
  /** Here, or in the request for all actuals. */
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
