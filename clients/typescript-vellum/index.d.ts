import type { ClientOptions, VellumClient } from "stepwell";

export { StepwellError as VellumError } from "stepwell";

type DeploymentCalls = Pick<
  VellumClient,
  | "executeWorkflow"
  | "executeWorkflowAsync"
  | "executeWorkflowStream"
  | "workflowExecutionStatus"
  | "submitWorkflowExecutionActuals"
>;

/** The `Client` of early Vellum examples, which has the calls for deployments itself. */
export interface Client extends DeploymentCalls {}

export declare const Client: new (options?: ClientOptions) => Client;
