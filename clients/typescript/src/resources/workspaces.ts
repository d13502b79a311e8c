/** Workspaces (tenants): `/api/v1/workspaces`. */

import type { APIPromise } from "../core/api-promise.js";
import { checked, fixed, path, type NamesOf } from "../core/arguments.js";
import type { Page, PagePromise } from "../core/page.js";
import { LIST_NAMES, Resource, type ListOptions } from "../core/resource.js";
import type { PostOptions, RequestOptions } from "../core/transport.js";

export type Tier = "standard" | "enterprise";

/** Limits; null: unlimited. */
export interface RateLimits {
  executionsPerSecond: number | null;
  requestsPerMinute: number | null;
  concurrentExecutions: number | null;
}

/** A tenant. Its limits apply to all of its keys together. */
export interface Workspace {
  id: string;
  name: string;
  tier: Tier | null;
  rateLimits: RateLimits;
  createdAt: Date;
  updatedAt: Date;
}

/** The fields of a workspace: a `tier`, or its own `rateLimits`. Omitted fields are unchanged. */
export interface WorkspaceChange {
  name?: string | undefined;
  tier?: Tier | undefined;
  rateLimits?: Partial<RateLimits> | undefined;
}

/** A workspace to create. */
export interface NewWorkspace extends WorkspaceChange {
  name: string;
}

/** The order of workspaces, newest first by default. */
export interface ListWorkspaces extends ListOptions {
  sortBy?: "created_at" | "updated_at" | "name" | undefined;
}

const WORKSPACES = fixed("/api/v1/workspaces");
const FIELDS: NamesOf<WorkspaceChange> = { name: true, tier: true, rateLimits: true };

export const RATE_LIMITS: NamesOf<RateLimits> = {
  executionsPerSecond: true,
  requestsPerMinute: true,
  concurrentExecutions: true,
};

/**
 * Workspaces: `client.workspaces`. They require scope `admin`; creating one and changing its limits
 * require a key of the default workspace.
 */
export class Workspaces extends Resource {
  /** Creates a workspace. Create its first key with `keys.create({ workspaceId, … })`. */
  create(workspace: NewWorkspace, options: PostOptions = {}): APIPromise<Workspace> {
    return this.send({
      name: "workspaces.create",
      method: "POST",
      path: path`${WORKSPACES}`,
      body: workspace,
      checks: [
        checked<WorkspaceChange>(workspace, FIELDS),
        checked(workspace?.rateLimits, RATE_LIMITS, "rateLimits"),
      ],
      options,
    });
  }

  /** Returns a workspace. */
  get(workspaceId: string, options: RequestOptions = {}): APIPromise<Workspace> {
    return this.send({
      name: "workspaces.get",
      method: "GET",
      path: path`${WORKSPACES}/${workspaceId}`,
      options,
    });
  }

  /** Lists workspaces. */
  list(options: ListWorkspaces = {}): PagePromise<Page<Workspace>> {
    return this.listItems({
      name: "workspaces.list",
      path: path`${WORKSPACES}`,
      options,
      optionNames: LIST_NAMES,
    });
  }

  /** Updates the given fields. */
  update(
    workspaceId: string,
    changes: WorkspaceChange,
    options: RequestOptions = {},
  ): APIPromise<Workspace> {
    return this.send({
      name: "workspaces.update",
      method: "PATCH",
      path: path`${WORKSPACES}/${workspaceId}`,
      body: changes,
      checks: [checked(changes, FIELDS), checked(changes?.rateLimits, RATE_LIMITS, "rateLimits")],
      options,
    });
  }
}
