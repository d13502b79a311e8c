/** What the management API says about webhooks, as types, and what it takes. */

import type { SortOptions } from "./managed-models.js";

/** What a webhook can be told of; `*` is everything. */
export type WebhookTopic =
  | "workflow.created"
  | "workflow.updated"
  | "workflow.activated"
  | "workflow.deactivated"
  | "workflow.deleted"
  | "workflow.executed"
  | "execution.step_completed"
  | "execution.completed"
  | "execution.failed"
  | "schedule.created"
  | "schedule.updated"
  | "schedule.deleted"
  | "schedule.triggered"
  | "*";

/** A webhook. */
export interface Webhook {
  id: string;
  url: string;
  events: WebhookTopic[];
  description: string | null;
  /** `disabled`: by the server, after long failure. */
  status: "active" | "inactive" | "disabled";
  disabledReason: string | null;
  /** Since when every attempt fails. */
  failingSince: string | null;
  previousSecretExpiresAt: string | null;
  createdAt: string;
  updatedAt: string;
}

/** A webhook just made, or given another secret. */
export interface NewWebhook extends Webhook {
  /** There where the server made it, and shown this once. */
  secret?: string;
}

/** A webhook to create. */
export interface CreateWebhook {
  url: string;
  events: WebhookTopic[];
  /** `whsec_…`; one is made where it is left out. */
  secret?: string;
  description?: string;
}

/** What can be changed of a webhook; what is left out stays as it is. */
export interface WebhookChange {
  url?: string;
  events?: WebhookTopic[];
  /** `null` takes it away. */
  description?: string | null;
  /** `active` makes one that was disabled begin anew. */
  status?: "active" | "inactive";
  /** Signs from now on, and the one before for another day. */
  secret?: string;
}

/** Which webhooks a list has. */
export interface WebhookSelection extends SortOptions {
  status?: "active" | "inactive" | "disabled";
  /** Those that are told of this event. */
  event?: WebhookTopic;
}

/** What an attempt brought: an HTTP status, or why there was none. */
export interface DeliveryResponse {
  status: number | null;
  body: string | null;
  error: string | null;
  durationMs: number;
}

/** An event on its way to a webhook; `id` is sent as `webhook-id`. */
export interface Delivery {
  id: string;
  webhookId: string | null;
  event: string;
  status: "pending" | "delivered" | "exhausted";
  /** `body` has the names that were sent, and is null where it is large. */
  request: { url: string | null; method: string; body: any; bodyBytes: number };
  response: DeliveryResponse | null;
  attemptCount: number;
  attempts: {
    number: number;
    startedAt: string;
    url: string | null;
    response: DeliveryResponse;
  }[];
  createdAt: string;
  nextAttemptAt: string | null;
}

/** The body of a webhook's request. `data` is what the matching call here answers. */
export interface WebhookEvent {
  id: string;
  type: string;
  timestamp: string;
  data: any;
}
