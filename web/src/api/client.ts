import createClient from "openapi-fetch";
import { readError } from "./problem";
import type { components, paths } from "./schema";

export type Schemas = components["schemas"];

/** The typed client of the service that serves this page. */
export const api = createClient<paths>({ baseUrl: "" });

api.use({
  async onResponse({ response }) {
    if (!response.ok && response.status !== 304) throw await readError(response);
    return undefined;
  },
});

/** Await a call and return its body; raises ServiceError. */
export async function bodyOf<T>(call: Promise<{ data?: T; response: Response }>): Promise<T> {
  const { data } = await call;
  return data as T;
}

/**
 * Await a call and return its body as `T`, where the client's own type is wider than the schema:
 * for routes with several content types, and for pairs, which it types as arrays.
 */
export async function bodyAs<T>(call: Promise<{ data?: unknown }>): Promise<T> {
  return (await call).data as T;
}

/** A new key for `Idempotency-Key`, so that a repeated POST creates nothing twice. */
export function idempotencyKey(): string {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
