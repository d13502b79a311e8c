/** The calls for deployments in the Vellum-compatible API: `/v1`. */

import { APIPromise } from "../core/api-promise.js";
import { checked, fixed, path, type NamesOf } from "../core/arguments.js";
import {
  decodeFields,
  encodeFields,
  STATUS_USER_DATA,
  VELLUM_USER_DATA,
} from "../core/field-names.js";
import { parseJson } from "../core/json.js";
import { Resource } from "../core/resource.js";
import { readChunks, type Call, type PostOptions, type RequestOptions } from "../core/transport.js";
import { StepwellError } from "../errors.js";
import type * as v from "./models.js";
import { DeploymentStreamParser, toInputList } from "./stream.js";

/** How long the execution of a deployment may take by default. */
const EXECUTE_TIMEOUT = 600_000;

const EXECUTE_ASYNC: NamesOf<v.ExecuteWorkflowAsyncRequest> = {
  inputs: true,
  workflowDeploymentId: true,
  workflowDeploymentName: true,
  releaseTag: true,
  externalId: true,
  metadata: true,
  previousExecutionId: true,
};
const EXECUTE: NamesOf<v.ExecuteWorkflowRequest> = { ...EXECUTE_ASYNC, expandMeta: true };
const EXECUTE_STREAM: NamesOf<v.ExecuteWorkflowStreamRequest> = { ...EXECUTE, eventTypes: true };
const SUBMIT: NamesOf<v.SubmitActualsRequest> = {
  actuals: true,
  executionId: true,
  externalId: true,
};

/** Deployments: `client.vellum`. Every workflow is one. */
export class VellumClient extends Resource {
  /** Executes a deployment and returns its outputs; if it failed, its error is `data.error`. */
  executeWorkflow(
    request: v.ExecuteWorkflowRequest,
    options: PostOptions = {},
  ): APIPromise<v.ExecuteWorkflowResponse> {
    return this.sendDeployment({
      ...executeCall("executeWorkflow", "execute-workflow", request, options),
      checks: [checked(request, EXECUTE)],
      defaultTimeout: EXECUTE_TIMEOUT,
    });
  }

  /** Queues an execution of a deployment. `workflowExecutionStatus` returns its status. */
  executeWorkflowAsync(
    request: v.ExecuteWorkflowAsyncRequest,
    options: PostOptions = {},
  ): APIPromise<v.ExecutionAccepted> {
    return this.sendDeployment({
      ...executeCall("executeWorkflowAsync", "execute-workflow-async", request, options),
      checks: [checked(request, EXECUTE_ASYNC)],
    });
  }

  /**
   * Executes a deployment and yields its events as they happen. The request is sent when the
   * iteration starts. `timeout` is the longest time without data. Throws `ConnectionFailedError`
   * with the `executionId` if the stream breaks. Leaving the loop early closes the connection and
   * does not stop the execution.
   */
  async *executeWorkflowStream(
    request: v.ExecuteWorkflowStreamRequest,
    options: PostOptions = {},
  ): AsyncGenerator<v.WorkflowStreamEvent> {
    const opened = await this.transport.open({
      ...executeCall("executeWorkflowStream", "execute-workflow-stream", request, options),
      checks: [checked(request, EXECUTE_STREAM)],
      defaultTimeout: EXECUTE_TIMEOUT,
    });
    const parser = new DeploymentStreamParser();
    try {
      for await (const chunk of readChunks(opened)) yield* parser.feed(chunk);
      yield* parser.close();
    } catch (error) {
      if (error instanceof StepwellError) throw error;
      const { executionId } = parser;
      const context = { deadline: opened.deadline, signal: options.signal, executionId };
      throw this.transport.transportError(error, context);
    } finally {
      opened.deadline.close();
    }
  }

  /** Returns the status of an execution of a deployment. */
  workflowExecutionStatus(
    executionId: string,
    options: RequestOptions = {},
  ): APIPromise<v.WorkflowExecutionStatus> {
    const call: Call = {
      name: "vellum.workflowExecutionStatus",
      method: "GET",
      path: path`/v1/workflows/executions/${executionId}/status`,
      options,
      executionId,
    };
    return this.sendDeployment(call, STATUS_USER_DATA);
  }

  /** Submits feedback on the outputs of executions: their quality, or the expected values. */
  submitWorkflowExecutionActuals(
    request: v.SubmitActualsRequest,
    options: PostOptions = {},
  ): APIPromise<void> {
    return this.sendForNothing({
      name: "vellum.submitWorkflowExecutionActuals",
      method: "POST",
      path: path`/v1/submit-workflow-execution-actuals`,
      body: encodeFields(request, VELLUM_USER_DATA),
      checks: [checked(request, SUBMIT)],
      options,
    });
  }

  private sendDeployment<T>(call: Call, userData = VELLUM_USER_DATA): APIPromise<T> {
    const received = this.transport.send(call);
    return new APIPromise(received, (r) => decodeFields(parseJson(call.name, r), userData) as T);
  }
}

function executeCall(
  name: string,
  action: string,
  request: v.ExecuteWorkflowStreamRequest,
  options: PostOptions,
): Call {
  const body = encodeFields({ ...request, inputs: toInputList(request?.inputs) }, VELLUM_USER_DATA);
  return {
    name: `vellum.${name}`,
    method: "POST",
    path: path`/v1/${fixed(action)}`,
    body,
    options,
  };
}
