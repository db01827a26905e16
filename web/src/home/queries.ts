import { useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";

/** The counts of the service and what wants attention. */
export function useOverview() {
  return useQuery({ queryKey: ["overview"], queryFn: () => bodyOf(api.GET("/overview")) });
}
