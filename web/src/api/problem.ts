import type { components } from "./schema";
import { closeSession } from "./session";

type Problem = components["schemas"]["Problem"];

/** An error that the service answered, or a request that did not reach it. */
export class ServiceError extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string | null;
  readonly fields: NonNullable<Problem["errors"]>;

  constructor(status: number, code: string, detail: string, problem?: Partial<Problem>) {
    super(detail);
    this.name = "ServiceError";
    this.status = status;
    this.code = code;
    this.requestId = problem?.request_id ?? null;
    this.fields = problem?.errors ?? [];
  }
}

/** Read the error of an answer, whatever its content type; 401 leads to the sign-in page. */
export async function readError(response: Response): Promise<ServiceError> {
  if (response.status === 401) closeSession();
  const kind = response.headers.get("content-type") ?? "";
  if (kind.startsWith("application/problem+json")) {
    const problem = (await response.json()) as Problem;
    return new ServiceError(response.status, problem.code, problem.detail, problem);
  }
  return new ServiceError(
    response.status,
    "UNEXPECTED_ANSWER",
    `The service answered with status ${response.status} and no explanation.`,
  );
}

/** Turn anything that was thrown into a ServiceError. */
export function asServiceError(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  if (error instanceof TypeError) {
    return new ServiceError(0, "UNREACHABLE", "The service does not answer. Is it running?");
  }
  return new ServiceError(
    0,
    "DASHBOARD_ERROR",
    error instanceof Error ? error.message : String(error),
  );
}
