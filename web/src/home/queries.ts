import { useQuery } from "@tanstack/react-query";
import { api, bodyOf } from "@/api/client";

const NUM_RUNNING = 8;
const NUM_MODELS = 6;

/** The counts of the service and what wants attention. */
export function useOverview() {
  return useQuery({ queryKey: ["overview"], queryFn: () => bodyOf(api.GET("/overview")) });
}

/** The newest jobs that run. */
export function useRunningJobs() {
  return useQuery({
    queryKey: ["jobs", { home: "running" }],
    queryFn: () =>
      bodyOf(
        api.GET("/jobs", {
          params: { query: { status: ["running", "cancelling"], limit: NUM_RUNNING } },
        }),
      ),
  });
}

/** The jobs whose models were registered last. */
export function useLatestModels() {
  return useQuery({
    queryKey: ["jobs", { home: "succeeded" }],
    queryFn: () =>
      bodyOf(api.GET("/jobs", { params: { query: { status: ["succeeded"], limit: NUM_MODELS } } })),
  });
}

/** The newest dataset; null if there is none. */
export function useNewestDataset() {
  return useQuery({
    queryKey: ["datasets", { home: "newest" }],
    queryFn: async () => {
      const page = await bodyOf(api.GET("/datasets", { params: { query: { limit: 1 } } }));
      return page.data[0] ?? null;
    },
  });
}
