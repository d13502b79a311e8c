/** Webhooks: `/api/v1/webhooks`. */

import type { APIPromise } from "../core/api-promise.js";
import { checked, checkOptions, fixed, path, type NamesOf } from "../core/arguments.js";
import type { Page, PagePromise } from "../core/page.js";
import { CURSOR_LIST_NAMES, LIST_NAMES, Resource } from "../core/resource.js";
import { Secret } from "../core/secret.js";
import { verifySignature } from "../core/signature.js";
import type { PostOptions, RequestOptions } from "../core/transport.js";
import { toExecution } from "./executions.js";
import type * as w from "./webhook-models.js";

const WEBHOOKS = fixed("/api/v1/webhooks");

const NEW: NamesOf<w.NewWebhook> = { url: true, events: true, secret: true, description: true };
const CHANGE: NamesOf<w.WebhookChange> = { ...NEW, status: true };
const ROTATION: NamesOf<w.SecretRotation> = { secret: true, overlapSeconds: true };
const LIST: NamesOf<w.ListWebhooks> = { ...LIST_NAMES, status: true, event: true };
const LIST_DELIVERIES: NamesOf<w.ListDeliveries> = {
  ...CURSOR_LIST_NAMES,
  status: true,
  event: true,
};
const VERIFY: NamesOf<w.VerifyOptions> = { tolerance: true };

const hideSecret = ({
  secret,
  ...webhook
}: w.Webhook & { secret?: string }): w.WebhookWithSecret =>
  secret === undefined ? webhook : { ...webhook, secret: new Secret(secret) };

/** Webhooks, which send signed events to your URLs: `client.webhooks`. */
export class Webhooks extends Resource {
  /** Creates a webhook, which sends signed events to a URL. */
  create(webhook: w.NewWebhook, options: PostOptions = {}): APIPromise<w.WebhookWithSecret> {
    return this.send(
      {
        name: "webhooks.create",
        method: "POST",
        path: path`${WEBHOOKS}`,
        body: webhook,
        checks: [checked(webhook, NEW)],
        options,
      },
      hideSecret,
    );
  }

  /** Returns a webhook, without its secret. */
  get(webhookId: string, options: RequestOptions = {}): APIPromise<w.Webhook> {
    return this.send({
      name: "webhooks.get",
      method: "GET",
      path: path`${WEBHOOKS}/${webhookId}`,
      options,
    });
  }

  /** Lists webhooks. */
  list(options: w.ListWebhooks = {}): PagePromise<Page<w.Webhook>> {
    return this.listItems({
      name: "webhooks.list",
      path: path`${WEBHOOKS}`,
      options,
      optionNames: LIST,
    });
  }

  /** Updates the given fields. */
  update(
    webhookId: string,
    changes: w.WebhookChange,
    options: RequestOptions = {},
  ): APIPromise<w.Webhook> {
    return this.send({
      name: "webhooks.update",
      method: "PUT",
      path: path`${WEBHOOKS}/${webhookId}`,
      body: changes,
      checks: [checked(changes, CHANGE)],
      options,
    });
  }

  /** Deletes a webhook; its pending deliveries are dropped. */
  delete(webhookId: string, options: RequestOptions = {}): APIPromise<void> {
    return this.sendForNothing({
      name: "webhooks.delete",
      method: "DELETE",
      path: path`${WEBHOOKS}/${webhookId}`,
      options,
    });
  }

  /** Sends the event `webhook.test` and returns its delivery; see `getDelivery`. */
  test(webhookId: string, options: PostOptions = {}): APIPromise<w.Delivery> {
    return this.send({
      name: "webhooks.test",
      method: "POST",
      path: path`${WEBHOOKS}/${webhookId}/test`,
      options,
    });
  }

  /** Replaces the secret of a webhook. The previous one also signs for a while. */
  rotateSecret(
    webhookId: string,
    rotation: w.SecretRotation = {},
    options: PostOptions = {},
  ): APIPromise<w.WebhookWithSecret> {
    return this.send(
      {
        name: "webhooks.rotateSecret",
        method: "POST",
        path: path`${WEBHOOKS}/${webhookId}/rotate_secret`,
        body: rotation,
        checks: [checked(rotation, ROTATION)],
        options,
      },
      hideSecret,
    );
  }

  /** Lists the deliveries of a webhook. */
  listDeliveries(webhookId: string, options: w.ListDeliveries = {}): PagePromise<Page<w.Delivery>> {
    return this.listItems({
      name: "webhooks.listDeliveries",
      path: path`${WEBHOOKS}/${webhookId}/deliveries`,
      options,
      optionNames: LIST_DELIVERIES,
    });
  }

  /** Returns a delivery with its attempts. */
  getDelivery(deliveryId: string, options: RequestOptions = {}): APIPromise<w.Delivery> {
    return this.send({
      name: "webhooks.getDelivery",
      method: "GET",
      path: path`${WEBHOOKS}/deliveries/${deliveryId}`,
      options,
    });
  }

  /** Sends a delivery again, with the same id and body. */
  redeliver(deliveryId: string, options: PostOptions = {}): APIPromise<w.Delivery> {
    return this.send({
      name: "webhooks.redeliver",
      method: "POST",
      path: path`${WEBHOOKS}/deliveries/${deliveryId}/redeliver`,
      options,
    });
  }

  /** Returns the secret that signs the callbacks of executions (`callbackUrl`). */
  signingSecret(options: RequestOptions = {}): APIPromise<Secret> {
    return this.send(
      {
        name: "webhooks.signingSecret",
        method: "GET",
        path: path`${WEBHOOKS}/signing-secret`,
        options,
      },
      ({ secret }: { secret: string }) => new Secret(secret),
    );
  }

  /**
   * Verifies a request to a webhook or callback URL and returns its event. Sends no request.
   *
   * `body` is the unmodified request body, `secret` the webhook's `whsec_…`, or several secrets
   * during a rotation. Throws `WebhookVerificationError` if no secret matches the signature, or if
   * the timestamp is too old. A delivery can arrive more than once; use the header `webhook-id` to
   * detect duplicates.
   */
  async verify(
    body: string | Uint8Array,
    headers: w.ReceivedHeaders,
    secret: string | Secret | readonly (string | Secret)[],
    options: w.VerifyOptions = {},
  ): Promise<w.WebhookEvent> {
    checkOptions("webhooks.verify", { given: options, known: VERIFY });
    const secrets = Array.isArray(secret) ? secret : [secret];
    const event = await verifySignature(body, headers, secrets, options.tolerance);
    const isExecution = /^(execution\.(completed|failed)|workflow\.executed)$/.test(event.type);
    return isExecution ? { ...event, data: toExecution(event.data) } : event;
  }
}
