import { Suspense, useEffect } from "react";
import { useSearchParams } from "wouter";
import { LinkButton } from "@/ui/Button";
import { lazy } from "@/ui/lazy";
import { Stack } from "@/ui/Page";
import { Empty, Failure, Skeleton } from "@/ui/States";
import { datasetPath } from "../links";
import { type Dataset, itemsOf, useImages } from "../queries";
import { isFiltered, neighboursOf, readFilters, withParams } from "./filters";
import { ImageFiltersBar } from "./ImageFiltersBar";
import { ImageGrid } from "./ImageGrid";

const ImageViewer = lazy(() => import("./ImageViewer"));

const MAX_CATCH_UP = 4000;

/** The images of a dataset as a grid; `image` in the URL opens one in full. */
export function ImagesTab({ dataset }: { dataset: Dataset }) {
  const [params, setParams] = useSearchParams();
  const filters = readFilters(params);
  const query = useImages(dataset.id, filters);
  const images = itemsOf(query);
  const opened = Number(params.get("image")) || null;

  // Load the pages up to an image that the URL opens, so that the arrow keys can move from it.
  const lastId = images.at(-1)?.id ?? 0;
  const isBehind = opened !== null && opened >= lastId && images.length < MAX_CATCH_UP;
  const { hasNextPage, isFetching, fetchNextPage } = query;
  useEffect(() => {
    if (isBehind && hasNextPage && !isFetching) void fetchNextPage();
  }, [isBehind, hasNextPage, isFetching, fetchNextPage]);

  function show(id: number | null, replace: boolean): void {
    setParams((before) => withParams(before, { image: id === null ? null : String(id) }), {
      replace,
    });
  }

  return (
    <Stack>
      <ImageFiltersBar dataset={dataset} filters={filters} />
      {query.isPending && <Skeleton lines={8} label="Loading the images" />}
      {query.isError && images.length === 0 && (
        <Failure error={query.error} onRetry={() => void query.refetch()} />
      )}
      {query.isSuccess && images.length === 0 && (
        <Empty
          title="No image matches"
          action={<LinkButton href={datasetPath(dataset.id)}>Show all images</LinkButton>}
        >
          No image of this dataset fits all the chosen filters.
        </Empty>
      )}
      {images.length > 0 && (
        <ImageGrid
          datasetId={dataset.id}
          images={images}
          hasMore={hasNextPage}
          isLoadingMore={query.isFetchingNextPage}
          onMore={() => void fetchNextPage()}
          onOpen={(id) => show(id, false)}
        />
      )}
      {opened !== null && (
        <Suspense>
          <ImageViewer
            dataset={dataset}
            imageId={opened}
            known={images.find(({ id }) => id === opened)}
            neighbours={neighboursOf(
              images.map(({ id }) => id),
              opened,
              !isFiltered(filters),
            )}
            onShow={(id) => show(id, true)}
          />
        </Suspense>
      )}
    </Stack>
  );
}
