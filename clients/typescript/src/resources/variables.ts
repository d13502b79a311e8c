/** Variables, settings of a workspace that expressions read as `vars.NAME`: `/api/v1/variables`. */

import type { APIPromise } from "../core/api-promise.js";
import { checked, fixed, path, type NamesOf } from "../core/arguments.js";
import type { Page, PagePromise } from "../core/page.js";
import {
  CURSOR_LIST_NAMES,
  ifMatch,
  Resource,
  type CursorListOptions,
  type IfVersion,
} from "../core/resource.js";
import { REQUEST_NAMES, type PostOptions, type RequestOptions } from "../core/transport.js";

/** A variable. */
export interface Variable {
  id: string;
  name: string;
  /** Any JSON value. */
  value: any;
  description: string | null;
  createdAt: Date;
  updatedAt: Date;
  version: number;
}

/** A variable to create. */
export interface NewVariable {
  name: string;
  /** Any JSON value, also `null`. */
  value: unknown;
  description?: string | undefined;
}

/** Changes of a variable; omitted fields are unchanged, `null` clears `description`. */
export interface VariableChange {
  /** Any JSON value, also `null`. */
  value?: unknown;
  description?: string | null | undefined;
}

/** Filters of variables, newest first by default. */
export interface ListVariables extends CursorListOptions {
  sortBy?: "created_at" | "updated_at" | "name" | undefined;
  name?: string | undefined;
}

export interface UpdateVariableOptions extends RequestOptions, IfVersion {}

/** Response to the deletion of a variable. */
export interface DeletedVariable {
  name: string;
  deleted: boolean;
}

const VARIABLES = fixed("/api/v1/variables");
const NEW: NamesOf<NewVariable> = { name: true, value: true, description: true };
const FIELDS: NamesOf<VariableChange> = { value: true, description: true };
const LIST: NamesOf<ListVariables> = { ...CURSOR_LIST_NAMES, name: true };
const CHANGE: NamesOf<UpdateVariableOptions> = { ...REQUEST_NAMES, ifVersion: true };

/** Variables: `client.variables`. They are not secret. */
export class Variables extends Resource {
  /** Creates a variable. */
  create(variable: NewVariable, options: PostOptions = {}): APIPromise<Variable> {
    return this.send({
      name: "variables.create",
      method: "POST",
      path: path`${VARIABLES}`,
      body: variable,
      checks: [checked(variable, NEW)],
      options,
    });
  }

  /** Returns a variable. */
  get(name: string, options: RequestOptions = {}): APIPromise<Variable> {
    return this.send({
      name: "variables.get",
      method: "GET",
      path: path`${VARIABLES}/${name}`,
      options,
    });
  }

  /** Lists variables with their values. */
  list(options: ListVariables = {}): PagePromise<Page<Variable>> {
    return this.listItems({
      name: "variables.list",
      path: path`${VARIABLES}`,
      options,
      optionNames: LIST,
    });
  }

  /** Updates the given fields. */
  update(
    name: string,
    changes: VariableChange,
    options: UpdateVariableOptions = {},
  ): APIPromise<Variable> {
    return this.send({
      name: "variables.update",
      method: "PUT",
      path: path`${VARIABLES}/${name}`,
      headers: ifMatch(options),
      body: changes,
      checks: [checked<VariableChange>(changes, FIELDS)],
      options,
      optionNames: CHANGE,
    });
  }

  /** Deletes a variable. */
  delete(name: string, options: UpdateVariableOptions = {}): APIPromise<DeletedVariable> {
    return this.send({
      name: "variables.delete",
      method: "DELETE",
      path: path`${VARIABLES}/${name}`,
      headers: ifMatch(options),
      options,
      optionNames: CHANGE,
    });
  }
}
