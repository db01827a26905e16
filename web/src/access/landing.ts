/** What the sign-in page shows, and where it leads afterwards; both from its address. */

const SENTENCES: Record<string, string> = {
  SIGN_IN_EXPIRED:
    "The sign-in took too long, or was started in another browser. Sign in again, and allow cookies for this page.",
  SIGN_IN_REFUSED:
    "The OpenID provider did not let you in, or you cancelled the sign-in. Try again, or ask the provider’s administrator.",
  FORBIDDEN:
    "You may not use this service yet. Ask an administrator of the service to give you a role.",
  UNAVAILABLE: "The OpenID provider did not respond. Try again later.",
};

const OTHER = "The sign-in failed. Try again; the service’s log has the reason.";
const MAX_LENGTH = 500;

/** Why the last sign-in failed; undefined if none did. Only words of ours, never the address's. */
export function failureOf(search: string): string | undefined {
  const code = new URLSearchParams(search).get("problem");
  if (code === null) return undefined;
  return Object.hasOwn(SENTENCES, code) ? SENTENCES[code] : OTHER;
}

/** The page of the dashboard to show after the sign-in. */
export function pageAfterSignIn({
  pathname,
  search,
}: {
  pathname: string;
  search: string;
}): string {
  const page =
    pathname === "/ui/sign-in" ? new URLSearchParams(search).get("next") : `${pathname}${search}`;
  if (!page?.startsWith("/ui/") || page.startsWith("/ui/sign-in")) return "/ui/";
  return page.includes("\\") || page.length > MAX_LENGTH ? "/ui/" : page;
}
