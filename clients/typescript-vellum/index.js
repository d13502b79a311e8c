/** The `Client` of early Vellum examples, which has the calls for deployments itself. */

import { Client as StepwellClient, StepwellError } from "stepwell";

export { StepwellError as VellumError };

export class Client {
  #vellum;

  constructor(options) {
    this.#vellum = new StepwellClient(options).vellum;
  }

  executeWorkflow(request, options) {
    return this.#vellum.executeWorkflow(request, options);
  }

  executeWorkflowAsync(request, options) {
    return this.#vellum.executeWorkflowAsync(request, options);
  }

  executeWorkflowStream(request, options) {
    return this.#vellum.executeWorkflowStream(request, options);
  }

  workflowExecutionStatus(executionId, options) {
    return this.#vellum.workflowExecutionStatus(executionId, options);
  }

  submitWorkflowExecutionActuals(request, options) {
    return this.#vellum.submitWorkflowExecutionActuals(request, options);
  }
}
