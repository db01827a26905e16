import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas } from "./client";
import { resultOf, untilDone } from "./pending";

/** The advice on how to train on a dataset; null while a worker measures it. */
export function adviceQuery(datasetId: string, architecture: string) {
  return queryOptions({
    queryKey: ["advice", datasetId, architecture],
    queryFn: () =>
      resultOf<Schemas["Advice"]>(
        api.GET("/datasets/{dataset_id}/advice", {
          params: { path: { dataset_id: datasetId }, query: { architecture } },
        }),
      ),
    staleTime: Number.POSITIVE_INFINITY,
    refetchInterval: untilDone,
  });
}
