/** Templates, texts and JSON values with expressions: `/api/v1/templates`. */

import { path, type CallOptions, type PostOptions } from "./http.js";
import { ifMatch } from "./managed.js";
import type {
  CursorOptions,
  Deleted,
  Page,
  SortOptions,
  VersionOptions,
} from "./managed-models.js";
import { Resource } from "./resource.js";

const TEMPLATES = "/api/v1/templates";
const TEMPLATE = `${TEMPLATES}/{}`;

/** The names of the data of a preview belong to users. */
const PREVIEW: ReadonlySet<string> = new Set(["data"]);

/** A template in a list. */
export interface TemplateRow {
  id: string;
  name: string;
  description: string | null;
  metadata: Record<string, unknown>;
  createdAt: string;
  updatedAt: string;
  version: number;
}

/** A template. */
export interface Template extends TemplateRow {
  /** A Jinja text, or a JSON value whose texts are Jinja. */
  body: any;
  /** The data of a preview. */
  sample: Record<string, unknown>;
}

/** A template to create. */
export interface CreateTemplate {
  name: string;
  /** A Jinja text, or a JSON value whose texts are Jinja. */
  body: unknown;
  description?: string;
  sample?: Record<string, unknown>;
  metadata?: Record<string, unknown>;
}

/** A change of a template; omitted fields are unchanged, `null` empties a field. */
export interface TemplateChange {
  name?: string;
  body?: unknown;
  description?: string | null;
  sample?: Record<string, unknown> | null;
  metadata?: Record<string, unknown> | null;
}

/** Filters of templates. */
export interface TemplateSelection extends SortOptions {
  name?: string;
  /** Labels that the templates have. */
  metadata?: Record<string, string>;
}

/** The result of a preview. */
export interface TemplatePreview {
  /** A text, or the JSON value with its texts rendered. */
  rendered: any;
}

/** Calls for templates: `client.templates`. */
export class Templates extends Resource {
  /** Creates a template. */
  create(template: CreateTemplate, options: PostOptions = {}): Promise<Template> {
    return this.send({ method: "POST", path: TEMPLATES, body: template, ...options });
  }

  /** Returns a template. */
  get(templateId: string, options: CallOptions = {}): Promise<Template> {
    return this.send({ method: "GET", path: path(TEMPLATE, templateId), ...options });
  }

  /** Returns a page of templates. */
  list(options: TemplateSelection & CursorOptions = {}): Promise<Page<TemplateRow>> {
    return this.getPage(TEMPLATES, options);
  }

  /** Iterates over all templates, page by page. */
  iter(options: TemplateSelection = {}): AsyncGenerator<TemplateRow> {
    return this.iterate(TEMPLATES, options);
  }

  /** Updates the given fields. */
  update(
    templateId: string,
    changes: TemplateChange,
    { ifVersion, ...options }: VersionOptions = {},
  ): Promise<Template> {
    const headers = ifMatch(ifVersion);
    const urlPath = path(TEMPLATE, templateId);
    return this.send({ method: "PUT", path: urlPath, body: changes, headers, ...options });
  }

  /** Deletes a template. */
  delete(
    templateId: string,
    { ifVersion, ...options }: VersionOptions = {},
  ): Promise<Deleted> {
    const headers = ifMatch(ifVersion);
    return this.send({ method: "DELETE", path: path(TEMPLATE, templateId), headers, ...options });
  }

  /** Renders a template with `data`, by default with its own sample. */
  preview(
    templateId: string,
    data?: Record<string, unknown>,
    options: PostOptions = {},
  ): Promise<TemplatePreview> {
    const urlPath = path(`${TEMPLATE}/preview`, templateId);
    const body = data === undefined ? {} : { data };
    return this.send({ method: "POST", path: urlPath, body, ...options }, PREVIEW);
  }
}
