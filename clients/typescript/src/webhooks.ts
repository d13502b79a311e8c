/** Webhooks: `/api/v1/webhooks`. */

import { path, type CallOptions, type PostOptions } from "./http.js";
import type { CursorOptions, Page, PageOptions, SortOptions } from "./managed-models.js";
import { Resource } from "./resource.js";
import type * as w from "./webhook-models.js";

const WEBHOOKS = "/api/v1/webhooks";
const WEBHOOK = `${WEBHOOKS}/{}`;

/** Filters of deliveries, newest first by default. */
export interface DeliverySelection extends SortOptions {
  status?: w.Delivery["status"];
  /** A topic, or `webhook.test`. */
  event?: string;
}

/** Calls for webhooks: `client.webhooks`. Receivers use `verifyWebhook`. */
export class Webhooks extends Resource {
  /** Creates a webhook, which sends signed events to a URL. */
  create(webhook: w.CreateWebhook, options: PostOptions = {}): Promise<w.NewWebhook> {
    return this.send({ method: "POST", path: WEBHOOKS, body: webhook, ...options });
  }

  /** Returns a webhook, without its secret. */
  get(webhookId: string, options: CallOptions = {}): Promise<w.Webhook> {
    return this.send({ method: "GET", path: path(WEBHOOK, webhookId), ...options });
  }

  /** Returns a page of webhooks. */
  list(options: w.WebhookSelection & PageOptions = {}): Promise<Page<w.Webhook>> {
    return this.getPage(WEBHOOKS, options);
  }

  /** Iterates over all webhooks, page by page. */
  iter(options: w.WebhookSelection = {}): AsyncGenerator<w.Webhook> {
    return this.iterate(WEBHOOKS, options);
  }

  /** Updates the given fields. */
  update(
    webhookId: string,
    changes: w.WebhookChange,
    options: CallOptions = {},
  ): Promise<w.Webhook> {
    const urlPath = path(WEBHOOK, webhookId);
    return this.send({ method: "PUT", path: urlPath, body: changes, ...options });
  }

  /** Deletes a webhook; its pending deliveries are dropped. */
  async delete(webhookId: string, options: CallOptions = {}): Promise<void> {
    await this.http.send({ method: "DELETE", path: path(WEBHOOK, webhookId), ...options });
  }

  /** Sends the event `webhook.test` and returns its delivery; see `getDelivery`. */
  test(webhookId: string, options: PostOptions = {}): Promise<w.Delivery> {
    return this.send({ method: "POST", path: path(`${WEBHOOK}/test`, webhookId), ...options });
  }

  /**
   * Replaces the secret of a webhook. For `overlapSeconds` (default one day) deliveries are signed
   * with the old one too.
   */
  rotateSecret(
    webhookId: string,
    rotation: { secret?: string; overlapSeconds?: number } = {},
    options: PostOptions = {},
  ): Promise<w.NewWebhook> {
    const urlPath = path(`${WEBHOOK}/rotate_secret`, webhookId);
    return this.send({ method: "POST", path: urlPath, body: rotation, ...options });
  }

  /** Returns a page of a webhook's deliveries, newest first. */
  listDeliveries(
    webhookId: string,
    options: DeliverySelection & CursorOptions = {},
  ): Promise<Page<w.Delivery>> {
    return this.getPage(path(`${WEBHOOK}/deliveries`, webhookId), options);
  }

  /** Iterates over the deliveries of a webhook, newest first, page by page. */
  iterDeliveries(webhookId: string, options: DeliverySelection = {}): AsyncGenerator<w.Delivery> {
    return this.iterate(path(`${WEBHOOK}/deliveries`, webhookId), options);
  }

  /** Returns a delivery with its attempts. */
  getDelivery(deliveryId: string, options: CallOptions = {}): Promise<w.Delivery> {
    const urlPath = path(`${WEBHOOKS}/deliveries/{}`, deliveryId);
    return this.send({ method: "GET", path: urlPath, ...options });
  }

  /** Sends a delivery again, with the same id and body. */
  redeliver(deliveryId: string, options: PostOptions = {}): Promise<w.Delivery> {
    const urlPath = path(`${WEBHOOKS}/deliveries/{}/redeliver`, deliveryId);
    return this.send({ method: "POST", path: urlPath, ...options });
  }
}
