/** Releases, release tags, and feedback on outputs (actuals): calls and responses. */

import { DataflowClient } from "./dataflow.js";
import { UnexpectedResponseError } from "./errors.js";
import { path, type Call, type CallOptions, type PostOptions } from "./http.js";
import type { CursorListOptions, ListOptions, Page, SortOptions } from "./managed-models.js";
import { iteratePages } from "./resource.js";

/** An immutable definition. `number` counts from 1. */
export interface Release {
  number: number;
  createdAt: string;
  definition: unknown;
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
  updatedAt: string;
}

/** Feedback on an output. */
export interface StoredActual {
  id: string;
  outputId: string;
  outputName: string;
  /** 0 to 1. */
  quality: number | null;
  /** The expected value. */
  desiredOutputValue: any;
  /** Whether the output equals the expected value; null if unknown. */
  matched: boolean | null;
  metadata: Record<string, unknown>;
  timestamp: string;
  createdAt: string;
}

/** Totals of actuals. */
export interface QualityTotals {
  count: number;
  /** Of the actuals with a quality. */
  meanQuality: number | null;
  /** The share of outputs that equal the expected value, of those with one. */
  exactMatchRate: number | null;
}

/** Totals of a workflow: overall, by release, and by the tag that the executions used. */
export interface Quality extends QualityTotals {
  releases: (QualityTotals & { release: number })[];
  tags: (QualityTotals & { tag: string })[];
}

export interface CreateReleaseOptions extends PostOptions {
  /** Tags to move to the new release. */
  releaseTags?: string[];
}

const WORKFLOW = "/api/v1/workflows/{}";
const RELEASES = `${WORKFLOW}/releases`;
const TAGS = `${WORKFLOW}/release_tags`;
const ACTUALS = "/api/v1/workflow_executions/{}/actuals";

/** Releases, release tags, and actuals. */
export class ReleasesClient extends DataflowClient {
  /** Creates a release from a definition. `LATEST` and the `releaseTags` move to it. */
  createRelease(
    workflowId: string,
    definition: Record<string, unknown>,
    { releaseTags = [], ...options }: CreateReleaseOptions = {},
  ): Promise<Release> {
    const body = { definition, release_tags: releaseTags };
    const urlPath = path(RELEASES, workflowId);
    return this.sendForData({ method: "POST", path: urlPath, body, ...options });
  }

  /** Returns a page of a workflow's releases, newest first. */
  listReleases(workflowId: string, options: CursorListOptions = {}): Promise<Page<Release>> {
    return this.getPage(path(RELEASES, workflowId), options);
  }

  /** Iterates over the releases of a workflow, newest first, page by page. */
  iterReleases(workflowId: string, options: SortOptions = {}): AsyncGenerator<Release> {
    return this.iterate(path(RELEASES, workflowId), options);
  }

  /**
   * Creates or moves a tag, effective immediately. `target` is the number of a release, or weights
   * by release: `{ 1: 90, 2: 10 }` routes 10 % of the executions to release 2. To roll back, move
   * the tag back.
   */
  putReleaseTag(
    workflowId: string,
    tag: string,
    target: number | Record<number, number>,
    options: CallOptions = {},
  ): Promise<ReleaseTag> {
    const body = typeof target === "number" ? { release: target } : { traffic: toTraffic(target) };
    const urlPath = path(`${TAGS}/{}`, workflowId, tag);
    // A PUT of the same target has no further effect.
    return this.sendForData({ method: "PUT", path: urlPath, body, repeatable: true, ...options });
  }

  /** Returns a tag with the releases that it points to. */
  getReleaseTag(workflowId: string, tag: string, options: CallOptions = {}): Promise<ReleaseTag> {
    const urlPath = path(`${TAGS}/{}`, workflowId, tag);
    return this.sendForData({ method: "GET", path: urlPath, ...options });
  }

  /** Returns a page of a workflow's tags: `LATEST`, then the others by name. */
  listReleaseTags(workflowId: string, options: ListOptions = {}): Promise<Page<ReleaseTag>> {
    return this.getPage(path(TAGS, workflowId), options);
  }

  /** Iterates over the tags of a workflow, page by page. */
  iterReleaseTags(workflowId: string, options: SortOptions = {}): AsyncGenerator<ReleaseTag> {
    return this.iterate(path(TAGS, workflowId), options);
  }

  /** Returns a page of the actuals of an execution, in the order of their submission. */
  listActuals(executionId: string, options: ListOptions = {}): Promise<Page<StoredActual>> {
    return this.getPage(path(ACTUALS, executionId), options);
  }

  /** Iterates over the actuals of an execution, oldest first, page by page. */
  iterActuals(executionId: string, options: SortOptions = {}): AsyncGenerator<StoredActual> {
    return this.iterate(path(ACTUALS, executionId), options);
  }

  /** Returns totals of the actuals of a workflow. */
  workflowQuality(workflowId: string, options: CallOptions = {}): Promise<Quality> {
    const urlPath = path(`${WORKFLOW}/quality`, workflowId);
    return this.sendForData({ method: "GET", path: urlPath, ...options });
  }

  private getPage<T>(path: string, options: CursorListOptions): Promise<Page<T>> {
    const { page, pageSize, sortBy, sortOrder, cursor, ...rest } = options;
    const query = { page, page_size: pageSize, sort_by: sortBy, sort_order: sortOrder, cursor };
    return this.sendForData({ method: "GET", path, query, ...rest });
  }

  private iterate<T>(path: string, options: SortOptions): AsyncGenerator<T> {
    return iteratePages((position) =>
      this.getPage<T>(path, { pageSize: 100, ...options, ...position }),
    );
  }

  /** @internal */
  protected async sendForData<T>(call: Call): Promise<T> {
    const response = await this.sendDataflow<{ data?: T } | undefined>(call);
    if (response?.data === undefined) {
      const message = `the response to ${call.method} ${call.path} has no data`;
      throw new UnexpectedResponseError(message);
    }
    return response.data;
  }
}

function toTraffic(weights: Record<number, number>): TrafficShare[] {
  return Object.entries(weights).map(([release, weight]) => ({ release: Number(release), weight }));
}
