import { type ReactNode, Suspense, useEffect } from "react";
import { mayFollow, showNotLive, startLive } from "@/api/live";
import { queryClient } from "@/api/queries";
import { useSession } from "@/api/session";
import { lazy } from "@/ui/lazy";
import { useSender } from "./queries";

const SignInPage = lazy(() => import("./SignInPage"));

/** Shows the dashboard to those whom the service accepts, and the sign-in page to others. */
export function Session({ children }: { children: ReactNode }) {
  const session = useSession();
  if (session === "open") return <Accepted>{children}</Accepted>;
  return (
    <Suspense>
      <SignInPage reason={session} />
    </Suspense>
  );
}

function Accepted({ children }: { children: ReactNode }) {
  const { data, isPending } = useSender();
  const follows = isPending ? null : !data || mayFollow(data);
  useEffect(() => {
    if (follows) return startLive(queryClient);
    if (follows === false) showNotLive();
    return undefined;
  }, [follows]);
  return isPending ? null : children;
}
