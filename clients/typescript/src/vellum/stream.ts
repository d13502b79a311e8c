/** The inputs of a deployment, and the parser of its stream. No I/O. */

import { decodeFields, VELLUM_USER_DATA } from "../core/field-names.js";
import { LineSplitter } from "../core/lines.js";
import { ConnectionFailedError, UnexpectedResponseError } from "../errors.js";
import type { ExecuteWorkflowAsyncRequest, WorkflowInput, WorkflowStreamEvent } from "./models.js";

/** `inputs` as a list. */
export function toInputList(inputs: ExecuteWorkflowAsyncRequest["inputs"]): WorkflowInput[] {
  if (Array.isArray(inputs)) return inputs;
  return Object.entries(inputs ?? {}).map(([name, value]) => ({ name, value }));
}

/** Parses the lines of a stream into events. Blank lines are keep-alives. */
export class DeploymentStreamParser {
  executionId: string | undefined;
  private readonly lines = new LineSplitter();
  private ended = false;

  /** The events that this chunk completes. */
  *feed(chunk: Uint8Array): Generator<WorkflowStreamEvent> {
    for (const line of this.lines.feed(chunk)) yield* this.parse(line);
  }

  /**
   * Handles the end of the stream: yields an event without a line end, and throws if the stream did
   * not contain the end of the execution.
   */
  *close(): Generator<WorkflowStreamEvent> {
    yield* this.parse(this.lines.flush());
    if (!this.ended) {
      throw new ConnectionFailedError(
        "the stream ended before the execution did; get the status of the execution",
        { executionId: this.executionId },
      );
    }
  }

  private *parse(line: string): Generator<WorkflowStreamEvent> {
    if (line.trim() === "") return;
    let event: WorkflowStreamEvent;
    try {
      event = decodeFields(JSON.parse(line), VELLUM_USER_DATA) as WorkflowStreamEvent;
      // Event types of a newer server are ignored.
      if (event.type !== "WORKFLOW" && event.type !== "NODE") return;
      if (event.type === "WORKFLOW") {
        this.ended ||= event.data.state === "FULFILLED" || event.data.state === "REJECTED";
      }
    } catch (cause) {
      const message = "a line of the stream cannot be decoded";
      throw new UnexpectedResponseError(message, undefined, cause);
    }
    this.executionId = event.executionId;
    yield event;
  }
}
