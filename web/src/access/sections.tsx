import { Tabs } from "@/ui/Tabs";
import { useSender } from "./queries";

/** The pages about access. */
export const ACCESS_PAGES = [
  {
    href: "/access/keys",
    label: "API keys",
    detail: "for programs, and for people without an OpenID provider",
    isForAdmins: true,
  },
  {
    href: "/access/members",
    label: "Members",
    detail: "people who have signed in, and their roles",
    isForAdmins: true,
  },
  {
    href: "/access/audit",
    label: "Audit log",
    detail: "who promoted, deleted or changed what",
    isForAdmins: true,
  },
  {
    href: "/access/use",
    label: "Use and quotas",
    detail: "what your tenant uses and may use",
    isForAdmins: false,
  },
] as const;

export type AccessHref = (typeof ACCESS_PAGES)[number]["href"];

/** The tabs between the pages about access; only administrators have more than one. */
export function AccessTabs({ current }: { current: AccessHref }) {
  const { data } = useSender();
  const isAdmin = data?.scopes.includes("admin") ?? false;
  const pages = ACCESS_PAGES.filter(({ isForAdmins }) => isAdmin || !isForAdmins);
  if (pages.length < 2) return null;
  return (
    <Tabs
      label="Access"
      current={current}
      tabs={pages.map(({ href, label }) => ({ id: href, href, label }))}
    />
  );
}
