/** Workspaces (tenants): `/api/v1/workspaces`. */

import type { CallOptions, PostOptions } from "./http.js";
import type { ListOptions, Page, SortOptions } from "./managed-models.js";
import { path } from "./http.js";
import type { RateLimits } from "./models.js";
import { Resource } from "./resource.js";

/** A tenant. Its limits apply to all of its keys together. */
export interface Workspace {
  id: string;
  name: string;
  tier: "standard" | "enterprise" | null;
  rateLimits: RateLimits;
  createdAt: string;
  updatedAt: string;
}

/** The fields of a workspace: a `tier`, or its own `rateLimits`. Omitted fields are unchanged. */
export interface WorkspaceChange {
  name?: string;
  tier?: "standard" | "enterprise";
  rateLimits?: Partial<RateLimits>;
}

const WORKSPACES = "/api/v1/workspaces";

/**
 * Calls for workspaces: `client.workspaces`. They require scope `admin`; creating one and changing
 * its limits require a key of the default workspace.
 */
export class Workspaces extends Resource {
  /** Creates a workspace. Create its first key with `createApiKey({ workspaceId, … })`. */
  create(
    workspace: WorkspaceChange & { name: string },
    options: PostOptions = {},
  ): Promise<Workspace> {
    return this.send({ method: "POST", path: WORKSPACES, body: workspace, ...options });
  }

  /** Returns a workspace. */
  get(workspaceId: string, options: CallOptions = {}): Promise<Workspace> {
    return this.send({ method: "GET", path: path(`${WORKSPACES}/{}`, workspaceId), ...options });
  }

  /** Returns a page of workspaces, sorted by `created_at`, `updated_at` or `name`. */
  list(options: ListOptions = {}): Promise<Page<Workspace>> {
    return this.getPage(WORKSPACES, options);
  }

  /** Iterates over all workspaces, page by page. */
  iter(options: SortOptions = {}): AsyncGenerator<Workspace> {
    return this.iterate(WORKSPACES, options);
  }

  /** Updates the given fields. */
  update(
    workspaceId: string,
    changes: WorkspaceChange,
    options: CallOptions = {},
  ): Promise<Workspace> {
    const urlPath = path(`${WORKSPACES}/{}`, workspaceId);
    return this.send({ method: "PATCH", path: urlPath, body: changes, ...options });
  }
}
