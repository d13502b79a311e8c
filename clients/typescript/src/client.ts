/** The client. */

import type { APIPromise } from "./core/api-promise.js";
import { path } from "./core/arguments.js";
import { Resource } from "./core/resource.js";
import {
  changeSettings,
  resolveSettings,
  type ChangedOptions,
  type ClientOptions,
} from "./core/settings.js";
import { Transport, type RequestOptions } from "./core/transport.js";
import { DataflowClient } from "./dataflow/client.js";
import { Approvals } from "./resources/approvals.js";
import { AuditLog } from "./resources/audit-log.js";
import { Executions } from "./resources/executions.js";
import { Keys, type Me } from "./resources/keys.js";
import { Operations } from "./resources/operations.js";
import { Releases, ReleaseTags } from "./resources/releases.js";
import { Schedules } from "./resources/schedules.js";
import { StepTypes } from "./resources/step-types.js";
import { Templates } from "./resources/templates.js";
import { Variables } from "./resources/variables.js";
import { Webhooks } from "./resources/webhooks.js";
import { Workflows } from "./resources/workflows.js";
import { Workspaces } from "./resources/workspaces.js";
import { VellumClient } from "./vellum/client.js";

/**
 * A client for a Stepwell server. All times are milliseconds, and points in time are a `Date`. Every
 * error is a `StepwellError`, except the reason of an aborted `signal`, and TypeError for invalid
 * arguments.
 *
 * After 408, 429, 500, 502, 503, 504, connection errors and timeouts, a request is retried if
 * repeating it has no second effect: GETs, POSTs, which carry an `Idempotency-Key`, and moving a
 * release tag. After 429 all requests are retried.
 */
export class Client extends Resource {
  /** Workflows: create, update, activate, execute. */
  readonly workflows: Workflows;
  /** Executions of all workflows: get, wait, follow, control, rerun. */
  readonly executions: Executions;
  /** Approvals: decisions of people that steps wait for. */
  readonly approvals: Approvals;
  /** Bulk operations: one action on many executions. */
  readonly operations: Operations;
  /** Releases: the immutable definitions of a workflow. */
  readonly releases: Releases;
  /** Release tags: names for releases. */
  readonly releaseTags: ReleaseTags;
  /** Schedules, which start executions at given times. */
  readonly schedules: Schedules;
  /** Webhooks, which send events to your URLs. */
  readonly webhooks: Webhooks;
  /** API keys. */
  readonly keys: Keys;
  /** Templates: texts and JSON values with expressions. */
  readonly templates: Templates;
  /** Variables: settings of a workspace that expressions read. */
  readonly variables: Variables;
  /** Workspaces (tenants). */
  readonly workspaces: Workspaces;
  /** The audit log. */
  readonly auditLog: AuditLog;
  /** The step types that definitions can use. */
  readonly stepTypes: StepTypes;
  /** The Vellum-compatible API: deployments. */
  readonly vellum: VellumClient;
  /** The dataflow API. */
  readonly dataflow: DataflowClient;

  /** Throws a TypeError for an unknown option, and for an invalid URL or key. */
  constructor(options?: ClientOptions);
  constructor(options: ClientOptions | Transport = {}) {
    const isTransport = options instanceof Transport;
    super(isTransport ? options : new Transport(resolveSettings(options)));
    const { transport } = this;
    this.executions = new Executions(transport);
    this.workflows = new Workflows(this.executions, transport);
    this.approvals = new Approvals(transport);
    this.operations = new Operations(transport);
    this.releases = new Releases(transport);
    this.releaseTags = new ReleaseTags(transport);
    this.schedules = new Schedules(transport);
    this.webhooks = new Webhooks(transport);
    this.keys = new Keys(transport);
    this.templates = new Templates(transport);
    this.variables = new Variables(transport);
    this.workspaces = new Workspaces(transport);
    this.auditLog = new AuditLog(transport);
    this.stepTypes = new StepTypes(transport);
    this.vellum = new VellumClient(transport);
    this.dataflow = new DataflowClient(transport);
  }

  /** The URL of the server. */
  get baseUrl(): string {
    return this.transport.settings.baseUrl;
  }

  /**
   * Returns a client for the same server with other options; this client is unchanged. Headers are
   * added to those of this client.
   */
  withOptions(options: ChangedOptions): Client {
    const transport = new Transport(changeSettings(this.transport.settings, options));
    return new (Client as unknown as new (transport: Transport) => Client)(transport);
  }

  /** Returns the key of this client with its scopes and limits. */
  me(options: RequestOptions = {}): APIPromise<Me> {
    return this.send({ name: "me", method: "GET", path: path`/api/v1/auth/me`, options });
  }

  /** Never contains the API key. */
  toJSON(): { baseUrl: string } {
    return { baseUrl: this.baseUrl };
  }

  override toString(): string {
    return `Client { baseUrl: '${this.baseUrl}' }`;
  }

  /** For `console.log` and `util.inspect` in Node, Bun and Deno. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }
}
