/** The JSON of responses. */

import { UnexpectedResponseError } from "../errors.js";
import { requestIdOf, type ReceivedResponse } from "./api-promise.js";

/** The JSON of a response; undefined if it has no content. */
export function parseJson(name: string, { headers, body }: ReceivedResponse): unknown {
  try {
    return body === "" ? undefined : (JSON.parse(body) as unknown);
  } catch {
    // Without the error of `JSON.parse`, which shows a part of the text: it can be a secret.
    throw new UnexpectedResponseError(`the response to ${name} is not JSON`, requestIdOf(headers));
  }
}
