import { Suspense } from "react";
import { useSearchParams } from "wouter";
import { count } from "@/format";
import { lazy } from "@/ui/lazy";
import { Stack } from "@/ui/Page";
import { Pills } from "@/ui/Pills";
import { neighboursOf, withParams } from "../images/filters";
import { findingsPath } from "../links";
import type { Dataset } from "../queries";
import { countFindings, FINDING_KINDS, type FindingKind } from "../summary";
import styles from "./FindingsTab.module.css";
import { PairsList } from "./PairsList";
import { SkippedFiles } from "./SkippedFiles";
import { SuspectLabels } from "./SuspectLabels";
import { FINDING_TEXTS } from "./words";

const ImageViewer = lazy(() => import("../images/ImageViewer"));

/** What the service found in a dataset, one kind at a time. */
export function FindingsTab({ dataset }: { dataset: Dataset }) {
  const [params, setParams] = useSearchParams();
  const counts = countFindings(dataset);
  const asked = FINDING_KINDS.find((kind) => kind === params.get("kind"));
  const kind =
    asked ?? FINDING_KINDS.find((one) => counts[one] > 0) ?? FINDING_KINDS[0] ?? "leaked";
  const { meaning, remedy, none } = FINDING_TEXTS[kind];
  const opened = Number(params.get("image")) || null;
  const suspects =
    kind === "suspect_labels" ? dataset.report.suspect_labels.map(({ image_id }) => image_id) : [];

  function show(id: number | null, replace: boolean): void {
    const image = id === null ? null : String(id);
    setParams((before) => withParams(before, { image }), { replace });
  }

  return (
    <Stack>
      <Pills
        label="Kind of finding"
        current={kind}
        pills={FINDING_KINDS.map((id) => ({
          id,
          label: FINDING_TEXTS[id].tab,
          count: count(counts[id]),
          href: findingsPath(dataset.id, id),
        }))}
      />
      {counts[kind] === 0 ? (
        <p className={styles.none}>{none}</p>
      ) : (
        <>
          <p className={styles.text}>
            {meaning} {remedy}
          </p>
          <FindingsOf kind={kind} dataset={dataset} onOpen={(id) => show(id, false)} />
        </>
      )}
      {opened !== null && (
        <Suspense>
          <ImageViewer
            dataset={dataset}
            imageId={opened}
            known={undefined}
            neighbours={neighboursOf(suspects, opened, false)}
            onShow={(id) => show(id, true)}
          />
        </Suspense>
      )}
    </Stack>
  );
}

function FindingsOf({
  kind,
  dataset,
  onOpen,
}: {
  kind: FindingKind;
  dataset: Dataset;
  onOpen: (imageId: number) => void;
}) {
  switch (kind) {
    case "leaked":
    case "near_leaked":
    case "duplicates":
      return <PairsList key={kind} datasetId={dataset.id} kind={kind} onOpen={onOpen} />;
    case "suspect_labels":
      return <SuspectLabels dataset={dataset} onOpen={onOpen} />;
    default:
      return (
        <SkippedFiles
          files={dataset.report[kind]}
          total={dataset.report.counts[kind]}
          kind={kind}
        />
      );
  }
}
