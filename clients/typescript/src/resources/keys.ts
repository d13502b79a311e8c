/** API keys: `/api/v1/auth/api-keys`. */

import type { APIPromise } from "../core/api-promise.js";
import { checked, fixed, path, type NamesOf } from "../core/arguments.js";
import type { Page, PagePromise } from "../core/page.js";
import { LIST_NAMES, Resource, type ListOptions } from "../core/resource.js";
import { Secret } from "../core/secret.js";
import type { PostOptions, RequestOptions } from "../core/transport.js";
import { RATE_LIMITS, type RateLimits, type Tier, type Workspace } from "./workspaces.js";

export type Role = "admin" | "developer" | "analyst" | "user";

/** An API key. `hint` is the start of its secret; `role` is the role with the same scopes. */
export interface ApiKey {
  id: string;
  name: string;
  hint: string;
  scopes: string[];
  role: Role | null;
  workspaceId: string;
  tier: Tier | null;
  rateLimits: RateLimits;
  status: "active" | "expired" | "revoked";
  createdAt: Date;
  expiresAt: Date | null;
  lastUsedAt: Date | null;
  revokedAt: Date | null;
}

/** A created key. */
export interface ApiKeyWithSecret extends ApiKey {
  /** The key itself, shown only once: `secret.reveal()`, or pass it as `apiKey`. */
  secret: Secret;
}

/**
 * A key to create: with the scopes of `scopes`, of a `role` or of both, and the limits of a `tier`
 * or its own.
 */
export interface NewApiKey {
  name: string;
  scopes?: string[] | undefined;
  role?: Role | undefined;
  expiresAt?: Date | string | undefined;
  tier?: Tier | undefined;
  rateLimits?: Partial<RateLimits> | undefined;
  /** Another workspace, for admins of the default workspace. */
  workspaceId?: string | undefined;
}

/** Changes of a key; omitted fields are unchanged. */
export interface ApiKeyChange {
  name?: string | undefined;
  tier?: Tier | undefined;
  rateLimits?: Partial<RateLimits> | undefined;
}

/** Filters of keys, newest first by default. */
export interface ListApiKeys extends ListOptions {
  sortBy?: "created_at" | "expires_at" | "last_used_at" | "name" | undefined;
  /** Another workspace, for admins of the default workspace. */
  workspaceId?: string | undefined;
}

/** The identity of the caller. */
export interface Me {
  /** Null if the server requires no key. */
  keyId: string | null;
  /** The `createdBy` of objects that the key creates. */
  userId: string;
  keyName: string | null;
  workspaceId: string;
  workspace: Workspace;
  scopes: string[];
  role: Role | null;
  tier: Tier | null;
  rateLimits: RateLimits;
  expiresAt: Date | null;
}

const KEYS = fixed("/api/v1/auth/api-keys");
const CHANGE: NamesOf<ApiKeyChange> = { name: true, tier: true, rateLimits: true };
const NEW: NamesOf<NewApiKey> = {
  ...CHANGE,
  scopes: true,
  role: true,
  expiresAt: true,
  workspaceId: true,
};
const LIST: NamesOf<ListApiKeys> = { ...LIST_NAMES, workspaceId: true };

/** API keys: `client.keys`. Requires scope `admin`. */
export class Keys extends Resource {
  /**
   * Creates a key. Its `secret` is in this response only: if the response is lost, the retry throws
   * `ConflictError` instead of creating a second key.
   */
  create(key: NewApiKey, options: PostOptions = {}): APIPromise<ApiKeyWithSecret> {
    return this.send(
      {
        name: "keys.create",
        method: "POST",
        path: path`${KEYS}`,
        body: key,
        checks: [checked(key, NEW), checked(key?.rateLimits, RATE_LIMITS, "rateLimits")],
        options,
      },
      ({ secret, ...created }: ApiKey & { secret: string }) => ({
        ...created,
        secret: new Secret(secret),
      }),
    );
  }

  /** Returns a key, without its secret. */
  get(keyId: string, options: RequestOptions = {}): APIPromise<ApiKey> {
    return this.send({ name: "keys.get", method: "GET", path: path`${KEYS}/${keyId}`, options });
  }

  /** Lists keys, without their secrets. */
  list(options: ListApiKeys = {}): PagePromise<Page<ApiKey>> {
    return this.listItems({
      name: "keys.list",
      path: path`${KEYS}`,
      options,
      optionNames: LIST,
    });
  }

  /** Updates the name or the limits of a key, effective immediately; scopes are fixed. */
  update(keyId: string, changes: ApiKeyChange, options: RequestOptions = {}): APIPromise<ApiKey> {
    return this.send({
      name: "keys.update",
      method: "PATCH",
      path: path`${KEYS}/${keyId}`,
      body: changes,
      checks: [checked(changes, CHANGE), checked(changes?.rateLimits, RATE_LIMITS, "rateLimits")],
      options,
    });
  }

  /** Revokes a key. */
  revoke(keyId: string, options: RequestOptions = {}): APIPromise<void> {
    return this.sendForNothing({
      name: "keys.revoke",
      method: "DELETE",
      path: path`${KEYS}/${keyId}`,
      options,
    });
  }
}
