/** Being told of events: `/api/v1/webhooks`. */

import { path, type CallOptions, type PostOptions } from "./http.js";
import type { Page, PageOptions } from "./managed-models.js";
import { Resource } from "./resource.js";
import type * as w from "./webhook-models.js";

const WEBHOOKS = "/api/v1/webhooks";
const WEBHOOK = `${WEBHOOKS}/{}`;

/** Which deliveries a list has. */
export interface DeliverySelection extends CallOptions {
  status?: w.Delivery["status"];
  /** Such as `execution.completed`, or `webhook.test`. */
  event?: string;
}

/** The calls on webhooks: `client.webhooks`. See `verifyWebhook` for their receivers. */
export class Webhooks extends Resource {
  /** Has events sent to a URL, signed. */
  create(webhook: w.CreateWebhook, options: PostOptions = {}): Promise<w.NewWebhook> {
    return this.send({ method: "POST", path: WEBHOOKS, body: webhook, ...options });
  }

  /** A webhook, without its secret. */
  get(webhookId: string, options: CallOptions = {}): Promise<w.Webhook> {
    return this.send({ method: "GET", path: path(WEBHOOK, webhookId), ...options });
  }

  /** A page of webhooks. */
  list(options: w.WebhookSelection & PageOptions = {}): Promise<Page<w.Webhook>> {
    return this.page(WEBHOOKS, options);
  }

  /** All webhooks, page by page. */
  iter(options: w.WebhookSelection = {}): AsyncGenerator<w.Webhook> {
    return this.each(WEBHOOKS, options);
  }

  /** Changes what is given. */
  update(
    webhookId: string,
    changes: w.WebhookChange,
    options: CallOptions = {},
  ): Promise<w.Webhook> {
    const where = path(WEBHOOK, webhookId);
    return this.send({ method: "PUT", path: where, body: changes, ...options });
  }

  /** Deletes a webhook; what is still to be sent to it is not sent. */
  async delete(webhookId: string, options: CallOptions = {}): Promise<void> {
    await this.http.send({ method: "DELETE", path: path(WEBHOOK, webhookId), ...options });
  }

  /** Sends the event `webhook.test`; its delivery tells what came back. */
  test(webhookId: string, options: PostOptions = {}): Promise<w.Delivery> {
    return this.send({ method: "POST", path: path(`${WEBHOOK}/test`, webhookId), ...options });
  }

  /** Gives a webhook another secret; for `overlapSeconds` (default a day) the old one signs too. */
  rotateSecret(
    webhookId: string,
    rotation: { secret?: string; overlapSeconds?: number } = {},
    options: PostOptions = {},
  ): Promise<w.NewWebhook> {
    const where = path(`${WEBHOOK}/rotate_secret`, webhookId);
    return this.send({ method: "POST", path: where, body: rotation, ...options });
  }

  /** A page of a webhook's deliveries, newest first. */
  listDeliveries(
    webhookId: string,
    options: DeliverySelection & PageOptions = {},
  ): Promise<Page<w.Delivery>> {
    return this.page(path(`${WEBHOOK}/deliveries`, webhookId), options);
  }

  /** All deliveries of a webhook, newest first, page by page. */
  iterDeliveries(webhookId: string, options: DeliverySelection = {}): AsyncGenerator<w.Delivery> {
    return this.each(path(`${WEBHOOK}/deliveries`, webhookId), options);
  }

  /** A delivery, such as that of a test: what came of it. */
  getDelivery(deliveryId: string, options: CallOptions = {}): Promise<w.Delivery> {
    const where = path(`${WEBHOOKS}/deliveries/{}`, deliveryId);
    return this.send({ method: "GET", path: where, ...options });
  }

  /** Sends a delivery again. */
  redeliver(deliveryId: string, options: PostOptions = {}): Promise<w.Delivery> {
    const where = path(`${WEBHOOKS}/deliveries/{}/redeliver`, deliveryId);
    return this.send({ method: "POST", path: where, ...options });
  }
}
