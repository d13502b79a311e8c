/** Releases, their tags, and what was said of their outputs: the calls, and what they answer. */

import { DataflowClient } from "./dataflow.js";
import { UnexpectedAnswerError } from "./errors.js";
import { path, type Call, type CallOptions, type PostOptions } from "./http.js";
import type { CursorListOptions, ListOptions, Page, SortOptions } from "./managed-models.js";
import { allPages } from "./resource.js";

/** A definition that does not change any more. `number` counts from 1. */
export interface Release {
  number: number;
  createdAt: string;
  definition: unknown;
}

/** A release and its weight beside the others of a tag. */
export interface Share {
  release: number;
  weight: number;
}

/** A name for a release, or for several by weight. */
export interface ReleaseTag {
  name: string;
  traffic: Share[];
  updatedAt: string;
}

/** What was said of an output. */
export interface StoredActual {
  id: string;
  outputId: string;
  outputName: string;
  /** How good it was, 0 to 1. */
  quality: number | null;
  /** What it should have been. */
  desiredOutputValue: any;
  /** Whether it was exactly that; null where that is not known. */
  matched: boolean | null;
  metadata: Record<string, unknown>;
  timestamp: string;
  createdAt: string;
}

/** Actuals summed up. */
export interface QualitySum {
  count: number;
  /** Of those with a quality. */
  meanQuality: number | null;
  /** The share of outputs that were exactly as they should have been, where that is known. */
  exactMatchRate: number | null;
}

/** The same of a workflow in all, by release, and by the tag that the executions named. */
export interface Quality extends QualitySum {
  releases: (QualitySum & { release: number })[];
  tags: (QualitySum & { tag: string })[];
}

export interface CreateReleaseOptions extends PostOptions {
  /** Moved to the new release. */
  releaseTags?: string[];
}

const WORKFLOW = "/api/v1/workflows/{}";
const RELEASES = `${WORKFLOW}/releases`;
const TAGS = `${WORKFLOW}/release_tags`;
const ACTUALS = "/api/v1/workflow_executions/{}/actuals";

/** Releases, release tags, and actuals. */
export class ReleasesClient extends DataflowClient {
  /** Releases a definition: it becomes the newest release, which `LATEST` means. */
  createRelease(
    workflowId: string,
    definition: Record<string, unknown>,
    { releaseTags = [], ...options }: CreateReleaseOptions = {},
  ): Promise<Release> {
    const body = { definition, release_tags: releaseTags };
    const where = path(RELEASES, workflowId);
    return this.wrapped({ method: "POST", path: where, body, ...options });
  }

  /** A page of a workflow's releases, newest first. */
  listReleases(workflowId: string, options: CursorListOptions = {}): Promise<Page<Release>> {
    return this.page(path(RELEASES, workflowId), options);
  }

  /** All releases of a workflow, newest first, page by page. */
  iterReleases(workflowId: string, options: SortOptions = {}): AsyncGenerator<Release> {
    return this.each(path(RELEASES, workflowId), options);
  }

  /**
   * Makes a tag or moves it, at once. `target` is the number of a release, or weights by release:
   * `{ 1: 90, 2: 10 }` sends one execution in ten to release 2. Moving it back is a rollback.
   */
  putReleaseTag(
    workflowId: string,
    tag: string,
    target: number | Record<number, number>,
    options: CallOptions = {},
  ): Promise<ReleaseTag> {
    const body = typeof target === "number" ? { release: target } : { traffic: shares(target) };
    const where = path(`${TAGS}/{}`, workflowId, tag);
    // The same again changes nothing.
    return this.wrapped({ method: "PUT", path: where, body, repeatable: true, ...options });
  }

  /** Where a tag points. */
  getReleaseTag(workflowId: string, tag: string, options: CallOptions = {}): Promise<ReleaseTag> {
    const where = path(`${TAGS}/{}`, workflowId, tag);
    return this.wrapped({ method: "GET", path: where, ...options });
  }

  /** A page of a workflow's tags: `LATEST`, then the others by name. */
  listReleaseTags(workflowId: string, options: ListOptions = {}): Promise<Page<ReleaseTag>> {
    return this.page(path(TAGS, workflowId), options);
  }

  /** All tags of a workflow, page by page. */
  iterReleaseTags(workflowId: string, options: SortOptions = {}): AsyncGenerator<ReleaseTag> {
    return this.each(path(TAGS, workflowId), options);
  }

  /** A page of what was said of an execution's outputs, in the order it came. */
  listActuals(executionId: string, options: ListOptions = {}): Promise<Page<StoredActual>> {
    return this.page(path(ACTUALS, executionId), options);
  }

  /** All that was said of an execution's outputs, in the order it came, page by page. */
  iterActuals(executionId: string, options: SortOptions = {}): AsyncGenerator<StoredActual> {
    return this.each(path(ACTUALS, executionId), options);
  }

  /** The actuals of a workflow summed up. */
  workflowQuality(workflowId: string, options: CallOptions = {}): Promise<Quality> {
    const where = path(`${WORKFLOW}/quality`, workflowId);
    return this.wrapped({ method: "GET", path: where, ...options });
  }

  private page<T>(path: string, options: CursorListOptions): Promise<Page<T>> {
    const { page, pageSize, sortBy, sortOrder, cursor, ...rest } = options;
    const query = { page, page_size: pageSize, sort_by: sortBy, sort_order: sortOrder, cursor };
    return this.wrapped({ method: "GET", path, query, ...rest });
  }

  private each<T>(path: string, options: SortOptions): AsyncGenerator<T> {
    return allPages((turn) => this.page<T>(path, { pageSize: 100, ...options, ...turn }));
  }

  /** @internal */
  protected async wrapped<T>(call: Call): Promise<T> {
    const answer = await this.dataflow<{ data?: T } | undefined>(call);
    if (answer?.data === undefined) {
      throw new UnexpectedAnswerError(`the answer to ${call.method} ${call.path} has no data`);
    }
    return answer.data;
  }
}

function shares(weights: Record<number, number>): Share[] {
  return Object.entries(weights).map(([release, weight]) => ({ release: Number(release), weight }));
}
