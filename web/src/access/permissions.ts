import { asServiceError } from "@/api/problem";
import { showToast } from "@/ui/toasts";
import { useSender } from "./queries";
import type { Scope } from "./roles";

/**
 * Why the person may not do what needs a scope; undefined if they may.
 *
 * While it is not known who they are, nothing is denied: the service decides in any case.
 */
export function useDenial(scope: Scope): string | undefined {
  const { data } = useSender();
  if (!data || data.scopes.includes(scope)) return undefined;
  return `You are signed in as ${data.name}, without the scope ${scope}. An administrator can give it to you.`;
}

/** Show why an action failed. */
export function showError(error: unknown): void {
  showToast(asServiceError(error).message, { tone: "bad" });
}
