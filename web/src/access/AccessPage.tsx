import type { ReactNode } from "react";
import { Call, type CallText } from "@/ui/Call";
import { Callout } from "@/ui/Card";
import { Page, Stack } from "@/ui/Page";
import { Empty } from "@/ui/States";
import { useSender } from "./queries";
import { ACCESS_PAGES, type AccessHref, AccessTabs } from "./sections";

/** The frame of a page about access: its tabs, and who may see it. */
export function AccessPage({
  href,
  subtitle,
  call,
  action,
  children,
}: {
  href: AccessHref;
  subtitle: string;
  call: CallText;
  action?: ReactNode;
  children: ReactNode;
}) {
  const { data: sender } = useSender();
  const page = ACCESS_PAGES.find((one) => one.href === href);
  const isDenied = page?.isForAdmins && sender && !sender.scopes.includes("admin");
  return (
    <Page
      title={page?.label}
      documentTitle={page?.label ?? ""}
      subtitle={subtitle}
      actions={
        !isDenied && (
          <>
            {action}
            <Call call={call} />
          </>
        )
      }
    >
      <AccessTabs current={href} />
      {isDenied ? (
        <Empty title="This page is for administrators">
          You are signed in as {sender.name}, without the scope <code>admin</code>. Another
          administrator can give it to you.
        </Empty>
      ) : (
        <Stack>
          {sender?.access_control === false && (
            <Callout tone="warn" title="Access control is off.">
              Whoever reaches this service may do everything, with or without a key. Start it with{" "}
              <code>GRAFT_ACCESS_CONTROL=true</code> to ask for keys.
            </Callout>
          )}
          {children}
        </Stack>
      )}
    </Page>
  );
}
