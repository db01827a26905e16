/**
 * Live updates: one event stream per browser, shared by its tabs.
 *
 * The tab that holds a Web Lock keeps the connection and forwards every hint through a
 * BroadcastChannel. When it closes, another tab gets the lock and connects. Hints carry no data:
 * they name what changed, and the pages fetch it again.
 */

import type { QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";
import { api, bodyOf, type Schemas } from "./client";
import { asServiceError } from "./problem";

export const TOPICS = ["datasets", "jobs", "studies", "models", "serving", "predictions"] as const;
export type Topic = (typeof TOPICS)[number];
/** `off`: whoever is signed in may not follow changes. */
export type LiveState = "connecting" | "live" | "stale" | "off";

type Message =
  | { kind: "hint"; topic: Topic; ids: string[] }
  | { kind: "state"; state: LiveState }
  | { kind: "ask" };

const CHANNEL = "graft-live";
const LOCK = "graft-live";
const RECONNECT_MS = 1500;
const PROBE_MS = 5000;
const NEEDED = ["datasets:read", "jobs:read", "models:read"] as const;

let state: LiveState = "connecting";
const watchers = new Set<() => void>();

function setState(next: LiveState): void {
  if (next === state) return;
  state = next;
  for (const notify of watchers) notify();
}

/** Whether the page is up to date; re-renders when that changes. */
export function useLiveState(): LiveState {
  return useSyncExternalStore(
    (notify) => {
      watchers.add(notify);
      return () => watchers.delete(notify);
    },
    () => state,
  );
}

/** Make the queries stale that a hint concerns: all lists of the topic, and the named subjects. */
export function applyHint(client: QueryClient, topic: Topic, ids: readonly string[]): void {
  void client.invalidateQueries({
    predicate: ({ queryKey }) => {
      if (queryKey[0] === "overview") return true;
      if (queryKey[0] !== topic) return false;
      const subject = queryKey[1];
      return typeof subject !== "string" || ids.length === 0 || ids.includes(subject);
    },
  });
}

/** Whether someone may follow the changes of the service. */
export function mayFollow({ scopes }: Pick<Schemas["WhoAmI"], "scopes">): boolean {
  return NEEDED.every((scope) => scopes.includes(scope));
}

/** Show that nothing updates by itself. */
export function showNotLive(): void {
  setState("off");
}

/** Start listening; returns a function that stops it. */
export function startLive(client: QueryClient): () => void {
  const channel = new BroadcastChannel(CHANNEL);
  const stop = new AbortController();
  let isLeader = false;

  function handle(message: Message): void {
    if (message.kind === "hint") applyHint(client, message.topic, message.ids);
    else if (message.kind === "state") {
      const wasStale = state === "stale";
      setState(message.state);
      if (message.state === "live" && wasStale) void client.invalidateQueries();
    } else if (isLeader) channel.postMessage({ kind: "state", state } satisfies Message);
  }

  function publish(message: Message): void {
    channel.postMessage(message);
    handle(message);
  }

  channel.onmessage = (event: MessageEvent<Message>) => handle(event.data);
  channel.postMessage({ kind: "ask" } satisfies Message);

  const lead = async (): Promise<void> => {
    isLeader = true;
    await connect(publish, stop.signal);
  };
  if ("locks" in navigator) {
    navigator.locks.request(LOCK, { signal: stop.signal }, lead).catch(() => undefined);
  } else {
    void lead(); // Web Locks need a secure context; without them each tab has its own connection.
  }
  return () => {
    stop.abort();
    channel.close();
  };
}

/** Whether to open the stream again after an error; EventSource does not tell its status. */
async function mayReconnect(): Promise<boolean> {
  try {
    return mayFollow(await bodyOf(api.GET("/whoami", { signal: AbortSignal.timeout(PROBE_MS) })));
  } catch (error) {
    return ![401, 403].includes(asServiceError(error).status);
  }
}

/** Keep one event stream open until the signal aborts, or the session ends. */
function connect(publish: (message: Message) => void, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let source: EventSource | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;

    function open(): void {
      source = new EventSource("/events/stream");
      source.addEventListener("hello", () => publish({ kind: "state", state: "live" }));
      for (const topic of TOPICS) {
        source.addEventListener(topic, (event: MessageEvent<string>) => {
          const { ids } = JSON.parse(event.data) as { ids: string[] };
          publish({ kind: "hint", topic, ids });
        });
      }
      source.onerror = () => {
        source?.close();
        publish({ kind: "state", state: "stale" });
        void mayReconnect().then((may) => {
          if (signal.aborted) return;
          if (may) timer = setTimeout(open, RECONNECT_MS);
          else publish({ kind: "state", state: "off" });
        });
      };
    }

    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      source?.close();
      resolve();
    });
    open();
  });
}
