/**
 * Whether this browser may use the service.
 *
 * The session is a cookie that no script can read, so the page learns that it is over from an
 * answer with status 401. Tabs tell each other when a person signs in or out.
 */

import { useSyncExternalStore } from "react";

/** `missing`: nobody has signed in; `expired`: the session was valid before; `left`: signed out. */
export type SessionState = "open" | "missing" | "expired" | "left";

const CHANNEL = "graft-session";

let state: SessionState = "open";
let wasAccepted = false;
let channel: BroadcastChannel | null = null;
const watchers = new Set<() => void>();

function setState(next: SessionState): void {
  if (next === state) return;
  state = next;
  for (const notify of watchers) notify();
}

/** The state of the session; re-renders when it changes. */
export function useSession(): SessionState {
  return useSyncExternalStore(
    (notify) => {
      watchers.add(notify);
      return () => watchers.delete(notify);
    },
    () => state,
  );
}

/** Record that the service has accepted this browser. */
export function acceptSession(): void {
  wasAccepted = true;
}

/** Record that the service has answered 401. */
export function closeSession(): void {
  if (state === "open") setState(wasAccepted ? "expired" : "missing");
}

/** Record that the person has signed out, here and in the other tabs. */
export function leaveSession(): void {
  channel?.postMessage("left");
  setState("left");
}

/** Start again as the person who has just signed in, here and in the other tabs. */
export function enterSession(): void {
  channel?.postMessage("entered");
  location.reload();
}

/** Follow what happens in other tabs. */
export function shareSession(): void {
  channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = ({ data }: MessageEvent<"left" | "entered">) => {
    if (data === "left") setState("left");
    else if (state !== "open") location.reload();
  };
}
