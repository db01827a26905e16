import { useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";

const REFRESH_MS = 5000;

/** Workers, queues, storage, versions and settings; read again every few seconds. */
export function useService() {
  return useQuery({
    queryKey: ["service"],
    queryFn: () => bodyOf(api.GET("/service")),
    refetchInterval: REFRESH_MS,
  });
}
