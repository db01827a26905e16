/** Results that a worker computes once: the service answers 202 until they are there. */

const REFRESH_MS = 1000;

/** The body of an answer, null while it is 202; raises ServiceError. */
export async function resultOf<T>(
  call: Promise<{ data?: unknown; response: Response }>,
): Promise<T | null> {
  const { data, response } = await call;
  return response.status === 202 ? null : (data as T);
}

/** Ask again every second while the result is not there; an option of `useQuery`. */
export function untilDone(query: { state: { data?: unknown } }): number | false {
  return query.state.data === null ? REFRESH_MS : false;
}

/** Repeat a call every second until its result is there. */
export async function waitForResult<T>(
  call: () => Promise<{ data?: unknown; response: Response }>,
): Promise<T> {
  for (;;) {
    const result = await resultOf<T>(call());
    if (result !== null) return result;
    await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
  }
}
