/** Names where an id is expected: they are resolved to the id before the request. */

import { apiError } from "../errors.js";
import { requestIdOf } from "./api-promise.js";
import { path } from "./arguments.js";
import { parseJson } from "./json.js";
import type { RequestOptions, Transport } from "./transport.js";

/** An object that the caller named. Its id is requested once, also for a list of many pages. */
export class NameReference {
  #id: string | undefined;

  constructor(
    private readonly kind: "workflow" | "template",
    private readonly name: string,
  ) {}

  /** Returns the id of the object. */
  async resolve(transport: Transport, options: RequestOptions): Promise<string> {
    const find = this.kind === "workflow" ? findWorkflow : findTemplate;
    this.#id ??= await find(transport, this.name, {
      timeout: options.timeout,
      signal: options.signal,
    });
    return this.#id;
  }
}

const UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";
/** What looks like an id is one: ids have these and other forms. */
const WORKFLOW_ID = new RegExp(`^(wf[_-][0-9a-z]{26}|${UUID})$`, "i");
const TEMPLATE_ID = new RegExp(`^(tpl[_-][0-9a-z]{26}|${UUID})$`, "i");

/** The id of a workflow, or a reference to the workflow with that name. */
export function workflowId(text: string): string | NameReference {
  return isName(text, WORKFLOW_ID) ? new NameReference("workflow", text) : text;
}

/** The id of a template, or a reference to the template with that name. */
export function templateId(text: string): string | NameReference {
  return isName(text, TEMPLATE_ID) ? new NameReference("template", text) : text;
}

const isName = (text: unknown, id: RegExp): boolean =>
  typeof text === "string" && text !== "" && !id.test(text);

async function findWorkflow(
  transport: Transport,
  workflow: string,
  options: RequestOptions,
): Promise<string> {
  const name = "workflows.get";
  const deployment = path`/v1/workflow-deployments/${workflow}`;
  const received = await transport.send({ name, method: "GET", path: deployment, options });
  return (parseJson(name, received) as { id: string }).id;
}

async function findTemplate(
  transport: Transport,
  template: string,
  options: RequestOptions,
): Promise<string> {
  const name = "templates.list";
  const query = { name: template };
  const templates = path`/api/v1/templates`;
  const received = await transport.send({ name, method: "GET", path: templates, query, options });
  const { data } = parseJson(name, received) as { data: { items: { id: string }[] } };
  const [found] = data.items;
  if (found !== undefined) return found.id;
  const body = { message: `there is no template \`${template}\``, errors: [{ code: "NOT_FOUND" }] };
  const { headers } = received;
  throw apiError(body, { status: 404, headers, requestId: requestIdOf(headers) });
}
