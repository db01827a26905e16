import { type UseInfiniteQueryResult, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { api, bodyOf, type Schemas } from "@/api/client";
import type { ImageFilters } from "./images/filters";

export type Dataset = Awaited<ReturnType<typeof fetchDataset>>;
export type Image = Schemas["ImageDetail"];
export type ImagePair = Schemas["ImagePair"];
export type DatasetStatus = Dataset["status"];
export type PairKind = "duplicates" | "leaked" | "near_leaked";

const NUM_DATASETS = 50;
const NUM_IMAGES = 200;
const NUM_PAIRS = 30;
const NUM_JOBS = 50;

interface CursorPage {
  has_more: boolean;
  last_id: string | null;
}

function fetchDataset(id: string) {
  return bodyOf(api.GET("/datasets/{dataset_id}", { params: { path: { dataset_id: id } } }));
}

function nextCursor(page: CursorPage): string | undefined {
  return page.has_more ? (page.last_id ?? undefined) : undefined;
}

function nextImageCursor(page: CursorPage): number | undefined {
  return page.has_more ? Number(page.last_id) : undefined;
}

/** The items of all loaded pages. */
export function itemsOf<T>(
  query: Pick<UseInfiniteQueryResult<{ pages: { data: T[] }[] }>, "data">,
): T[] {
  return query.data?.pages.flatMap((page) => page.data) ?? [];
}

/** Datasets, newest first; `q` is a part of the name. */
export function useDatasets(filters: { q: string; status: DatasetStatus | null }) {
  return useInfiniteQuery({
    queryKey: ["datasets", filters],
    initialPageParam: undefined as string | undefined,
    getNextPageParam: nextCursor,
    queryFn: ({ pageParam }) =>
      bodyOf(
        api.GET("/datasets", {
          params: {
            query: {
              limit: NUM_DATASETS,
              ...(pageParam ? { after: pageParam } : {}),
              ...(filters.q ? { q: filters.q } : {}),
              ...(filters.status ? { status: [filters.status] } : {}),
            },
          },
        }),
      ),
  });
}

/** A dataset; its progress while it is ingested. */
export function useDataset(id: string) {
  return useQuery({
    queryKey: ["datasets", id],
    queryFn: () => fetchDataset(id),
  });
}

/** The images of a ready dataset by split, class and path. They never change, only their findings. */
export function useImages(id: string, filters: ImageFilters) {
  const { split, className, finding, q } = filters;
  return useInfiniteQuery({
    queryKey: ["images", id, filters],
    initialPageParam: 0,
    getNextPageParam: nextImageCursor,
    queryFn: ({ pageParam }) =>
      bodyOf(
        api.GET("/datasets/{dataset_id}/images", {
          params: {
            path: { dataset_id: id },
            query: {
              limit: NUM_IMAGES,
              after: pageParam,
              ...(split ? { split } : {}),
              ...(className ? { class: className } : {}),
              ...(finding ? { finding } : {}),
              ...(q ? { q } : {}),
            },
          },
        }),
      ),
  });
}

/** One image by its id, wherever it is in the list. */
export function useImage(id: string, imageId: number) {
  return useQuery({
    queryKey: ["images", id, imageId],
    queryFn: async () => {
      const page = await bodyOf(
        api.GET("/datasets/{dataset_id}/images", {
          params: { path: { dataset_id: id }, query: { limit: 1, after: imageId - 1 } },
        }),
      );
      const image = page.data[0];
      if (image?.id !== imageId) throw new Error(`The dataset has no image ${imageId}.`);
      return image;
    },
  });
}

/** Pairs of images that are equal or nearly equal. */
export function usePairs(id: string, kind: PairKind) {
  return useInfiniteQuery({
    queryKey: ["images", id, { pairs: kind }],
    initialPageParam: 0,
    getNextPageParam: nextImageCursor,
    queryFn: ({ pageParam }) =>
      bodyOf(
        api.GET("/datasets/{dataset_id}/pairs", {
          params: {
            path: { dataset_id: id },
            query: { kind, limit: NUM_PAIRS, after: pageParam },
          },
        }),
      ),
  });
}

/** The architectures that advice can be given for. */
export function useArchitectures() {
  return useQuery({
    queryKey: ["architectures"],
    queryFn: () => bodyOf(api.GET("/architectures")),
  });
}

/** The jobs that were trained on a dataset, newest first. */
export function useDatasetJobs(id: string) {
  return useInfiniteQuery({
    queryKey: ["jobs", { dataset_id: id }],
    initialPageParam: undefined as string | undefined,
    getNextPageParam: nextCursor,
    queryFn: ({ pageParam }) =>
      bodyOf(
        api.GET("/jobs", {
          params: {
            query: { dataset_id: id, limit: NUM_JOBS, ...(pageParam ? { after: pageParam } : {}) },
          },
        }),
      ),
  });
}

/** Delete a dataset; raises ServiceError while a job uses it. */
export async function deleteDataset(id: string): Promise<void> {
  await api.DELETE("/datasets/{dataset_id}", { params: { path: { dataset_id: id } } });
}
