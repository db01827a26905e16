import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, bodyAs, bodyOf, type Schemas } from "@/api/client";
import { queryClient } from "@/api/queries";
import { acceptSession, leaveSession } from "@/api/session";
import type { AuditFilters } from "./filters";
import { toQuery } from "./filters";

export type Sender = Schemas["WhoAmI"];
export type Key = Schemas["KeyDetail"];
export type Member = Schemas["MemberDetail"];
export type Entry = Schemas["AuditEntry"];

const PAGE_SIZE = 50;

interface CursorPage {
  has_more: boolean;
  last_id: string | null;
}

function nextCursor(page: CursorPage): string | undefined {
  return page.has_more ? (page.last_id ?? undefined) : undefined;
}

/** Who uses this page, and what they may do. */
export function useSender() {
  return useQuery({
    queryKey: ["whoami"],
    retry: false,
    queryFn: async () => {
      const sender = await bodyOf(api.GET("/whoami"));
      acceptSession();
      return sender;
    },
  });
}

/** How one can sign in. */
export function useWays() {
  return useQuery({ queryKey: ["sign-in"], queryFn: () => bodyOf(api.GET("/auth")) });
}

/** Exchange a key for a session; the page keeps nothing of it. */
export async function signInWithKey(key: string): Promise<void> {
  await bodyOf(api.POST("/auth/session", { body: { api_key: key } }));
}

/** End the session, here and in the other tabs. */
export async function signOut(): Promise<void> {
  await bodyOf(api.POST("/auth/logout"));
  leaveSession();
}

/** The tenant of the sender, what it uses and what it may use. */
export function useTenant() {
  return useQuery({ queryKey: ["tenant"], queryFn: () => bodyOf(api.GET("/tenants/me")) });
}

/** The tenant's API keys, newest first. */
export function useKeys() {
  return useInfiniteQuery({
    queryKey: ["keys"],
    initialPageParam: undefined as string | undefined,
    getNextPageParam: nextCursor,
    queryFn: ({ pageParam }) =>
      bodyOf(
        api.GET("/keys", {
          params: { query: { limit: PAGE_SIZE, ...(pageParam ? { after: pageParam } : {}) } },
        }),
      ),
  });
}

/** Create a key; the answer is the only one with its secret. */
export async function createKey(body: Schemas["CreateKey"]): Promise<Schemas["CreatedKey"]> {
  const created = await bodyOf(api.POST("/keys", { body }));
  void queryClient.invalidateQueries({ queryKey: ["keys"] });
  return created as Schemas["CreatedKey"];
}

/** Revoke a key. */
export async function revokeKey(id: string): Promise<void> {
  await bodyOf(api.DELETE("/keys/{key_id}", { params: { path: { key_id: id } } }));
  await queryClient.invalidateQueries({ queryKey: ["keys"] });
}

/** The people who have signed in, newest first. */
export function useMembers() {
  return useInfiniteQuery({
    queryKey: ["members"],
    initialPageParam: undefined as string | undefined,
    getNextPageParam: nextCursor,
    queryFn: ({ pageParam }) =>
      bodyOf(
        api.GET("/members", {
          params: { query: { limit: PAGE_SIZE, ...(pageParam ? { after: pageParam } : {}) } },
        }),
      ),
  });
}

/** Change a member's role, or whether they may sign in. */
export async function changeMember(id: string, body: Schemas["ChangeMember"]): Promise<void> {
  try {
    await bodyOf(api.PATCH("/members/{member_id}", { params: { path: { member_id: id } }, body }));
  } finally {
    await queryClient.invalidateQueries({ queryKey: ["members"] });
  }
}

/** The audit log, newest first. */
export function useAuditLog(filters: AuditFilters) {
  return useInfiniteQuery({
    queryKey: ["audit", filters],
    initialPageParam: undefined as string | undefined,
    getNextPageParam: nextCursor,
    placeholderData: keepPreviousData,
    queryFn: ({ pageParam }) =>
      bodyAs<Schemas["Page_AuditEntry_"]>(
        api.GET("/audit", {
          params: {
            query: {
              limit: PAGE_SIZE,
              ...toQuery(filters),
              ...(pageParam ? { after: pageParam } : {}),
            },
          },
        }),
      ),
  });
}
