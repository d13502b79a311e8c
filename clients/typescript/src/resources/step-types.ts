/** Step types: `/api/v1/step_types`. */

import { APIPromise } from "../core/api-promise.js";
import { fixed, path, type NamesOf } from "../core/arguments.js";
import type { Page, PagePromise } from "../core/page.js";
import { parseJson } from "../core/json.js";
import { LIST_NAMES, Resource, type ListOptions } from "../core/resource.js";
import type { RequestOptions } from "../core/transport.js";

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
  /** Of a block: the fields that only it has. */
  blockSchema?: unknown;
  defaultInput: string | null;
  defaultOutput: string | null;
  /** Without an explicit input it has none, instead of the output of the previous step. */
  isSource: boolean;
  ports: string[];
  secretFields: string[];
  examples: unknown[];
}

/** Filters of step types, ascending by default. */
export interface ListStepTypes extends ListOptions {
  sortBy?: "type" | "category" | undefined;
  category?: string | undefined;
}

const STEP_TYPES = fixed("/api/v1/step_types");
const LIST: NamesOf<ListStepTypes> = { ...LIST_NAMES, category: true };

/** Step types: `client.stepTypes`. */
export class StepTypes extends Resource {
  /** Lists the available step types. */
  list(options: ListStepTypes = {}): PagePromise<Page<StepType>> {
    return this.listItems({
      name: "stepTypes.list",
      path: path`${STEP_TYPES}`,
      options,
      optionNames: LIST,
    });
  }

  /** Returns a step type by name or alias. */
  get(type: string, options: RequestOptions = {}): APIPromise<StepType> {
    return this.send({
      name: "stepTypes.get",
      method: "GET",
      path: path`${STEP_TYPES}/${type}`,
      options,
    });
  }

  /** Returns the JSON Schema of definitions, for editors and validators. */
  definitionSchema(options: RequestOptions = {}): APIPromise<Record<string, unknown>> {
    const name = "stepTypes.definitionSchema";
    const received = this.transport.send({
      name,
      method: "GET",
      path: path`/api/v1/schema/definition`,
      options,
    });
    return new APIPromise(received, (r) => parseJson(name, r) as Record<string, unknown>);
  }
}
