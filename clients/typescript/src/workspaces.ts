/** Tenants: `/api/v1/workspaces`. */

import type { CallOptions, PostOptions } from "./http.js";
import type { ListOptions, Page, SortOptions } from "./managed-models.js";
import { path } from "./http.js";
import type { RateLimits } from "./models.js";
import { Resource } from "./resource.js";

/** A tenant; its limits hold for all of its keys together. */
export interface Workspace {
  id: string;
  name: string;
  tier: "standard" | "enterprise" | null;
  rateLimits: RateLimits;
  createdAt: string;
  updatedAt: string;
}

/** What can be said of a workspace: either a `tier`, or `rateLimits` of its own. */
export interface WorkspaceChange {
  name?: string;
  tier?: "standard" | "enterprise";
  rateLimits?: Partial<RateLimits>;
}

const WORKSPACES = "/api/v1/workspaces";

/**
 * The calls on workspaces: `client.workspaces`. Scope `admin`; to make one and to change its
 * limits, of the default workspace.
 */
export class Workspaces extends Resource {
  /** Makes a workspace; its first key is made with `createApiKey({ workspaceId, … })`. */
  create(
    workspace: WorkspaceChange & { name: string },
    options: PostOptions = {},
  ): Promise<Workspace> {
    return this.send({ method: "POST", path: WORKSPACES, body: workspace, ...options });
  }

  /** A workspace. */
  get(workspaceId: string, options: CallOptions = {}): Promise<Workspace> {
    return this.send({ method: "GET", path: path(`${WORKSPACES}/{}`, workspaceId), ...options });
  }

  /** A page of workspaces, sorted by `created_at`, `updated_at` or `name`. */
  list(options: ListOptions = {}): Promise<Page<Workspace>> {
    return this.page(WORKSPACES, options);
  }

  /** All workspaces, page by page. */
  iter(options: SortOptions = {}): AsyncGenerator<Workspace> {
    return this.each(WORKSPACES, options);
  }

  /** Changes what is given. */
  update(
    workspaceId: string,
    changes: WorkspaceChange,
    options: CallOptions = {},
  ): Promise<Workspace> {
    const where = path(`${WORKSPACES}/{}`, workspaceId);
    return this.send({ method: "PATCH", path: where, body: changes, ...options });
  }
}
