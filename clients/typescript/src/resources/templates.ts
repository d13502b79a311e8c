/** Templates, texts and JSON values with expressions: `/api/v1/templates`. */

import type { APIPromise } from "../core/api-promise.js";
import { checked, fixed, path, type NamesOf } from "../core/arguments.js";
import type { Page, PagePromise } from "../core/page.js";
import { templateId } from "../core/references.js";
import {
  CURSOR_LIST_NAMES,
  ifMatch,
  Resource,
  type CursorListOptions,
  type IfVersion,
} from "../core/resource.js";
import { REQUEST_NAMES, type PostOptions, type RequestOptions } from "../core/transport.js";
import type { Deleted } from "./workflow-models.js";

/** The fields of a template that lists have. */
export interface TemplateSummary {
  id: string;
  name: string;
  description: string | null;
  metadata: Record<string, unknown>;
  createdAt: Date;
  updatedAt: Date;
  version: number;
}

/** A template. */
export interface Template extends TemplateSummary {
  /** A Jinja text, or a JSON value whose texts are Jinja. */
  body: any;
  /** The data of a preview. */
  sample: Record<string, unknown>;
}

/** A template to create. */
export interface NewTemplate {
  name: string;
  /** A Jinja text, or a JSON value whose texts are Jinja. */
  body: unknown;
  description?: string | undefined;
  sample?: Record<string, unknown> | undefined;
  metadata?: Record<string, unknown> | undefined;
}

/** Changes of a template; omitted fields are unchanged, `null` clears a field. */
export interface TemplateChange {
  name?: string | undefined;
  body?: unknown;
  description?: string | null | undefined;
  sample?: Record<string, unknown> | null | undefined;
  metadata?: Record<string, unknown> | null | undefined;
}

/** Filters of templates, newest first by default. */
export interface ListTemplates extends CursorListOptions {
  sortBy?: "created_at" | "updated_at" | "name" | undefined;
  name?: string | undefined;
  /** Labels that the templates have. */
  metadata?: Record<string, string> | undefined;
}

export interface UpdateTemplateOptions extends RequestOptions, IfVersion {}

/** The result of a preview. */
export interface TemplatePreview {
  /** A text, or the JSON value with its texts rendered. */
  rendered: any;
}

const TEMPLATES = fixed("/api/v1/templates");
const FIELDS: NamesOf<NewTemplate> = {
  name: true,
  body: true,
  description: true,
  sample: true,
  metadata: true,
};
const LIST: NamesOf<ListTemplates> = { ...CURSOR_LIST_NAMES, name: true, metadata: true };
const CHANGE: NamesOf<UpdateTemplateOptions> = { ...REQUEST_NAMES, ifVersion: true };

/** The names of the data of a preview belong to users. */
const PREVIEW_DATA: ReadonlySet<string> = new Set(["data"]);

/** Templates: `client.templates`. A `template` is the id or the name of one. */
export class Templates extends Resource {
  /** Creates a template. */
  create(template: NewTemplate, options: PostOptions = {}): APIPromise<Template> {
    return this.send({
      name: "templates.create",
      method: "POST",
      path: path`${TEMPLATES}`,
      body: template,
      checks: [checked(template, FIELDS)],
      options,
    });
  }

  /** Returns a template. */
  get(template: string, options: RequestOptions = {}): APIPromise<Template> {
    return this.send({
      name: "templates.get",
      method: "GET",
      path: path`${TEMPLATES}/${templateId(template)}`,
      options,
    });
  }

  /** Lists templates, without their bodies and samples. */
  list(options: ListTemplates = {}): PagePromise<Page<TemplateSummary>> {
    return this.listItems({
      name: "templates.list",
      path: path`${TEMPLATES}`,
      options,
      optionNames: LIST,
    });
  }

  /** Updates the given fields. */
  update(
    template: string,
    changes: TemplateChange,
    options: UpdateTemplateOptions = {},
  ): APIPromise<Template> {
    return this.send({
      name: "templates.update",
      method: "PUT",
      path: path`${TEMPLATES}/${templateId(template)}`,
      headers: ifMatch(options),
      body: changes,
      checks: [checked<TemplateChange>(changes, FIELDS)],
      options,
      optionNames: CHANGE,
    });
  }

  /** Deletes a template. */
  delete(template: string, options: UpdateTemplateOptions = {}): APIPromise<Deleted> {
    return this.send({
      name: "templates.delete",
      method: "DELETE",
      path: path`${TEMPLATES}/${templateId(template)}`,
      headers: ifMatch(options),
      options,
      optionNames: CHANGE,
    });
  }

  /** Renders a template with `data`, by default with its own sample. */
  preview(
    template: string,
    data?: Record<string, unknown>,
    options: PostOptions = {},
  ): APIPromise<TemplatePreview> {
    return this.send(
      {
        name: "templates.preview",
        method: "POST",
        path: path`${TEMPLATES}/${templateId(template)}/preview`,
        body: { data },
        options,
      },
      undefined,
      PREVIEW_DATA,
    );
  }
}
