import { useState } from "react";
import { useSearchParams } from "wouter";
import { Call } from "@/ui/Call";
import { Page, Stack } from "@/ui/Page";
import { uploadCall } from "./calls";
import { DatasetFilters, readStatus } from "./DatasetFilters";
import { DatasetList } from "./DatasetList";
import { useDatasets } from "./queries";
import { DropZone } from "./uploads/DropZone";
import type { Source } from "./uploads/source";
import { startUpload, useUploads } from "./uploads/store";
import { UploadForm } from "./uploads/UploadForm";
import { UploadList } from "./uploads/UploadList";

/** All datasets, and the place to upload one. */
export default function DatasetsPage() {
  const [params] = useSearchParams();
  const filters = { q: params.get("q") ?? "", status: readStatus(params.get("status")) };
  const query = useDatasets(filters);
  const [drafts, setDrafts] = useState<readonly Source[]>([]);
  const hasUploads = useUploads().length > 0;
  const isFiltered = filters.q !== "" || filters.status !== null;
  const isEmpty = !isFiltered && query.data?.pages[0]?.data.length === 0;

  const forget = (source: Source) => setDrafts(drafts.filter((draft) => draft !== source));

  return (
    <Page
      title="Datasets"
      documentTitle="Datasets"
      subtitle="Labelled images to train on. A dataset does not change once it is ready."
      actions={<Call call={uploadCall(location.origin)} />}
    >
      <Stack>
        <DropZone
          title={
            isEmpty
              ? "Drop a folder of images here"
              : "Drop a folder, zip or tar anywhere on this page"
          }
          isLarge={isEmpty && drafts.length === 0 && !hasUploads}
          onSources={(sources) => setDrafts((before) => [...before, ...sources])}
        >
          Put the images of each class into a folder with its name, such as <code>ants</code> and{" "}
          <code>bees</code>, and drop the folder around them. A zip or tar is fine, too.
        </DropZone>
        {drafts.map((source, index) => (
          <UploadForm
            // biome-ignore lint/suspicious/noArrayIndexKey: two drafts may have the same name
            key={`${source.name} ${index}`}
            source={source}
            onCancel={() => forget(source)}
            onUpload={(options) => {
              forget(source);
              startUpload(source, options);
            }}
          />
        ))}
        <UploadList />
      </Stack>
      {!isEmpty && (
        <Stack>
          <DatasetFilters filters={filters} />
          <DatasetList query={query} isFiltered={isFiltered} />
        </Stack>
      )}
    </Page>
  );
}
