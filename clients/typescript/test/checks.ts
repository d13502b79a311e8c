/** Shared by the tests. */

import assert from "node:assert/strict";

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The error of a rejected promise, which must be of that class. */
export async function thrown<E extends Error>(
  promise: PromiseLike<unknown>,
  kind: new (...args: never[]) => E,
): Promise<E> {
  const error: unknown = await Promise.resolve(promise).then(
    () => assert.fail("nothing was thrown"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof kind, String(error));
  return error;
}
