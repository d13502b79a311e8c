/** Releases and release tags: `/api/v1/workflows/{id}/releases` and `/release_tags`. */

import type { APIPromise } from "../core/api-promise.js";
import { fixed, path, type NamesOf } from "../core/arguments.js";
import type { Page, PagePromise } from "../core/page.js";
import { workflowId } from "../core/references.js";
import {
  CURSOR_LIST_NAMES,
  LIST_NAMES,
  Resource,
  type CursorListOptions,
  type ListOptions,
} from "../core/resource.js";
import { POST_NAMES, type PostOptions, type RequestOptions } from "../core/transport.js";
import type { Definition } from "../definitions.js";

/** An immutable definition. `number` counts from 1. */
export interface Release {
  number: number;
  createdAt: Date;
  definition: Definition;
}

/** A release of a tag and its weight. */
export interface TrafficShare {
  release: number;
  weight: number;
}

/** A name for a release, or for several with weights. */
export interface ReleaseTag {
  name: string;
  traffic: TrafficShare[];
  updatedAt: Date;
}

/** A deleted release tag. */
export interface DeletedReleaseTag {
  name: string;
  deleted: boolean;
}

export interface CreateReleaseOptions extends PostOptions {
  /** Tags to move to the new release. */
  releaseTags?: string[] | undefined;
}

/** The order of releases, newest first by default. */
export interface ListReleases extends CursorListOptions {
  sortBy?: "created_at" | undefined;
}

/** The order of release tags: by default `LATEST`, then the others by name. */
export interface ListReleaseTags extends ListOptions {
  sortBy?: "name" | "updated_at" | undefined;
}

const WORKFLOWS = fixed("/api/v1/workflows");
const CREATE: NamesOf<CreateReleaseOptions> = { ...POST_NAMES, releaseTags: true };

/** Releases of a workflow: `client.releases`. */
export class Releases extends Resource {
  /** Creates a release from a definition. `LATEST` and the `releaseTags` move to it. */
  create(
    workflow: string,
    definition: Definition,
    options: CreateReleaseOptions = {},
  ): APIPromise<Release> {
    return this.send({
      name: "releases.create",
      method: "POST",
      path: path`${WORKFLOWS}/${workflowId(workflow)}/releases`,
      body: { definition, releaseTags: options.releaseTags ?? [] },
      options,
      optionNames: CREATE,
    });
  }

  /** Lists the releases of a workflow. */
  list(workflow: string, options: ListReleases = {}): PagePromise<Page<Release>> {
    return this.listItems({
      name: "releases.list",
      path: path`${WORKFLOWS}/${workflowId(workflow)}/releases`,
      options,
      optionNames: CURSOR_LIST_NAMES,
    });
  }
}

/** Names for releases: `client.releaseTags`. */
export class ReleaseTags extends Resource {
  /**
   * Creates or moves a tag, effective immediately. `target` is the number of a release, or weights
   * by release: `{ 1: 90, 2: 10 }` routes 10 % of the executions to release 2. To roll back, move
   * the tag back.
   */
  set(
    workflow: string,
    tag: string,
    target: number | Record<number, number>,
    options: RequestOptions = {},
  ): APIPromise<ReleaseTag> {
    return this.send({
      name: "releaseTags.set",
      method: "PUT",
      path: path`${WORKFLOWS}/${workflowId(workflow)}/release_tags/${tag}`,
      body: typeof target === "number" ? { release: target } : { traffic: toTraffic(target) },
      options,
      // Setting the same target again has no further effect.
      repeatable: true,
    });
  }

  /** Returns a tag with the releases that it points to. */
  get(workflow: string, tag: string, options: RequestOptions = {}): APIPromise<ReleaseTag> {
    return this.send({
      name: "releaseTags.get",
      method: "GET",
      path: path`${WORKFLOWS}/${workflowId(workflow)}/release_tags/${tag}`,
      options,
    });
  }

  /** Deletes a tag. Requests that name it fail from now on; executions are unchanged. */
  delete(
    workflow: string,
    tag: string,
    options: RequestOptions = {},
  ): APIPromise<DeletedReleaseTag> {
    return this.send({
      name: "releaseTags.delete",
      method: "DELETE",
      path: path`${WORKFLOWS}/${workflowId(workflow)}/release_tags/${tag}`,
      options,
    });
  }

  /** Lists the tags of a workflow. */
  list(workflow: string, options: ListReleaseTags = {}): PagePromise<Page<ReleaseTag>> {
    return this.listItems({
      name: "releaseTags.list",
      path: path`${WORKFLOWS}/${workflowId(workflow)}/release_tags`,
      options,
      optionNames: LIST_NAMES,
    });
  }
}

function toTraffic(weights: Record<number, number>): TrafficShare[] {
  return Object.entries(weights).map(([release, weight]) => ({ release: Number(release), weight }));
}
